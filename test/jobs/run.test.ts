/** From captures to a run: one timeline, boots apart, nothing twice, and the same findings from the store. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CaptureError, type EventBatch } from '../../schema/index.ts';
import { RunStream } from '../../src/ingest/run-stream.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { replayStore } from '../../src/jobs/replay-store.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();
let db: string;

beforeEach(() => {
  db = join(folder.path, 'runs.db');
});

function capture(name: string, ...lines: string[]): { name: string; bytes: Uint8Array } {
  return { name, bytes: Buffer.from(`${lines.join('\n')}\n`) };
}

function query(sql: string): unknown[][] {
  const connection = new QueryConnection(db);
  try {
    return [...connection.query(sql).rows].map((row) => [...row]);
  } finally {
    connection.close();
  }
}

async function batchesOf(
  inputs: Parameters<typeof RunStream.open>[0],
): Promise<{ stream: RunStream; batches: EventBatch[] }> {
  const stream = await RunStream.open(inputs);
  const batches: EventBatch[] = [];
  for await (const batch of stream.batches()) batches.push(batch);
  await stream.close();
  return { stream, batches };
}

const HEADER = '# tracer: nop';
/** 1.5 s behind the log; the common line is in both. */
const TRACE = capture(
  'trace.txt',
  HEADER,
  '          cat-7       [001] d..2.    12.000000: sched_waking: comm=sh pid=8 prio=120 target_cpu=000',
  '          cat-7       [001] d..2.    12.500000: console: lab: step one of the experiment',
  '          cat-7       [001] d..2.    13.500250: console: lab: step two of the experiment',
  '          cat-7       [001] d..2.    14.000000: sched_waking: comm=sh pid=8 prio=120 target_cpu=000',
);
const LOG = capture(
  'dmesg.txt',
  '[    1.000000] Linux version 6.12.117-labA (gcc) #1 SMP PREEMPT_DYNAMIC',
  '[   14.000000] lab: step one of the experiment',
  '[   14.250000] something that only the log has',
  '[   15.000000] lab: step two of the experiment',
);

