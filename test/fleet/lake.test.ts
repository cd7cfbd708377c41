/** A lake: whole or not at all, once, whoever else writes. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FLEET_TABLES, type FleetRun } from '../../schema/index.ts';
import { batches } from '../../src/fleet/lake/folder.ts';
import { withLock } from '../../src/fleet/lake/lock.ts';
import { mergeLake } from '../../src/fleet/lake/merge.ts';
import { openLakeSink } from '../../src/fleet/lake/sink.ts';
import { openLakeSource } from '../../src/fleet/lake/source.ts';
import { runFleetReport } from '../../src/fleet/reports/index.ts';
import { plainRun } from '../support/plain-run.ts';
import { folderOfTest } from '../support/temporary-folder.ts';

const runsOfDays = (count: number, days: readonly string[]): FleetRun[] =>
  Array.from({ length: count }, (_, i) => plainRun({ run: `r${i}`, day: days[i % days.length], host: `h${i % 3}` }));

async function answers(root: string): Promise<unknown[]> {
  const source = await openLakeSource(root);
  try {
    const names = ['days', 'findings', 'grace-periods', 'coverage'];
    const results: unknown[] = [];
    for (const name of names) results.push((await runFleetReport(source, name)).rows);
    return results;
  } finally {
    await source.close();
  }
}

describe('a lake', () => {
  it('has a partition per day that other tools read', async () => {
    const root = join(folderOfTest(), 'lake');
    await openLakeSink(root).push(runsOfDays(4, ['2026-11-01', '2026-11-02']));
    expect(readdirSync(root).sort()).toEqual(['day=2026-11-01', 'day=2026-11-02', 'quiesce-lake.json']);
    const [{ folder }] = batches(root);
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(FLEET_TABLES)
        .sort()
        .map((name) => `${name}.parquet`),
    );
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const sql = `SELECT day::VARCHAR, count(*) FROM read_parquet('${root}/day=*/*/run.parquet') GROUP BY 1 ORDER BY 1`;
    expect((await connection.runAndReadAll(sql)).getRows()).toEqual([
      ['2026-11-01', 2n],
      ['2026-11-02', 2n],
    ]);
    connection.closeSync();
  });

  it('has each run once when two push the same at the same time', async () => {
    const root = join(folderOfTest(), 'lake');
    const runs = runsOfDays(6, ['2026-11-01']);
    const results = await Promise.all([openLakeSink(root).push(runs), openLakeSink(root).push(runs.slice(2))]);
    expect(results.reduce((sum, { pushed }) => sum + pushed, 0)).toBe(6);
    const [days] = (await answers(root)) as number[][][];
    expect(days[0][1]).toBe(6);
  });

  it('does not see what a killed push left behind', async () => {
    const root = join(folderOfTest(), 'lake');
    await openLakeSink(root).push(runsOfDays(2, ['2026-11-01']));
    mkdirSync(join(root, '.new-4711-abc'));
    writeFileSync(join(root, '.new-4711-abc', 'run.parquet'), 'half a file');
    const before = await answers(root);
    const old = new Date(Date.now() - 2 * 24 * 3600 * 1000);
    utimesSync(join(root, '.new-4711-abc'), old, old);
    expect(await openLakeSink(root).push(runsOfDays(2, ['2026-11-01']))).toEqual({ pushed: 0, known: 2 });
    expect(existsSync(join(root, '.new-4711-abc'))).toBe(false);
    expect(await answers(root)).toEqual(before);
  });

  it('answers the same after its batches were merged', async () => {
    const root = join(folderOfTest(), 'lake');
    const runs = runsOfDays(8, ['2026-11-01', '2026-11-02']);
    for (const run of runs) await openLakeSink(root).push([run]);
    const before = await answers(root);
    expect(await mergeLake(root)).toEqual({ days: 2, before: 8, after: 2 });
    expect(batches(root)).toHaveLength(2);
    expect(await answers(root)).toEqual(before);
    expect(await openLakeSink(root).push(runs)).toEqual({ pushed: 0, known: 8 });
  });

  it('counts a merged batch alone when the removal of the small ones was interrupted', async () => {
    const root = join(folderOfTest(), 'lake');
    for (const run of runsOfDays(3, ['2026-11-01'])) await openLakeSink(root).push([run]);
    const small = batches(root);
    const before = await answers(root);
    const kept = small.map(({ folder }) =>
      readdirSync(folder).map((name) => [join(folder, name), readFileSync(join(folder, name))] as const),
    );
    await mergeLake(root);
    for (const { folder } of small) mkdirSync(folder);
    for (const [path, bytes] of kept.flat()) writeFileSync(path, bytes);
    expect(batches(root)).toHaveLength(1);
    expect(await answers(root)).toEqual(before);
  });

  it('is not made of a folder that has something else in it', async () => {
    const root = folderOfTest();
    writeFileSync(join(root, 'thesis.tex'), '');
    expect(() => openLakeSink(root)).toThrow(`${root}: is neither empty nor a lake; choose another folder`);
    await expect(openLakeSource(root)).rejects.toThrow(`${root}: is no lake`);
    writeFileSync(join(root, 'quiesce-lake.json'), '{"schema":"quiesce.lake/9"}');
    expect(() => openLakeSink(root)).toThrow('holds a lake of another version');
  });

  it('says which file is damaged', async () => {
    const root = join(folderOfTest(), 'lake');
    await openLakeSink(root).push(runsOfDays(1, ['2026-11-01']));
    const path = join(batches(root)[0].folder, 'run.parquet');
    writeFileSync(path, 'nothing');
    await expect(openLakeSink(root).push(runsOfDays(2, ['2026-11-01']))).rejects.toThrow(`${path}: is damaged`);
  });
});

describe('the lock of a lake', () => {
  it('is taken from an owner that is gone', async () => {
    const root = folderOfTest();
    writeFileSync(join(root, '.lock'), 'elsewhere 1\n');
    await expect(withLock(root, async () => 'done', 300)).resolves.toBe('done');
    expect(existsSync(join(root, '.lock'))).toBe(false);
  });

  it('goes when the work fails', async () => {
    const root = folderOfTest();
    await expect(withLock(root, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(root)).toEqual([]);
    rmSync(root, { recursive: true });
    await expect(withLock(root, async () => 1)).rejects.toThrow('cannot be created');
  });
});
