/** One ring buffer, many texts: trace-cmd report in all its forms and the kernel's own trace file give the same events. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ftraceText } from '../../../parsers/ftrace-text/format.ts';
import { CTX_BH_OFF, KNOWN_EVENTS } from '../../../schema/index.ts';
import { type CaptureReading, type EventRow, readCapture } from '../../support/parser-contract.ts';

async function load(name: string): Promise<CaptureReading> {
  return readCapture(ftraceText, readFileSync(new URL(`../../fixtures/ftrace-text/${name}.txt`, import.meta.url)));
}

/** Fields whose values a form does not carry, or carries otherwise, each with the reason. */
type Difference = (event: EventRow, field: string, value: string | null, other: string | null) => boolean;

/** The kernel's file hashes pointers, trace-cmd prints them (MODEL E0.6). */
const hashedPointers: Difference = (event, field) =>
  KNOWN_EVENTS.get(event.name)?.fields.some((f) => f.name === field && f.type === 'ptr') ?? false;
/** The plugin of `report` prints R+ as R. */
const preempted: Difference = (event, field, value, other) =>
  event.name === 'sched_switch' && field === 'prev_state' && value === 'R' && other === 'R+';
/** `report` prints all letters for all timers, so the word is unknown there. */
const timerFlags: Difference = (event, field, value) =>
  event.name === 'timer_start' && field === 'flags' && value === null;
/** `idle=>c<>c<>c<>c<` of report. */
const batchEnd: Difference = (event, field, value) =>
  event.name === 'rcu_batch_end' && ['cb', 'nr', 'iit', 'risk'].includes(field) && value === '';
/** Probes: trace-cmd prints addresses, the kernel symbols. */
const probePlace: Difference = (event, field) =>
  (event.shape === 'kprobe' || event.shape === 'kretprobe') && ['func', 'ip', 'ret_ip'].includes(field);
/** The counter's low 12 bits in the text, the whole of it with -R. */
const watchingCounter: Difference = (event, field, value, other) =>
  event.name === 'rcu_watching' && field === 'counter' && (Number(other) & 0xfff) === Number(value);
/** -R resolves no function pointers and expands no trace_printk formats. */
const rawPointers: Difference = (event, field) =>
  (event.name === 'hrtimer_expire_entry' && field === 'function') || event.name === 'bprint';
/** Only -R shows the number of a system call. */
const syscallNumber: Difference = (event, field) => event.shape === 'syscall' && field === '__syscall_nr';
/** `report` leaves out the caller. */
const caller: Difference = (event, field, value) =>
  event.name === 'function' && field === 'parent_ip' && value === null;

/** In the kernel's text a trace_printk does not say which of the three records it is. */
function printName(name: string): string {
  return name === 'bprint' || name === 'bputs' ? 'print' : name;
}

interface Tolerance {
  readonly differences: readonly Difference[];
  readonly comm?: boolean;
  /** Context bits that both forms have; undefined: they are not compared. */
  readonly flags?: number;
  /** -R prints eight addresses, -N eight names. */
  readonly stack?: 'addresses' | 'first-eight';
  /** Offset between the clocks of the two texts; undefined: they agree to the microsecond. */
  readonly timeOffset?: boolean;
}

