import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CaptureFacts, DictionaryWriter, openSource } from '../../../parsers/index.ts';
import { traceDat } from '../../../parsers/trace-dat/format.ts';
import { CaptureError, DiagnosticSink, Dictionary, EventCursor } from '../../../schema/index.ts';
import { ByteWriter } from '../../fixtures/trace-dat/byte-writer.ts';
import { readEvents } from '../../fixtures/trace-dat/read-events.ts';
import { PageBuilder, record, X86_64 } from '../../fixtures/trace-dat/ring-buffer-page.ts';
import { buildTraceDat, formatText, type TraceDatSpec } from '../../fixtures/trace-dat/trace-dat-builder.ts';
import { positionsOf } from '../../support/field-positions.ts';

const wakeupFormat = formatText(
  'sched_wakeup',
  100,
  ['char comm[16];8;16;0', 'pid_t pid;24;4;1', 'int prio;28;4;1', 'int target_cpu;32;4;1'],
  '"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu',
);
const wakeup = (pid: number, comm: string, target: number) =>
  record(X86_64, 100, pid).chars(comm, 16).u32(target).u32(120).u32(1).done();

function capture(spec: Partial<TraceDatSpec> & { time?: bigint }): Uint8Array {
  const pages = [new PageBuilder(X86_64, spec.time ?? 1000n).event(5, wakeup(7, 'woken', 42)).done()];
  return buildTraceDat({
    machine: X86_64,
    version: '7',
    formats: [{ system: 'sched', text: wakeupFormat }],
    buffers: [{ name: '', cpus: [{ cpu: 0, pages }] }],
    ...spec,
  });
}

const text = (id: number, value: string) => ({ id, data: Buffer.from(`${value}\0`) });

/** Absolute time of the first event. */
async function timeOf(bytes: Uint8Array): Promise<bigint> {
  const { events, facts } = await readEvents(bytes);
  return facts.baseNs + BigInt(events[0].tsNs);
}

it('lost events are those that the ring buffers count, where gaps know less (per_cpu/cpuN/stats)', async () => {
  const stats = (cpu: number, overrun: number, dropped: number) =>
    text(
      2,
      `CPU: ${cpu}\nentries: 10\noverrun: ${overrun}\ncommit overrun: 0\nbytes: 400\ndropped events: ${dropped}\nread events: 3\n`,
    );
  const { facts } = await readEvents(capture({ options: [stats(0, 278_856, 0), stats(1, 330_082, 2)] }));
  expect(facts.lost).toBe(608_940);
});

describe('times', () => {
  it('are the numbers of the recording, without a base, while a double holds them', async () => {
    const { events, facts } = await readEvents(capture({ time: 8_999_999_000_000_000n }));
    expect(facts.baseNs).toBe(0n);
    expect(events[0].tsNs).toBe(8_999_999_000_000_005);
  });

  it('get a base of whole days beyond that (clock tai), exact to the nanosecond', async () => {
    const { events, facts } = await readEvents(capture({ time: 1_795_151_672_476_078_711n, clock: 'tai' }));
    expect(facts.baseNs % (86_400n * 10n ** 9n)).toBe(0n);
    expect(facts.baseNs + BigInt(events[0].tsNs)).toBe(1_795_151_672_476_078_716n);
    expect(Number.isSafeInteger(events[0].tsNs)).toBe(true);
    expect(facts).toMatchObject({ clock: 'tai', timeUnit: 'ns' });
  });

  it('have the offsets of --date and --ts-offset added, as trace-cmd does', async () => {
    expect(await timeOf(capture({ options: [text(7, '-500')] }))).toBe(505n);
    expect(await timeOf(capture({ options: [text(1, '0x10')] }))).toBe(1005n + 16_000n);
    const day = capture({ options: [text(1, '1795151672000000')] });
    expect(await timeOf(day)).toBe(1_795_151_672_000_001_005n);
    for (const { tsNs } of (await readEvents(day)).events) expect(Number.isSafeInteger(tsNs)).toBe(true);
  });

  it('are converted from TSC cycles where the capture says how', async () => {
    const data = new ByteWriter(true)
      .u32(1 << 20)
      .u32(21)
      .u64(0)
      .done();
    const bytes = capture({ time: 2n ** 40n, clock: 'x86-tsc', options: [{ id: 14, data }] });
    expect(await timeOf(bytes)).toBe((2n ** 40n + 5n) / 2n);
    expect((await readEvents(bytes)).facts.timeUnit).toBe('ns');
  });

  it.each([
    ['local', 'ns'],
    ['global', 'ns'],
    ['perf', 'ns'],
    ['mono_raw', 'ns'],
    ['boot', 'ns'],
    ['counter', 'ticks'],
    ['uptime', 'ticks'],
    ['x86-tsc', 'ticks'],
  ])('of clock %s count %s', async (clock, unit) => {
    for (const version of ['6', '7'] as const) {
      expect((await readEvents(capture({ clock, version }))).facts).toMatchObject({ clock, timeUnit: unit });
    }
  });
});

