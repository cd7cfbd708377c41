import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DictionaryWriter } from '../../../parsers/dictionary-writer.ts';
import { perfData } from '../../../parsers/perf-data/perf-data.ts';
import { bufferSource } from '../../../parsers/source.ts';
import { CTX_HARDIRQ, DiagnosticSink, Dictionary, NO_CPU, preemptDepth } from '../../../schema/index.ts';
import { emptyFacts, readCapture } from '../../support/parser-contract.ts';
import {
  Bytes,
  CONTEXT_KERNEL,
  CONTEXT_USER,
  formatFile,
  perfFile,
  perfPipe,
  record,
  SAMPLE_ADDR,
  SAMPLE_CALLCHAIN,
  SAMPLE_CPU,
  SAMPLE_ID,
  SAMPLE_IDENTIFIER,
  SAMPLE_IP,
  SAMPLE_PERIOD,
  SAMPLE_RAW,
  SAMPLE_READ,
  SAMPLE_TID,
  SAMPLE_TIME,
  textFeature,
  tracingData,
  type WrittenFile,
} from '../../support/perf-data-writer.ts';

const KERNEL_BUILD_ID = '48dc540c8b76393804ca8088dbfa7d42911a9444';

/** HEADER_BUILD_ID: those of a program, of a guest's kernel, and of the kernel. */
function buildIdFeature(littleEndian: boolean): Buffer {
  const event = (misc: number, id: string, name: string): Buffer => {
    const bytes = Buffer.alloc(36 + 24);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(0, 67, littleEndian);
    view.setUint16(4, misc, littleEndian);
    view.setUint16(6, bytes.length, littleEndian);
    view.setInt32(8, -1, littleEndian);
    bytes.write(id, 12, 'hex');
    bytes.write(name, 36);
    return bytes;
  };
  const [user, kernel, guest] = [2, 1, 4];
  return Buffer.concat([
    event(user, 'be6397ddffc3e384c505d7deab3bed190c884df9', '/usr/bin/dash'),
    event(kernel, KERNEL_BUILD_ID, '[kernel.kallsyms]'),
    event(kernel, '11'.repeat(20), '[drm]'),
    event(guest, '22'.repeat(20), '[guest.kernel.kallsyms]'),
  ]);
}

const FINISHED_ROUND = 68;
/** What `perf record -a -e cpu-clock` asks for. */
const PLAIN = SAMPLE_IDENTIFIER | SAMPLE_IP | SAMPLE_TID | SAMPLE_TIME | SAMPLE_CPU | SAMPLE_PERIOD;
const CPU_CLOCK = { type: 1, config: 0, sampleType: PLAIN, ids: [7] };
const ORDERS = [true, false];

interface Place {
  readonly time: number;
  readonly cpu?: number;
  readonly tid?: number;
  readonly id?: number;
}

/** sample_id words of a record that is no sample. */
function trailer(bytes: Bytes, { time, cpu = 0, tid = 1, id = 7 }: Place): Bytes {
  return bytes.u32(tid).u32(tid).u64(time).u32(cpu).u32(0).u64(id);
}

function clockSample(
  littleEndian: boolean,
  { time, cpu = 0, tid = 1, id = 7 }: Place,
  ip = 0xffffffff81000010n,
): Buffer {
  return record(9, 1, new Bytes(littleEndian).u64(id).u64(ip).u32(tid).u32(tid).u64(time).u32(cpu).u32(0).u64(1000));
}

function round(littleEndian: boolean): Buffer {
  return record(FINISHED_ROUND, 0, new Bytes(littleEndian));
}

function comm(littleEndian: boolean, tid: number, name: string, place: Place): Buffer {
  return record(3, 0, trailer(new Bytes(littleEndian).u32(tid).u32(tid).text(name, 8), place));
}

function clockFile(littleEndian: boolean, records: readonly Buffer[]): WrittenFile {
  return { littleEndian, attributes: [CPU_CLOCK], records };
}