async function expectSameEvents(one: string, other: string, tolerance: Tolerance): Promise<void> {
  const a = await load(one);
  const b = await load(other);
  expect(b.events.length).toBe(a.events.length);
  expect(a.issues).toEqual([]);
  expect(b.issues).toEqual([]);
  const offset = tolerance.timeOffset ? b.events[0].tsNs - a.events[0].tsNs : 0;
  a.events.forEach((x, i) => {
    const y = b.events[i];
    expect(printName(y.name)).toBe(printName(x.name));
    expect([y.cpu, y.tid]).toEqual([x.cpu, x.tid]);
    expect(Math.abs(y.tsNs - offset - x.tsNs)).toBeLessThanOrEqual(1000);
    if (tolerance.comm ?? true) expect(y.comm).toBe(x.comm);
    else expect(x.comm.startsWith(y.comm) || y.comm.startsWith(x.comm)).toBe(true);
    if (tolerance.flags) expect(y.flags & tolerance.flags).toBe(x.flags & tolerance.flags);
    if (tolerance.stack === undefined) expect(y.stack).toEqual(x.stack);
    else if (tolerance.stack === 'first-eight') expect(y.stack).toEqual(x.stack.slice(0, 8));
    else expect(y.stack.length).toBe(Math.min(8, x.stack.length));
    for (const field of new Set([...Object.keys(x.fields), ...Object.keys(y.fields)])) {
      const value = x.fields[field] ?? null;
      const second = y.fields[field] ?? null;
      if (value === second || tolerance.differences.some((ok) => ok(x, field, value, second))) continue;
      expect.fail(`${one} → ${other}, event ${i}, ${x.name}.${field}: ${value} and ${second}`);
    }
  });
}

const TO_KERNEL_TEXT = [hashedPointers, preempted, timerFlags, batchEnd, probePlace, caller];
const TO_RAW = [preempted, timerFlags, batchEnd, probePlace, watchingCounter, rawPointers, syscallNumber];

describe.each(['nmistorm', 'chain4'])('forms of %s', (capture) => {
  it('report and trace carry the same events, but for hashed pointers and the slips of trace-cmd', () =>
    expectSameEvents(`${capture}.report`, `${capture}.trace`, { differences: TO_KERNEL_TEXT }));

  it('report -R has numbers where report has words', () =>
    expectSameEvents(`${capture}.report`, `${capture}.report-R`, { differences: TO_RAW, stack: 'addresses' }));

  it("report -N prints the kernel's own formats and eight frames of a stack", () =>
    expectSameEvents(`${capture}.report`, `${capture}.report-N`, {
      differences: [preempted, timerFlags, batchEnd],
      stack: 'first-eight',
    }));

  it('report -l cuts task names to eight characters', () =>
    expectSameEvents(`${capture}.report`, `${capture}.report-l`, { differences: [], comm: false }));

  it('report -t prints nine decimals', async () => {
    await expectSameEvents(`${capture}.report`, `${capture}.report-t`, { differences: [] });
    const { events } = await load(`${capture}.report-t`);
    expect(events.some((event) => event.tsNs % 1000 !== 0)).toBe(true);
  });
});

it('the flag column is the same glued to the CPU (report -l, latency layout) and in a column of its own', async () => {
  await expectSameEvents('chain4lat.report-l', 'chain4lat.trace', {
    differences: TO_KERNEL_TEXT,
    // trace-cmd 3.1.6 does not know the b and D of column 1.
    flags: 0xffff & ~CTX_BH_OFF,
    comm: false,
  });
  await expectSameEvents('chain4lat.trace', 'chain4lat.latency', {
    differences: [],
    flags: 0xffff,
    comm: false,
    timeOffset: true,
  });
}, 20_000);

it('function records have the caller in the kernel text and not in the report', () =>
  expectSameEvents('function.report', 'function.trace', { differences: TO_KERNEL_TEXT }));

it('every event of the catalogue has exactly its fields, whatever the form (schema/events/event-catalog.ts)', async () => {
  for (const form of [
    'nmistorm.report',
    'nmistorm.trace',
    'nmistorm.report-N',
    'chain4.report',
    'chain4.trace',
    'fgraph.trace',
  ]) {
    const { types } = await load(form);
    for (const type of types) {
      const known = KNOWN_EVENTS.get(type.name);
      if (known && type.name !== 'function') expect(type.fields).toEqual(known.fields);
    }
  }
});

it('the same function calls come from the graph and from the report of it', async () => {
  const calls = async (name: string): Promise<string[]> =>
    (await load(name)).events
      .filter((event) => event.name.startsWith('funcgraph_'))
      .slice(0, 60)
      .map((e) => `${e.name} ${e.tid} ${e.fields.func} ${e.fields.depth} ${e.fields.duration_ns ?? ''}`);
  expect(await calls('fgraph.trace')).toEqual(await calls('fgraph.report'));
});
