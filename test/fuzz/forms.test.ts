/** The same events from every form in which a recording can come, from a store, in one, two and three threads, in any chunks, plain and compressed. */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withLineFeeds } from '../../parsers/cr-lines.ts';
import { bufferSource } from '../../parsers/source.ts';
import { readEvents } from '../../src/jobs/read-events.ts';
import { replay } from '../../src/jobs/replay.ts';
import { PageBuilder, record as ringRecord, X86_64 } from '../fixtures/trace-dat/ring-buffer-page.ts';
import { buildTraceDat, formatText } from '../fixtures/trace-dat/trace-dat-builder.ts';
import {
  Bytes,
  formatFile,
  perfFile,
  perfPipe,
  record as perfRecord,
  SAMPLE_CPU,
  SAMPLE_IDENTIFIER,
  SAMPLE_IP,
  SAMPLE_PERIOD,
  SAMPLE_RAW,
  SAMPLE_TID,
  SAMPLE_TIME,
  textFeature,
  tracingData,
} from '../support/perf-data-writer.ts';
import '../support/property-seed.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();
const ID = 316;
const CPUS = 2;

interface LabEvent {
  readonly us: number;
  readonly cpu: number;
  readonly tid: number;
  readonly a: number;
  readonly b: number;
}

/** In time order, no two at one time: forms differ in how they order those. */
const recordings = fc
  .array(
    fc.record({
      step: fc.integer({ min: 1, max: 3_000_000 }),
      cpu: fc.integer({ min: 0, max: CPUS - 1 }),
      tid: fc.integer({ min: 1, max: 9999 }),
      a: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      b: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((steps): LabEvent[] => {
    let us = 16_000_000;
    return steps.map(({ step, ...event }) => {
      us += step;
      return { us, ...event };
    });
  });

const seconds = (us: number): string => `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
const body = ({ tid, a, b }: LabEvent): Buffer =>
  Buffer.from(
    ringRecord(X86_64, ID, tid)
      .u32(a)
      .u32(b >>> 0)
      .done(),
  );
const FIELDS = ['unsigned int a;8;4;0', 'int b;12;4;1'];

function traceDat(events: readonly LabEvent[], version: '6' | '7', compression: 'none' | 'zlib' | 'zstd'): Uint8Array {
  const pages = (cpu: number): Uint8Array[] => {
    const mine = events.filter((event) => event.cpu === cpu);
    const done: Uint8Array[] = [];
    for (let i = 0; i < mine.length; i += 7) {
      const [first, ...rest] = mine.slice(i, i + 7);
      const page = new PageBuilder(X86_64, first.us * 1000).event(0, body(first));
      let before = first.us;
      for (const event of rest) {
        const delta = (event.us - before) * 1000;
        if (delta < 2 ** 27) page.event(delta, body(event));
        else page.timeExtend(BigInt(delta)).event(0, body(event));
        before = event.us;
      }
      done.push(page.done());
    }
    return done;
  };
  return buildTraceDat({
    machine: X86_64,
    version,
    compression,
    formats: [{ system: 'lab', text: formatText('lab_count', ID, FIELDS, '"a=%u b=%d", REC->a, REC->b') }],
    savedCmdlines: '1 sh\n',
    clock: 'mono',
    options: [{ id: 8, data: Uint8Array.of(CPUS, 0, 0, 0) }],
    buffers: [{ name: '', cpus: Array.from({ length: CPUS }, (_, cpu) => ({ cpu, pages: pages(cpu) })) }],
  });
}

function perfData(events: readonly LabEvent[], pipe: boolean, littleEndian: boolean): Uint8Array {
  const sampleType = SAMPLE_IDENTIFIER | SAMPLE_IP | SAMPLE_TID | SAMPLE_TIME | SAMPLE_CPU | SAMPLE_PERIOD | SAMPLE_RAW;
  const format = formatFile(
    'lab_count',
    ID,
    ['field:unsigned int a;\toffset:8;\tsize:4;\tsigned:0;', 'field:int b;\toffset:12;\tsize:4;\tsigned:1;'],
    '"a=%u b=%d", REC->a, REC->b',
  );
  const records = events.map(({ us, cpu, tid, a, b }) => {
    const raw = new Bytes(littleEndian).u16(ID).u8(0).u8(0).u32(tid).u32(a).u32(b).done();
    return perfRecord(
      9,
      1,
      new Bytes(littleEndian)
        .u64(21)
        .u64(0xffffffff81000010n)
        .u32(tid)
        .u32(tid)
        .u64(us * 1000)
        .u32(cpu)
        .u32(0)
        .u64(1)
        .u32(raw.length + 4)
        .raw(raw)
        .raw(Buffer.alloc(4)),
    );
  });
  const file = {
    littleEndian,
    attributes: [{ type: 2, config: ID, sampleType, ids: [21] }],
    records,
    features: new Map([
      [1, tracingData(littleEndian, [{ system: 'lab', text: format }])],
      // Tells the width of the bitmap of features.
      [3, textFeature(littleEndian, 'host')],
    ]),
  };
  return pipe ? perfPipe(file) : perfFile(file);
}

const traceText = (events: readonly LabEvent[], end = '\n'): Uint8Array =>
  Buffer.from(
    [
      '# tracer: nop',
      '#',
      ...events.map(
        (e) =>
          `${'sh'.padStart(16)}-${String(e.tid).padEnd(7)} [00${e.cpu}] ..... ${seconds(e.us)}: lab_count: a=${e.a} b=${e.b}`,
      ),
      '',
    ].join(end),
  );
const reportText = (events: readonly LabEvent[]): Uint8Array =>
  Buffer.from(
    [
      `cpus=${CPUS}`,
      ...events.map(
        (e) =>
          `${'sh'.padStart(16)}-${String(e.tid).padEnd(5)} [00${e.cpu}] ..... ${seconds(e.us)}: lab_count:            a=${e.a} b=${e.b}`,
      ),
      '',
    ].join('\n'),
  );
const scriptText = (events: readonly LabEvent[]): Uint8Array =>
  Buffer.from(
    events
      .map((e) => `sh ${String(e.tid).padStart(5)} [00${e.cpu}] ${seconds(e.us)}: lab:lab_count: a=${e.a} b=${e.b}\n`)
      .join(''),
  );
const systemTrace = (events: readonly LabEvent[]): Uint8Array =>
  Buffer.from(JSON.stringify({ traceEvents: [], systemTraceEvents: Buffer.from(traceText(events)).toString() }));

/** What all forms tell. */
async function story(input: Parameters<typeof readEvents>[0]): Promise<string[]> {
  const told: string[] = [];
  const stream = readEvents(input);
  for await (const { ts_ns, cpu, tid, name, fields } of stream)
    told.push(`${ts_ns} ${cpu} ${tid} ${name} ${String(fields.a)} ${String(fields.b)}`);
  expect(stream.import.issues.filter(({ kind }) => kind !== 'symbols-missing')).toEqual([]);
  return told;
}

const expected = (events: readonly LabEvent[]): string[] =>
  events.map(({ us, cpu, tid, a, b }) => `${us * 1000} ${cpu} ${tid} lab_count ${a} ${b}`);

const FORMS: Readonly<Record<string, (events: readonly LabEvent[]) => Uint8Array>> = {
  'trace.dat of version 6': (events) => traceDat(events, '6', 'none'),
  'trace.dat of version 7': (events) => traceDat(events, '7', 'none'),
  'trace.dat of version 7, zlib': (events) => traceDat(events, '7', 'zlib'),
  'trace.dat of version 7, zstd': (events) => traceDat(events, '7', 'zstd'),
  'perf.data': (events) => perfData(events, false, true),
  'perf.data of the other byte order': (events) => perfData(events, false, false),
  'perf.data from a pipe': (events) => perfData(events, true, true),
  'tracefs text': (events) => traceText(events),
  'tracefs text with CR LF': (events) => traceText(events, '\r\n'),
  'tracefs text with CR': (events) => traceText(events, '\r'),
  'trace-cmd report': reportText,
  'perf script': scriptText,
  JSON: systemTrace,
};

describe.each(Object.entries(FORMS))('%s', (_, write) => {
  it('tells the same events as every other form, plain and compressed', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(recordings, async (events) => {
        const bytes = write(events);
        expect(await story({ name: 'r', bytes })).toEqual(expected(events));
        expect(await story({ name: 'r', bytes: gzipSync(bytes) })).toEqual(expected(events));
      }),
      { numRuns: 8 },
    );
  });

  it('tells them from a store', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(recordings, async (events) => {
        const db = join(folder.path, `${events.length}-${events[0].us}.db`);
        const live = await replay({ name: 'r', bytes: write(events) }, { db });
        expect((await story(db)).slice(-events.length)).toEqual(expected(events));
        const again = await replay(db);
        expect(again.findings).toEqual(live.findings);
        expect(again.assessments).toEqual(live.assessments);
      }),
      { numRuns: 3 },
    );
  });
});

describe('a source in chunks of any size', () => {
  it('has the same bytes with line feeds in the place of carriage returns', async () => {
    const [events] = fc.sample(recordings, 1);
    const whole = traceText(events);
    for (const chunkBytes of [1, 3, 64, 65536]) {
      const source = await withLineFeeds(bufferSource(traceText(events, '\r'), 'r', chunkBytes));
      const chunks: Uint8Array[] = [];
      for await (const chunk of source.chunks()) chunks.push(Uint8Array.from(chunk));
      expect(Buffer.concat(chunks).equals(Buffer.from(whole))).toBe(true);
    }
  });
});