const SWITCH_FORMAT = formatFile(
  'sched_switch',
  316,
  [
    'field:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;',
    'field:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;',
    'field:int prev_prio;\toffset:28;\tsize:4;\tsigned:1;',
    'field:long prev_state;\toffset:32;\tsize:8;\tsigned:1;',
    'field:char next_comm[16];\toffset:40;\tsize:16;\tsigned:0;',
    'field:pid_t next_pid;\toffset:56;\tsize:4;\tsigned:1;',
    'field:int next_prio;\toffset:60;\tsize:4;\tsigned:1;',
  ],
  '"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s ==> next_comm=%s next_pid=%d next_prio=%d", REC->prev_comm, REC->prev_pid, REC->prev_prio, REC->prev_state, REC->next_comm, REC->next_pid, REC->next_prio',
);
const RCU_FORMAT = formatFile(
  'rcu_utilization',
  77,
  ['field:const char * s;\toffset:8;\tsize:8;\tsigned:0;'],
  '"%s", REC->s',
);
const TRACEPOINT = PLAIN | SAMPLE_CALLCHAIN | SAMPLE_RAW;

function tracepointSample(
  littleEndian: boolean,
  id: number,
  time: number,
  chain: readonly bigint[],
  raw: Buffer,
): Buffer {
  const bytes = new Bytes(littleEndian).u64(id).u64(0xffffffff81000010n).u32(11).u32(11).u64(time).u32(1).u32(0).u64(1);
  bytes.u64(chain.length);
  for (const address of chain) bytes.u64(address);
  const padding = (8 - ((raw.length + 4) % 8)) % 8;
  return record(
    9,
    1,
    bytes
      .u32(raw.length + padding)
      .raw(raw)
      .raw(Buffer.alloc(padding)),
  );
}

/** sched_switch and rcu_utilization with call chains, as perf record -a -g would store them. */
function tracepointFile(littleEndian: boolean): WrittenFile {
  const switched = new Bytes(littleEndian)
    .u16(316)
    .u8(0x01 | 0x08)
    .u8(3)
    .u32(11)
    .text('lab upd-1', 16)
    .u32(11)
    .u32(120)
    .u64(2)
    .text('swapper/1', 16)
    .u32(0)
    .u32(120)
    .done();
  const utilized = new Bytes(littleEndian).u16(77).u8(0).u8(1).u32(11).u64(0xffffffff81a00000n).done();
  return {
    littleEndian,
    attributes: [
      { type: 2, config: 316, sampleType: TRACEPOINT, ids: [21] },
      { type: 2, config: 77, sampleType: TRACEPOINT, ids: [22] },
    ],
    records: [
      record(
        1,
        1,
        new Bytes(littleEndian)
          .u32(0xffffffff)
          .u32(0)
          .u64(0xffffffff81000000n)
          .u64(0x1000000)
          .u64(0xffffffff81000000n)
          .text('[kernel.kallsyms]_text', 8)
          .u32(0)
          .u32(0)
          .u64(0)
          .u32(0)
          .u32(0)
          .u64(0),
      ),
      comm(littleEndian, 11, 'lab upd-1', { time: 5, id: 0 }),
      tracepointSample(littleEndian, 21, 100, [CONTEXT_KERNEL, 0xffffffff81000010n, 0xffffffffa0000004n], switched),
      tracepointSample(littleEndian, 22, 200, [], utilized),
    ],
    features: new Map([
      [
        1,
        tracingData(
          littleEndian,
          [
            { system: 'sched', text: SWITCH_FORMAT },
            { system: 'rcu', text: RCU_FORMAT },
          ],
          '0xffffffff81a00000 : "Start context switch"\n',
        ),
      ],
      [2, buildIdFeature(littleEndian)],
      [3, textFeature(littleEndian, 'lab')],
      [4, textFeature(littleEndian, '6.12.0-test')],
    ]),
  };
}