describe('a trace and the log of the same boot', () => {
  it('are brought onto one timeline by the lines that both have (E0.5, T55)', async () => {
    const result = await replayCaptures([TRACE, LOG], { db });
    const [trace, log] = result.run.captures;
    expect(trace.offset_ns).toBeUndefined();
    expect(log.offset_ns).toBe(-1_499_875_000);
    expect(log.offset_uncertainty_ns).toBe(125_000);
    expect(query("SELECT ts_ns FROM console WHERE msg GLOB 'something*'")).toEqual([[12_750_125_000n]]);
    expect(query('SELECT count(*) FROM console')).toEqual([[6n]]);
  });

  it('stay on their own times when nothing is common, and say so', async () => {
    const other = capture('other.txt', '[   14.000000] a line of another machine', '[   15.000000] and another one');
    const result = await replayCaptures([TRACE, other]);
    expect(result.run.captures[1].offset_ns).toBeUndefined();
    expect(result.import.issues.map((issue) => issue.kind)).toEqual(['clock-unaligned']);
  });

  it('come in either order', async () => {
    const { stream, batches } = await batchesOf([LOG, TRACE]);
    expect(stream.summary().captures.map((c) => [c.format, c.offset_ns])).toEqual([
      ['kernel log', -1_499_875_000],
      ['ftrace text', undefined],
    ]);
    const times = batches.flatMap((batch) => [...batch.tsNs.subarray(0, batch.length)]);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('report a stall once, from the log', async () => {
    const warning = 'INFO: task cat:77 blocked for more than 122 seconds.';
    const rest = '      Not tainted 6.12.117-labA #1';
    const trace = capture(
      'trace.txt',
      HEADER,
      '   khungtaskd-34      [001] .....    12.000000: console: lab: the first common line',
      `   khungtaskd-34      [001] .....    12.500000: console: ${warning}`,
      `   khungtaskd-34      [001] .....    12.500010: console: ${rest}`,
      '   khungtaskd-34      [001] .....    12.600000: console: lab: the second common line',
    );
    const log = capture(
      'dmesg.txt',
      '[   20.000000] lab: the first common line',
      `[   20.500000] ${warning}`,
      `[   20.500010] ${rest}`,
      '[   20.600000] lab: the second common line',
    );
    const kinds = async (inputs: Parameters<typeof RunStream.open>[0]) =>
      (await batchesOf(inputs)).batches.flatMap((batch) => batch.reports).filter((r) => r.kind === 'hung-task');
    expect((await kinds([trace])).map((r) => [r.tsNs, r.line])).toEqual([[12_500_000_000, 0]]);
    expect((await kinds([trace, log])).map((r) => [r.tsNs, r.line])).toEqual([[12_500_000_000, 2]]);
  });
});

describe('a log of several boots', () => {
  const boot = (release: string, what: string) => [
    `[    0.000000] Linux version ${release} (gcc) #1 SMP`,
    ...Array.from({ length: 38 }, (_, i) => `[    1.${String(i).padStart(6, '0')}] ${what} boot, message ${i}`),
    `[    2.500000] ${what} boot is done`,
  ];
  const log = capture('boots.txt', ...boot('6.12.1', 'first'), ...boot('6.12.2', 'second'), ...boot('6.12.3', 'third'));

  it('gives a run per boot', async () => {
    const result = await replayCaptures([log], { db, name: 'lab' });
    expect(result.runs?.map((run) => [run.run_id, run.name, run.kernel.release, run.events])).toEqual([
      [1, 'lab boot 0', '6.12.1', 40],
      [2, 'lab boot 1', '6.12.2', 40],
      [3, 'lab boot 2', '6.12.3', 40],
    ]);
    expect(result.run).toEqual(result.runs?.[0]);
    expect(result.import.events).toBe(120);
    expect(query('SELECT run_id, msg FROM console WHERE ts_ns = 2500000000 ORDER BY id')).toEqual([
      [1n, 'first boot is done'],
      [2n, 'second boot is done'],
      [3n, 'third boot is done'],
    ]);
  });

  it('puts a trace into the boot whose lines it shares', async () => {
    const trace = capture(
      'trace.txt',
      HEADER,
      '          cat-7       [001] d..2.    11.000020: console: second boot, message 20',
      '          cat-7       [001] d..2.    12.500000: console: second boot is done',
    );
    const result = await replayCaptures([trace, log], { db });
    expect(result.runs?.map((run) => run.events)).toEqual([40, 42, 40]);
    expect(result.run.captures[1]).toMatchObject({ offset_ns: 10e9 });
    expect(query("SELECT run_id, ts_ns FROM console WHERE msg GLOB '* boot is done' ORDER BY id")).toEqual([
      [1n, 2_500_000_000n],
      [2n, 12_500_000_000n],
      [2n, 12_500_000_000n],
      [3n, 2_500_000_000n],
    ]);
  });
});

describe('a run in the store', () => {
  const samples = new URL('../../samples/', import.meta.url).pathname;
  const CASES = [
    ['nmi-storm.trace.txt.zst', 'nmi-storm.dmesg.txt'],
    ['lock-cycle.trace.txt.zst'],
    ['srcu-deadlock.trace.txt.zst'],
    ['lock-cycle.perf-script.txt.zst'],
  ];

  it.each(CASES.map((files) => [files.join(' + '), files] as const))(
    'replays to the same findings, byte for byte: %s',
    async (_, files) => {
      const paths = files.map((file) => `${samples}${file}`);
      const live = await replayCaptures(paths, { db });
      const again = await replayStore(db);
      expect(JSON.stringify(again.findings)).toBe(JSON.stringify(live.findings));
      expect(JSON.stringify(again.assessments)).toBe(JSON.stringify(live.assessments));
      expect(JSON.stringify(again.run)).toBe(JSON.stringify(live.run));
      expect(JSON.stringify(again.import)).toBe(JSON.stringify(live.import));
      expect(live.findings.length).toBeGreaterThan(0);
    },
  );

  it('gets its findings when it was only stored, and is as if it had been replayed at once', async () => {
    const path = `${samples}lock-cycle.trace.txt.zst`;
    await replayCaptures([path], { db, replay: false });
    expect(query('SELECT replayed FROM run')).toEqual([[0n]]);
    expect(query('SELECT count(*) FROM finding')).toEqual([[0n]]);
    const later = await replayStore(db);
    const atOnce = await replayCaptures([path], { db: join(folder.path, 'at-once.db') });
    expect(later.findings).toEqual(atOnce.findings);
    expect(query('SELECT replayed FROM run')).toEqual([[1n]]);
    expect(query('SELECT count(*) FROM finding')).toEqual([[BigInt(later.findings.length)]]);
    expect(query('SELECT count(*) > 0 FROM lock_hold')).toEqual([[1n]]);
  });

  it('has its findings, evidence and chains in tables', async () => {
    const result = await replayCaptures([`${samples}nmi-storm.trace.txt.zst`], { db });
    expect(query('SELECT finding_id FROM finding ORDER BY position').flat()).toEqual(result.findings.map((f) => f.id));
    const evidence = result.findings.reduce((sum, finding) => sum + finding.evidence.length, 0);
    expect(query('SELECT count(*) FROM finding_evidence')).toEqual([[BigInt(evidence)]]);
    expect(
      query(
        'SELECT count(*) FROM finding_evidence AS f LEFT JOIN event AS e ON e.id = f.event_id WHERE e.id IS NULL AND f.line IS NULL',
      ),
    ).toEqual([[0n]]);
    expect(query('SELECT count(*) > 3 FROM chain_link')).toEqual([[1n]]);
    expect(query("SELECT count(*) > 0 FROM histogram WHERE metric = 'nmi' AND count > 0")).toEqual([[1n]]);
  });
});

describe('captures that cannot be read', () => {
  it('say why, in one line', async () => {
    const refused = (bytes: Uint8Array) => replayCaptures([{ name: 'x', bytes }], { db });
    await expect(refused(new Uint8Array(0))).rejects.toThrow('x: the file is empty');
    await expect(refused(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70]))).rejects.toThrow(
      /^x: byte 0: no trace format recognised/,
    );
    await expect(refused(Buffer.alloc(3 << 20, 'x'))).rejects.toThrow(CaptureError);
  });

  it('are counted where they end in the middle of a line', async () => {
    const line = '          cat-7       [001] d..2.    12.000000: sched_waking: comm=sh pid=8 prio=120 target_cpu=000';
    const whole = Buffer.from(`${HEADER}\n${line}\n${line}\n`);
    const result = await replayCaptures([{ name: 'cut.txt', bytes: whole.subarray(0, whole.length - 60) }]);
    expect(result.import.events).toBe(1);
    expect(result.import.issues.map(({ kind, first }) => [kind, first])).toEqual([
      ['line-unreadable', expect.objectContaining({ line: 3 })],
    ]);
  });
});
