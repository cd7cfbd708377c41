/** Flame graphs: the time that they show is the time that the store has. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { openStore, type Store } from '../../src/jobs/store.ts';
import { quiesce } from '../support/command-line.ts';
import { textCapture } from '../support/sample-store.ts';
import { folderOfTest, temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const storm = join(folder.path, 'storm.db');
const locks = join(folder.path, 'locks.db');
const sample = (name: string) => new URL(`../../samples/${name}`, import.meta.url).pathname;

beforeAll(async () => {
  await replayCaptures([sample('nmi-storm.trace.txt.zst'), sample('nmi-storm.dmesg.txt')], { db: storm, threads: 1 });
  await replayCaptures([sample('lock-cycle.trace.txt.zst')], { db: locks, threads: 1 });
});
afterAll(() => folder.remove());

interface FoldedLine {
  readonly frames: readonly string[];
  readonly ns: number;
}

async function folded(db: string, ...args: string[]): Promise<FoldedLine[]> {
  const { out, status } = await quiesce('export', db, '--format', 'folded', ...args);
  expect(status).toBe(0);
  return out
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, frames, ns] = /^(.+) (\d+)$/.exec(line) ?? [];
      return { frames: frames.split(';'), ns: Number(ns) };
    });
}

const total = (lines: readonly FoldedLine[]): number => lines.reduce((sum, { ns }) => sum + ns, 0);

function sumOf(store: Store, sql: string): number {
  const [row] = store.query(sql);
  return row.ns as number;
}

describe('folded stacks', () => {
  it('of blocked time add up to the states of tasks, and lead from the root to close()', async () => {
    using store = openStore(storm);
    const lines = await folded(storm);
    expect(total(lines)).toBe(
      sumOf(
        store,
        `SELECT sum(coalesce(end_ns, last_ns) - start_ns) AS ns FROM task_state JOIN run USING (run_id) WHERE state = 'blocked'`,
      ),
    );
    const close = lines.find(({ frames }) => frames.includes('perf_release') && frames[1] === 'perf close-1');
    expect(close?.frames[0]).toMatch(/^NMI storm on CPU 1/);
    expect(close?.frames).toContain('__x64_sys_close');
    expect(close?.frames.at(-1)).toBe('__schedule');
    expect(close?.ns).toBeGreaterThan(13e9);
  });

  it('of a part of the run count that part alone', async () => {
    using store = openStore(storm);
    const part = await folded(storm, '--from', '30', '--to', '31');
    expect(total(part)).toBe(
      sumOf(
        store,
        `SELECT sum(min(coalesce(end_ns, last_ns), 31000000000) - max(start_ns, 30000000000)) AS ns
                    FROM task_state JOIN run USING (run_id)
                    WHERE state = 'blocked' AND start_ns < 31000000000 AND coalesce(end_ns, last_ns) > 30000000000`,
      ),
    );
  });

  it('of blame add up to each wait once', async () => {
    using store = openStore(storm);
    const lines = await folded(storm, '--metric', 'blame');
    expect(total(lines)).toBe(
      sumOf(
        store,
        `SELECT sum(blame_ns) AS ns FROM chain_link JOIN finding ON finding.run_id = chain_link.run_id AND finding.position = chain_link.finding
                    WHERE finding.kind = 'blocked-sync' OR (finding.kind = 'hung-task' AND json_extract(body, '$.tid') NOT IN
                      (SELECT json_extract(body, '$.tid') FROM finding WHERE kind = 'blocked-sync'))`,
      ),
    );
    expect(lines[0].frames.at(-1)).toBe('NMIs on CPU 1');
    expect(lines[0].frames.join(' ')).toMatch(/perf close-1:84 .*SRCU.* kworker.* rcu_preempt.* CPU 1/);
  });

  it('of held locks add up by class', async () => {
    using store = openStore(locks);
    const lines = await folded(locks, '--metric', 'lock-hold');
    const byClass = new Map<string, number>();
    for (const { frames, ns } of lines) byClass.set(frames[0], (byClass.get(frames[0]) ?? 0) + ns);
    const wanted = store.query(`SELECT replace(name, ';', ',') AS name, sum(end_ns - start_ns) AS ns FROM lock_hold
                                JOIN lock_class USING (run_id, class_id) GROUP BY name HAVING ns > 0`);
    expect(Object.fromEntries(byClass)).toEqual(Object.fromEntries([...wanted].map(({ name, ns }) => [name, ns])));
  });

  it('of held locks carry the stacks of their acquisitions', async () => {
    const db = join(folderOfTest(), 'stacks.db');
    const stack = (...frames: string[]) =>
      frames.map((frame) => `\tffffffff81000000 ${frame}+0x10 ([kernel.kallsyms])\n`).join('');
    const event = (at: string, name: string, payload: string, ...frames: string[]) =>
      `swapper 0 [000] ${at}: lock:${name}: ${payload}\n${stack(...frames)}\n`;
    const text =
      event(
        '10.000001',
        'lock_acquire',
        '0xffff888100000000 the_lock',
        'lock_acquire',
        '_raw_spin_lock',
        'inner',
        'outer',
      ) + event('10.000009', 'lock_release', '0xffff888100000000 the_lock', 'lock_release', 'inner', 'outer');
    await replayCaptures([textCapture('locks.perf-script.txt', text)], { db, threads: 1 });
    const [line] = await folded(db, '--metric', 'lock-hold');
    expect(line.frames.slice(-4)).toEqual(['outer', 'inner', '_raw_spin_lock', 'lock_acquire']);
    expect(line.ns).toBe(8000);
  });
});

describe('speedscope', () => {
  it('has the samples of the folded file', async () => {
    const file = JSON.parse((await quiesce('export', storm, '--format', 'speedscope')).out);
    expect(file.$schema).toBe('https://www.speedscope.app/file-format-schema.json');
    const [{ samples, weights, endValue, unit, type }] = file.profiles;
    expect({ unit, type }).toEqual({ unit: 'nanoseconds', type: 'sampled' });
    const lines = await folded(storm);
    const named = samples.map((sample: number[]) => sample.map((frame) => file.shared.frames[frame].name));
    expect(named).toEqual(lines.map(({ frames }) => frames));
    expect(weights).toEqual(lines.map(({ ns }) => ns));
    expect(endValue).toBe(total(lines));
  });
});

describe('options', () => {
  it.each([
    [['--format', 'folded', '--cpu', '1'], '--cpu: not with --format folded'],
    [['--format', 'perfetto', '--metric', 'blame'], '--metric: not with --format perfetto'],
    [['--format', 'perfetto', '--only', 'nothing'], 'no part "nothing"'],
    [['--format', 'perfetto', '--cpu', '3-1'], 'CPUs expected'],
    [['--format', 'perfetto', '--from', 'noon'], 'not an instant'],
    [['--format', 'perfetto'], 'name a file with -o'],
    [['--format', 'folded', '--metric', 'joy'], 'Allowed choices'],
  ])('%j is refused', async (args, message) => {
    const { status, err } = await quiesce('export', storm, ...args);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });
});