describe('records of perf.data', () => {
  it.each(ORDERS)('reads file and pipe alike, little endian %s', async (littleEndian) => {
    const file = await readCapture(perfData, perfFile(tracepointFile(littleEndian)));
    const pipe = await readCapture(perfData, perfPipe(tracepointFile(littleEndian)));
    expect(file.events).toMatchObject([
      {
        tsNs: 100,
        cpu: 1,
        tid: 11,
        comm: 'lab upd-1',
        name: 'sched_switch',
        fields: { prev_comm: 'lab upd-1', prev_pid: '11', prev_state: 'D', next_comm: 'swapper/1', next_prio: '120' },
        stack: ['0xffffffff81000010', '0xffffffffa0000004'],
      },
      { tsNs: 200, name: 'rcu_utilization', stack: [], fields: { s: 'Start context switch' } },
    ]);
    expect(pipe.events).toEqual(file.events);
    expect(file.facts).toMatchObject({ format: 'perf.data', hostname: 'lab', cpus: 2, clock: 'perf' });
    expect(file.facts.profile).toMatchObject({ release: '6.12.0-test', buildId: KERNEL_BUILD_ID });
    expect(file.issues.map((issue) => issue.kind)).toEqual(['symbols-missing']);
  });

  it('takes the context from the raw data, less the preemption level of the probe itself (E0.2, S3.51)', async () => {
    const { events } = await readCapture(perfData, perfFile(tracepointFile(true)));
    expect(events[0].flags & CTX_HARDIRQ).toBe(CTX_HARDIRQ);
    expect(events.map((event) => preemptDepth(event.flags))).toEqual([2, 0]);
  });

  it('reads a compressed file through a copy of its bytes', async () => {
    const bytes = perfFile(tracepointFile(true));
    expect((await readCapture(perfData, gzipSync(bytes))).events).toEqual((await readCapture(perfData, bytes)).events);
  });

  it.each([64, 72, 96, 120, 152])('reads attributes of %d bytes', async (sizeBytes) => {
    const attributes = [{ ...CPU_CLOCK, sizeBytes }];
    const { events } = await readCapture(
      perfData,
      perfFile({ littleEndian: true, attributes, records: [clockSample(true, { time: 3 })] }),
    );
    expect(events).toMatchObject([{ name: 'cpu-clock', tsNs: 3, fields: { period: '1000' } }]);
  });

  it('puts the CPUs of a round in time order, and keeps what is late where it is', async () => {
    // A pair of CPUs makes a round. What CPU 1 has in the first round may come late, up to the end of the second.
    const rounds = [
      [
        [10, 30, 50],
        [20, 40],
      ],
      [
        [60, 70],
        [45, 55],
      ],
      [[90], [80]],
    ];
    const records = rounds.flatMap((cpus) => [
      ...cpus.flatMap((times, cpu) => times.map((time) => clockSample(true, { time, cpu }))),
      round(true),
    ]);
    const { events, issues } = await readCapture(perfData, perfFile(clockFile(true, records)));
    expect(events.map((event) => event.tsNs)).toEqual([10, 20, 30, 40, 45, 50, 55, 60, 70, 80, 90]);
    expect(issues.map((issue) => issue.kind)).toEqual(['symbols-missing']);
    const late = [
      ...[10, 20].map((time) => clockSample(true, { time })),
      round(true),
      round(true),
      clockSample(true, { time: 4 }),
    ];
    const second = await readCapture(perfData, perfFile(clockFile(true, late)));
    expect(second.events.map((event) => event.tsNs)).toEqual([10, 20, 4]);
    expect(second.issues).toContainEqual(expect.objectContaining({ kind: 'time-backwards', count: 1 }));
  });

  it('orders more than it keeps in memory when the file can be read again', async () => {
    const raw = Buffer.alloc(48_000);
    const sampleType = SAMPLE_IDENTIFIER | SAMPLE_TID | SAMPLE_TIME | SAMPLE_CPU | SAMPLE_RAW;
    const sample = (time: number, cpu: number) =>
      record(
        9,
        1,
        new Bytes(true)
          .u64(7)
          .u32(1)
          .u32(1)
          .u64(time)
          .u32(cpu)
          .u32(0)
          .u32(raw.length + 4)
          .raw(raw)
          .u32(0),
      );
    const perCpu = [0, 1].flatMap((cpu) => Array.from({ length: 600 }, (_, i) => sample(10 + 2 * i + cpu, cpu)));
    const attributes = [{ ...CPU_CLOCK, sampleType }];
    const bytes = perfFile({ littleEndian: true, attributes, records: perCpu });
    const { events, issues } = await readCapture(perfData, bytes);
    expect(events.map((event) => event.tsNs)).toEqual(Array.from({ length: 1200 }, (_, i) => 10 + i));
    expect(issues).toEqual([]);
  });

  it('names tasks as COMM and FORK say at that time', async () => {
    const fork = (pid: number, parent: number, time: number) =>
      record(7, 0, trailer(new Bytes(true).u32(pid).u32(parent).u32(pid).u32(parent).u64(time), { time }));
    const { events } = await readCapture(
      perfData,
      perfFile(
        clockFile(true, [
          clockSample(true, { time: 1, tid: 0 }),
          clockSample(true, { time: 2, tid: 40 }),
          comm(true, 40, 'sh', { time: 3 }),
          clockSample(true, { time: 4, tid: 40 }),
          fork(41, 40, 5),
          clockSample(true, { time: 6, tid: 41 }),
          comm(true, 41, 'exec me [x]', { time: 7 }),
          clockSample(true, { time: 8, tid: 41 }),
        ]),
      ),
    );
    expect(events.map((event) => event.comm)).toEqual(['swapper', ':40', 'sh', 'sh', 'exec me [x]']);
  });

  it('marks losses once, whether the kernel or the totals of perf tell them', async () => {
    const lost = (time: number, cpu: number, count: number) =>
      record(2, 0, trailer(new Bytes(true).u64(7).u64(count), { time, cpu }));
    const total = (id: number, count: number) => record(13, 0, trailer(new Bytes(true).u64(count), { time: 0, id }));
    const idIndex = record(69, 0, new Bytes(true).u64(2).u64(7).u64(0).u64(0).u64(1).u64(8).u64(0).u64(1).u64(1));
    const records = [
      idIndex,
      clockSample(true, { time: 10 }),
      lost(20, 1, 5),
      clockSample(true, { time: 30 }),
      total(7, 4),
      total(8, 9),
    ];
    const attributes = [{ ...CPU_CLOCK, ids: [7, 8] }];
    const { events, facts, issues } = await readCapture(
      perfData,
      perfFile({ littleEndian: true, attributes, records }),
    );
    const markers = events.filter((event) => event.name === 'quiesce_lost');
    expect(markers).toMatchObject([
      { tsNs: 20, shape: 'marker', fields: { lost_cpu: '1', count: '5' } },
      // CPU 1 lost 9 in all, 4 of them after the last record of the kernel; CPU 0 lost 4 that nothing else told.
      { tsNs: 30, fields: { lost_cpu: '0', count: '4' } },
      { tsNs: 30, fields: { lost_cpu: '1', count: '4' } },
    ]);
    expect(facts.lost).toBe(13);
    expect(issues).toContainEqual(expect.objectContaining({ kind: 'events-lost', count: 13 }));
  });

  it('marks throttling of an event', async () => {
    const throttle = (type: number, time: number) =>
      record(type, 0, trailer(new Bytes(true).u64(time).u64(7).u64(7), { time, cpu: 1 }));
    const { events } = await readCapture(
      perfData,
      perfFile(clockFile(true, [throttle(5, 10), clockSample(true, { time: 15 }), throttle(6, 20)])),
    );
    expect(events).toMatchObject([
      { name: 'quiesce_throttle', tsNs: 10, cpu: 1, fields: { throttled: '1' } },
      { name: 'cpu-clock' },
      { name: 'quiesce_throttle', tsNs: 20, fields: { throttled: '0' } },
    ]);
  });

  it('tells events with different sample types apart', async () => {
    const other = SAMPLE_IDENTIFIER | SAMPLE_TID | SAMPLE_TIME | SAMPLE_ADDR;
    const fault = record(9, 2, new Bytes(true).u64(8).u32(4).u32(5).u64(20).u64(0x1234));
    const { events } = await readCapture(
      perfData,
      perfFile({
        littleEndian: true,
        attributes: [CPU_CLOCK, { type: 1, config: 2, sampleType: other, ids: [8] }],
        records: [clockSample(true, { time: 10 }), fault, clockSample(true, { time: 30, id: 99 })],
      }),
    );
    expect(events).toMatchObject([
      { name: 'cpu-clock', tid: 1, cpu: 0 },
      { name: 'page-faults', tid: 5, cpu: NO_CPU, fields: { addr: String(0x1234), period: '1' } },
    ]);
  });

  it('makes a sampled group one event per counter that has moved', async () => {
    const READ_ID_GROUP = 4 | 8;
    const sampleType = SAMPLE_ID | SAMPLE_TID | SAMPLE_TIME | SAMPLE_READ;
    const sample = (time: number, cycles: number, faults: number) =>
      record(9, 1, new Bytes(true).u32(1).u32(1).u64(time).u64(7).u64(2).u64(cycles).u64(7).u64(faults).u64(8));
    const { events } = await readCapture(
      perfData,
      perfFile({
        littleEndian: true,
        attributes: [
          { type: 0, config: 0, sampleType, readFormat: READ_ID_GROUP, ids: [7] },
          { type: 1, config: 2, sampleType, readFormat: READ_ID_GROUP, ids: [8] },
        ],
        records: [sample(10, 500, 3), sample(20, 900, 3)],
      }),
    );
    expect(events.map((event) => [event.name, event.tsNs, event.fields.period, event.fields.count])).toEqual([
      ['cycles', 10, '500', '500'],
      ['page-faults', 10, '3', '3'],
      ['cycles', 20, '400', '900'],
    ]);
  });

  it('counts wall-clock times from a base (2^53 ns are 104 days)', async () => {
    const start = 1_763_612_362_123_456_789n;
    const sample = (time: bigint) =>
      record(9, 1, new Bytes(true).u64(7).u64(1).u32(1).u32(1).u64(time).u32(0).u32(0).u64(1));
    const { events, facts } = await readCapture(
      perfData,
      perfFile(clockFile(true, [sample(start), sample(start + 1n)])),
    );
    expect(events.map((event) => facts.baseNs + BigInt(event.tsNs))).toEqual([start, start + 1n]);
  });
});