describe('facts of the machine', () => {
  it('come from uname, with and without a version', async () => {
    const of = async (uname: string) => (await readEvents(capture({ uname }))).facts;
    expect(await of('Linux (none) 6.12.117-labA x86_64')).toMatchObject({
      profile: { release: '6.12.117-labA', x86: true },
    });
    expect(await of('Linux board 5.10.1 #1 SMP Tue Jan 2 aarch64')).toMatchObject({
      hostname: 'board',
      profile: { release: '5.10.1', x86: false },
    });
  });

  it('keep a host/guest session for whoever aligns the two', async () => {
    const guest = new ByteWriter(true).string('vm1').u64(77).u32(1).u32(0).u32(4242).done();
    const shift = new ByteWriter(true)
      .u64(99)
      .u32(1)
      .u32(1)
      .u32(2)
      .u64(10)
      .u64(20)
      .u64(-5)
      .u64(-6)
      .u64(1)
      .u64(1)
      .done();
    const { facts, events } = await readEvents(
      capture({
        options: [
          { id: 11, data: new ByteWriter(true).u64(55).done() },
          { id: 13, data: guest },
          { id: 12, data: shift },
        ],
      }),
    );
    expect(facts.hostGuest).toEqual({
      traceId: 55n,
      guests: [{ name: 'vm1', traceId: 77n, hostTids: [{ cpu: 0, tid: 4242 }] }],
      timeShift: { peerTraceId: 99n, flags: 1, cpus: [{ timesNs: [10n, 20n], offsetsNs: [-5n, -6n] }] },
    });
    expect(events[0].tsNs).toBe(1005);
  });
});

describe('task names in front of the events', () => {
  const names = async (savedCmdlines: string) => {
    const pages = [
      new PageBuilder(X86_64, 1)
        .event(0, wakeup(0, 'first', 42))
        .event(1, wakeup(42, 'second', 43))
        .event(1, wakeup(43, 'third', 42))
        .event(1, wakeup(42, 'fourth', 44))
        .event(1, wakeup(99, 'fifth', 45))
        .done(),
    ];
    const { events } = await readEvents(capture({ savedCmdlines, buffers: [{ name: '', cpus: [{ cpu: 0, pages }] }] }));
    return events.map(({ comm, tid }) => `${comm}-${tid}`);
  };

  it('are the saved ones, then those that wakeups tell; a name once known stays; others are <...>', async () => {
    expect(await names('43 kworker/0:1\n')).toEqual(['<idle>-0', 'first-42', 'kworker/0:1-43', 'first-42', '<...>-99']);
    expect(await names('')).toEqual(['<idle>-0', 'first-42', 'second-43', 'first-42', '<...>-99']);
  });

  it('may have blanks and brackets', async () => {
    expect(await names('42 user spin-1 [x]\n99 a b\n')).toContain('user spin-1 [x]-42');
  });
});

describe('latency recordings', () => {
  const latency = `# tracer: irqsoff
#
# irqsoff latency trace v1.1.5 on 6.12.0
#                    _------=> CPU#
#                   / _-----=> irqs-off/BH-disabled
#                  | / _----=> need-resched
#                  || / _---=> hardirq/softirq
#                  ||| / _--=> preempt-depth
#                  |||| / _-=> migrate-disable
#                  ||||| /     delay
#  cmd     pid     |||||| time  |   caller
#     \\\\   /        ||||||  \\\\    |    /
    bash-42        0d..1. 1909172us+: sched_wakeup: comm=woken pid=7 prio=120 target_cpu=001
`;
  it.each([
    ['6', 'none'],
    ['7', 'none'],
    ['7', 'zlib'],
  ] as const)('of version %s (%s) are read as the text that they hold', async (version, compression) => {
    const { events, facts } = await readEvents(capture({ version, compression, latency, buffers: [] }));
    expect(events).toMatchObject([{ name: 'sched_wakeup', tid: 42, cpu: 0, fields: { comm: 'woken', pid: '7' } }]);
    expect(facts.format).toMatch(/^trace\.dat version \d.*, latency text$/);
  });
});

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiesce-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function readFile(name: string, bytes: Uint8Array, kallsymsPath?: string) {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const source = await openSource(path);
    const facts: CaptureFacts = { format: '', cpus: 0, lost: 0, profile: {}, baseNs: 0n, timeUnit: 'ns' };
    const dictionary = new Dictionary();
    const options = kallsymsPath === undefined ? {} : { kallsymsPath };
    const context = { dictionary: new DictionaryWriter(), diagnostics: new DiagnosticSink(path), facts, options };
    const texts: string[] = [];
    for await (const batch of traceDat.parse(source, context)) {
      dictionary.apply(batch.delta);
      const cursor = new EventCursor(batch, dictionary.strings);
      for (cursor.index = 0; cursor.index < batch.length; cursor.index++)
        texts.push(cursor.text(positionsOf(dictionary.types[cursor.typeId])[0][1]));
    }
    await source.close();
    return texts;
  }

  let functions: Uint8Array;
  beforeAll(() => {
    const format = formatText('function', 1, ['unsigned long ip;8;8;0'], '" %ps", (void *)REC->ip');
    const pages = [new PageBuilder(X86_64, 1).event(0, record(X86_64, 1, 1).u64(0xffffffff81000010n).done()).done()];
    functions = capture({
      formats: [{ system: 'ftrace', text: format }],
      buffers: [{ name: '', cpus: [{ cpu: 0, pages }] }],
    });
  });

  it('are read from disk, plain and compressed', async () => {
    expect(await readFile('plain.dat', capture({}))).toEqual(['woken']);
    expect(await readFile('packed.dat.gz', gzipSync(capture({})))).toEqual(['woken']);
  });

  it('without symbols take those that the user gives', async () => {
    const symbols = join(folder, 'kallsyms');
    writeFileSync(symbols, 'ffffffff81000000 T schedule\nffffffff81000100 T end\n');
    expect(await readFile('functions.dat', functions)).toEqual(['0xffffffff81000010']);
    expect(await readFile('functions.dat', functions, symbols)).toEqual(['schedule']);
    await expect(readFile('functions.dat', functions, join(folder, 'none'))).rejects.toThrow(CaptureError);
  });
});
