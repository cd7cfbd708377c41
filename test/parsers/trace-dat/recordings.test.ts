import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bufferSource, detectFormat } from '../../../parsers/index.ts';
import { type ReadEvent, readEvents } from '../../fixtures/trace-dat/read-events.ts';

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/trace-dat/${name}`, import.meta.url));
const version7 = () => fixture('nmi-storm.v7.dat');
const version6 = () => gunzipSync(fixture('nmi-storm.v6.dat.gz'));

interface ReportedEvent {
  readonly comm: string;
  readonly tid: number;
  readonly cpu: number;
  readonly tsNs: number;
  readonly name: string;
  readonly payload: string;
}

/** `     rcu_preempt-16    [000]    27.008147144: sched_switch:         prev_comm=…`; stacks continue on lines of their own. */
function reported(name: string): ReportedEvent[] {
  const events: ReportedEvent[] = [];
  for (const line of gunzipSync(fixture(name)).toString().trimEnd().split('\n')) {
    const match = /^ *(\S.*)-(\d+) +\[(\d+)\] +(\d+)\.(\d{9}): (\w+): *(.*)$/.exec(line);
    if (match) {
      const [, comm, tid, cpu, seconds, nanos, event, payload] = match;
      const tsNs = Number(seconds) * 1e9 + Number(nanos);
      events.push({ comm, tid: Number(tid), cpu: Number(cpu), tsNs, name: event, payload });
    } else if (events.length > 0) {
      const last = events[events.length - 1];
      events[events.length - 1] = { ...last, payload: `${last.payload}\n${line}` };
    }
  }
  return events;
}

/** `name=value` pairs of `trace-cmd report -R`. */
function rawFields(payload: string): Map<string, string> {
  return new Map([...payload.matchAll(/(\w+)=(.*?)(?= \w+=|$)/gs)].map(([, name, value]) => [name, value.trim()]));
}

/** -R shows numbers as the print fmt does: decimal, hexadecimal with 0x, or bare hexadecimal. */
function sameNumber(cell: string, raw: string): boolean {
  const value = BigInt.asUintN(64, BigInt(cell));
  const digits = raw.replace(/^0x0x/, '0x');
  const readings = [/^-?\d+$/.test(digits) ? BigInt(digits) : undefined, hexadecimal(digits)];
  return readings.some((reading) => reading !== undefined && BigInt.asUintN(64, reading) === value);
}

function hexadecimal(digits: string): bigint | undefined {
  const bare = digits.replace(/^0x/, '');
  return /^[0-9a-f]+$/.test(bare) ? BigInt(`0x${bare}`) : undefined;
}

type Fields = Readonly<Record<string, string>>;

/** Events whose cells are computed: their whole line is put together again. */
const RENDERED: Record<string, (fields: Fields) => string | undefined> = {
  rcu_segcb_stats: (f) =>
    `${f.ctx} seglen: (DONE=${f.seglen_done}, WAIT=${f.seglen_wait}, NEXT_READY=${f.seglen_next_ready}, NEXT=${f.seglen_next}) ` +
    `gp_seq: (DONE=${f.gp_seq_done}, WAIT=${f.gp_seq_wait}, NEXT_READY=${f.gp_seq_next_ready}, NEXT=${f.gp_seq_next})`,
  rcu_watching: (f) =>
    `${f.polarity} ${hexOf(f.oldnesting)} ${hexOf(f.newnesting)} 0x${Number(f.counter).toString(16)}`.replace(
      / 0x0$/,
      '   0',
    ),
  // libtraceevent does not know the conversion %c and prints `idle=>c<>c<>c<>c<`.
  rcu_batch_end: (f) =>
    /^[.C][.S][.I][.R]$/.test(`${f.cb}${f.nr}${f.iit}${f.risk}`)
      ? `${f.rcuname} CBs-invoked=${f.callbacks_invoked} idle=>c<>c<>c<>c<`
      : undefined,
};

/** Cells that no form of the report shows: the symbol of a probe, which report prints as an address. */
const NOT_REPORTED = new Set(['kprobe.func', 'kprobe.ip', 'kretprobe.func', 'kretprobe.ret_ip']);

function hexOf(number: string): string {
  return BigInt.asUintN(64, BigInt(number)).toString(16);
}

describe('a recording of Linux 6.12, read by trace-cmd 3.1.6 and by quiesce', () => {
  it('has the same events in the same order, with time, CPU, task and name', async () => {
    const { events, issues } = await readEvents(version7());
    const report = reported('nmi-storm.report-N.txt.gz');
    expect(issues).toEqual({});
    const heads = ({ comm, tid, cpu, tsNs, name }: ReportedEvent | ReadEvent) => ({ comm, tid, cpu, tsNs, name });
    expect(events.map(heads)).toEqual(report.map(heads));
  });

  it('has the field values of report -R, and the texts of report -N where a field is shown by text', async () => {
    const { events } = await readEvents(version7());
    const raw = reported('nmi-storm.report-R.txt.gz').map(({ payload }) => rawFields(payload));
    const kernel = reported('nmi-storm.report-N.txt.gz');
    const wrong: string[] = [];
    for (const [index, event] of events.entries()) {
      const { payload } = kernel[index];
      const rendered = RENDERED[event.name]?.(event.fields);
      if (rendered !== undefined) {
        if (rendered !== payload) wrong.push(`${event.name}: ${rendered} | ${payload}`);
        continue;
      }
      for (const [name, cell] of Object.entries(event.fields)) {
        const value = raw[index].get(name);
        const same = value !== undefined && /^-?\d+$/.test(cell) ? sameNumber(cell, value) : payload.includes(cell);
        if (!same && !NOT_REPORTED.has(`${event.shape}.${name}`))
          wrong.push(`${event.name}.${name}: ${cell} | ${payload}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('resolves probes, stacks and callbacks with the embedded kallsyms', async () => {
    const { events } = await readEvents(version7());
    const first = (name: string) => events.find((event) => event.name === name);
    expect(first('__srcu_read_lock')).toMatchObject({ shape: 'kprobe', fields: { func: '__srcu_read_lock' } });
    expect(first('synchronize_rcu_ret')).toMatchObject({ shape: 'kretprobe', fields: { func: 'synchronize_rcu' } });
    expect(first('sys_enter_close')).toMatchObject({ shape: 'syscall', system: 'syscalls', fields: { fd: '3' } });
    const handlers = new Set(events.filter(({ name }) => name === 'nmi_handler').map(({ fields }) => fields.handler));
    expect([...handlers].sort()).toEqual(['nmi_cpu_backtrace_handler', 'storm_handler']);
    expect(first('kernel_stack')?.stack.slice(0, 4)).toEqual([
      'trace_event_raw_event_sched_switch',
      '__traceiter_sched_switch',
      '__schedule',
      'schedule',
    ]);
    expect(first('bprint')?.fields).toMatchObject({ ip: 'lab_write' });
    expect(first('bprint')?.fields.buf).toMatch(/^lab: storm: cpu1 for 14000 ms/);
  });

  it('shows task states as the kernel does (MODEL 1.6)', async () => {
    const { events } = await readEvents(version7());
    const states = new Set(events.filter(({ name }) => name === 'sched_switch').map(({ fields }) => fields.prev_state));
    expect([...states].sort()).toEqual(['D', 'I', 'R', 'R+', 'S', 'X', 'Z']);
  });

  it('says what it knows of the machine', async () => {
    const { facts } = await readEvents(version7());
    expect(facts).toMatchObject({
      format: 'trace.dat version 7 (zstd)',
      clock: 'local',
      timeUnit: 'ns',
      cpus: 2,
      lost: 0,
      baseNs: 0n,
      profile: { release: '6.12.117-labA', x86: true, possibleCpus: 2 },
    });
  });

  it('is the same in version 6, in one compressed as a whole, and from a pipe', async () => {
    const { events } = await readEvents(version7());
    const inVersion6 = await readEvents(version6());
    expect(inVersion6.facts.format).toBe('trace.dat version 6');
    expect(inVersion6.events).toEqual(events);
    expect((await readEvents(fixture('nmi-storm.v6.dat.gz'))).events).toEqual(events);
    expect((await readEvents(version7(), 1000)).events).toEqual(events);
  });

  it('is recognised by its first bytes', async () => {
    expect((await detectFormat(bufferSource(version7()))).id).toBe('trace-dat');
    expect((await detectFormat(bufferSource(fixture('nmi-storm.v6.dat.gz')))).id).toBe('trace-dat');
  });
});