describe('stacks of perf.data', () => {
  const KALLSYMS = [
    'ffffffff80000000 T _text',
    'ffffffff80000100 T synchronize_rcu',
    'ffffffff80000100 t __synchronize_rcu_alias',
    'ffffffff80000200 T schedule',
    'ffffffff80000300 D data',
    'ffffffffc0000000 t lab_wait\t[lab]',
    '',
  ].join('\n');

  async function stacks(chains: readonly (readonly bigint[])[], kallsyms: string, textAt: bigint): Promise<string[][]> {
    const folder = mkdtempSync(join(tmpdir(), 'quiesce-test-'));
    try {
      const kallsymsPath = join(folder, 'System.map');
      writeFileSync(kallsymsPath, kallsyms);
      const sampleType = PLAIN | SAMPLE_CALLCHAIN;
      const mmap = (pid: number, misc: number, start: bigint, length: number, offset: bigint, name: string) =>
        record(
          1,
          misc,
          trailer(new Bytes(true).u32(pid).u32(pid).u64(start).u64(length).u64(offset).text(name, 8), { time: 0 }),
        );
      const samples = chains.map((chain, i) => {
        const bytes = new Bytes(true)
          .u64(7)
          .u64(1)
          .u32(9)
          .u32(9)
          .u64(10 + i)
          .u32(0)
          .u32(0)
          .u64(1)
          .u64(chain.length);
        for (const address of chain) bytes.u64(address);
        return record(9, 1, bytes);
      });
      const bytes = perfFile({
        littleEndian: true,
        attributes: [{ ...CPU_CLOCK, sampleType }],
        records: [
          mmap(-1, 1, textAt, 0x1000000, textAt, '[kernel.kallsyms]_text'),
          mmap(-1, 1, 0xffffffffc1000000n, 0x1000, 0n, '/lib/modules/6.12/kernel/net/other-mod.ko.xz'),
          mmap(9, 2, 0x7f0000000000n, 0x2000, 0n, '/usr/lib/libc.so.6'),
          record(
            17,
            0,
            trailer(new Bytes(true).u64(0xffffffffc2000000n).u32(0x100).u16(1).u16(0).text('bpf_prog_x', 8), {
              time: 1,
            }),
          ),
          ...samples,
        ],
      });
      const dictionary = new Dictionary();
      const context = {
        dictionary: new DictionaryWriter(),
        diagnostics: new DiagnosticSink('test'),
        facts: emptyFacts(),
        options: { kallsymsPath },
      };
      const found: string[][] = [];
      for await (const batch of perfData.parse(bufferSource(bytes), context)) {
        dictionary.apply(batch.delta);
        for (let i = 0; i < batch.length; i++)
          found.push(dictionary.stackFrames(batch.stack[i]).map((frame) => dictionary.formatFrame(frame)));
      }
      return found;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('resolves kernel, module and BPF functions, and names the objects of user addresses', async () => {
    const chain = [CONTEXT_KERNEL, 0xffffffff80000110n, 0xffffffffc0000008n, 0xffffffffc2000010n, 0xffffffffc1000010n];
    const user = [CONTEXT_USER, 0x7f0000000010n, 0x4000n];
    expect(await stacks([[...chain, ...user]], KALLSYMS, 0xffffffff80000000n)).toEqual([
      [
        '__synchronize_rcu_alias+0x10/0x100',
        'lab_wait+0x8 [lab]',
        'bpf_prog_x+0x10/0x100 [bpf]',
        '0xffffffffc1000010 [other_mod]',
        '[unknown] [libc.so.6]',
        '[unknown] [unknown]',
      ],
    ]);
  });

  it('shifts the table when the kernel was loaded elsewhere (KASLR), and then knows no modules', async () => {
    const chain = [CONTEXT_KERNEL, 0xffffffff9a000210n, 0xffffffffc0000008n];
    expect(await stacks([chain], KALLSYMS, 0xffffffff9a000000n)).toEqual([
      ['schedule+0x10/0x100', '0xffffffffc0000008'],
    ]);
  });

  it('does not give functions the addresses behind them', async () => {
    expect(await stacks([[CONTEXT_KERNEL, 0xffffffff80000310n]], KALLSYMS, 0xffffffff80000000n)).toEqual([
      ['0xffffffff80000310'],
    ]);
  });

  it('keeps the frames before an address that is none (perf drops the whole chain)', async () => {
    const chain = [CONTEXT_KERNEL, 0xffffffff80000200n, CONTEXT_USER, 0x7f0000000010n, 2n ** 64n - 1n];
    expect(await stacks([chain, chain], KALLSYMS, 0xffffffff80000000n)).toEqual(
      Array(2).fill(['schedule+0x0/0x100', '[unknown] [libc.so.6]']),
    );
  });
});
