/** Comparisons of runs: what is matched, what is told, and how it ends up in a CI system. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BaselineFile, type CompareResult, type Finding, identityOf } from '../../schema/index.ts';
import { baselineOf, baselineText, readBaseline } from '../../src/compare/baseline-file.ts';
import { compareRuns } from '../../src/compare/compare-runs.ts';
import { findingDifference } from '../../src/compare/finding-difference.ts';
import { type RunRecord, readStoreRuns, splitRunSpec } from '../../src/compare/run-record.ts';
import { BlockCollector } from '../../src/compare/sample-blocks.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { compareText } from '../../src/report/runs/compare-text.ts';
import { quiesce } from '../support/command-line.ts';
import { buildStore } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const HEALTHY_SAMPLE = new URL('../../samples/healthy.trace.txt.zst', import.meta.url).pathname;
let healthy: string;
let storm: string;

beforeAll(async () => {
  healthy = await buildStore(join(folder.path, 'healthy.db'), ['healthy.trace.txt.zst']);
  storm = await buildStore(join(folder.path, 'storm.db'), ['nmi-storm.trace.txt.zst']);
});
afterAll(() => folder.remove());

const finding = (fields: Partial<Finding> & Pick<Finding, 'kind'>): Finding =>
  ({
    id: `${fields.kind}-00000000`,
    severity: 'error',
    confidence: 'observed',
    title: 'a title',
    start_ns: 0,
    end_ns: 1e9,
    evidence: [],
    notes: [],
    ...fields,
  }) as Finding;

const run = (fields: Partial<RunRecord>): RunRecord => ({
  source: 'made-up',
  name: 'made-up',
  release: null,
  cpus: 2,
  events: 1000,
  lost: 0,
  span_ns: 1e9,
  resolutionNs: 1,
  systems: ['sched'],
  metrics: [],
  findings: [],
  ...fields,
});

describe('identity of findings', () => {
  const blocked = (domain: string, task: string) =>
    finding({
      kind: 'blocked-sync',
      api: 'synchronize_srcu',
      domain,
      task,
      tid: 5,
      blocked_ns: 1,
      chain: [],
      root: { kind: 'unknown' },
    });

  it('is that of another boot: addresses, numbers of workers and tids do not count', () => {
    expect(identityOf(blocked('srcu_struct 0xffffffffa0005940', 'kworker/0:2'))).toBe(
      identityOf(blocked('srcu_struct 0xffffffffc12f0040', 'kworker/1:0')),
    );
    expect(identityOf(blocked('tracepoint_srcu (0xffffffff81ee05a0)', 'perf close-1'))).toBe(
      'blocked-sync synchronize_srcu tracepoint_srcu perf close-N because of unknown',
    );
    expect(identityOf(blocked('a', 'kworker/u8:1'))).toBe(identityOf(blocked('a', 'kworker/u16:30')));
    expect(identityOf(blocked('a', 'kworker/0:0H'))).toBe(identityOf(blocked('a', 'kworker/3:1H')));
  });

  it('tells domains, APIs, kinds and causes apart', () => {
    expect(identityOf(blocked('a', 'x'))).not.toBe(identityOf(blocked('b', 'x')));
    const stall = (cause: 'nmi-storm' | 'cpu-hog', cpus: number[]) =>
      finding({ kind: 'rcu-stall', flavor: 'rcu_preempt', gp_seq: '5', cpus, tasks: [], cause });
    expect(identityOf(stall('nmi-storm', [1]))).toBe(identityOf(stall('nmi-storm', [0])));
    expect(identityOf(stall('nmi-storm', [1]))).not.toBe(identityOf(stall('cpu-hog', [1])));
  });

  it('of a lock cycle does not depend on where the cycle begins', () => {
    const cycle = (...locks: string[]) => finding({ kind: 'lock-inversion', locks, feasible: 'unknown' });
    expect(identityOf(cycle('&rq->__lock', '&p->pi_lock'))).toBe(identityOf(cycle('&p->pi_lock', '&rq->__lock')));
  });

  it('never looks at the text', () => {
    const storm = (title: string, id: string) =>
      finding({ kind: 'nmi-storm', cpu: 1, share: 0.9, count: 5, max_ns: 5, title, id });
    expect(identityOf(storm('NMIs took 90 %', 'a'))).toBe(identityOf(storm('other words', 'b')));
  });
});

describe('findings of two sides', () => {
  const storm = (severity: Finding['severity'], seconds: number) =>
    finding({ kind: 'nmi-storm', cpu: 1, share: 0.9, count: 5, max_ns: 5, severity, end_ns: seconds * 1e9 });
  const hung = finding({ kind: 'hung-task', task: 'sh', tid: 1, blocked_ns: 5, chain: [] });

  it('appear, go, get worse, or remain', () => {
    const difference = (base: Finding[], head: Finding[]) =>
      Object.fromEntries(
        Object.entries(findingDifference([run({ findings: base })], [run({ findings: head })])).map(([key, list]) => [
          key,
          list.map(({ kind }) => kind),
        ]),
      );
    expect(difference([hung], [storm('error', 5)])).toEqual({
      appeared: ['nmi-storm'],
      gone: ['hung-task'],
      worse: [],
      remains: [],
    });
    expect(difference([storm('error', 5)], [storm('error', 7)])).toMatchObject({ worse: [], remains: ['nmi-storm'] });
    expect(difference([storm('error', 5)], [storm('error', 8)])).toMatchObject({ worse: ['nmi-storm'], remains: [] });
    expect(difference([storm('warning', 5)], [storm('error', 5)])).toMatchObject({ worse: ['nmi-storm'] });
    expect(difference([storm('error', 8)], [storm('error', 5)])).toMatchObject({ worse: [], remains: ['nmi-storm'] });
  });

  it('say in how many runs they are, and how long at worst', () => {
    const { worse } = findingDifference(
      [run({ findings: [storm('error', 2)] }), run({}), run({})],
      [run({ findings: [storm('error', 3), storm('error', 9)] }), run({ findings: [storm('error', 4)] })],
    );
    expect(worse).toMatchObject([{ base_runs: 1, head_runs: 2, base_ns: 2e9, head_ns: 9e9 }]);
  });

  it('make the comparison fail when they are serious', () => {
    const verdict = (...findings: Finding[]) => compareRuns([run({})], [run({ findings })]).verdict;
    expect(verdict(hung)).toBe('regressed');
    expect(verdict({ ...hung, severity: 'info' })).toBe('too-few');
    expect(compareRuns([run({ findings: [hung] })], [run({})]).verdict).toBe('improved');
  });
});

describe('a comparison of samples', () => {
  it('sums up each side as SQL over the facts does', () => {
    const { metrics } = compareRuns(readStoreRuns(healthy, undefined), readStoreRuns(storm, undefined));
    const connection = new QueryConnection(storm);
    const bySql = (sql: string) => [...connection.query(sql).rows][0].map(Number);
    const ofHead = (name: string) => metrics.find(({ metric }) => metric === name)?.head;
    const durations =
      "SELECT end_ns - start_ns AS d FROM grace_period WHERE flavor = 'rcu_preempt' AND expedited = 0 AND end_ns IS NOT NULL";
    const [n, max, mean] = bySql(`SELECT count(*), max(d), round(avg(d)) FROM (${durations})`);
    const [median] = bySql(`SELECT d FROM (${durations}) ORDER BY d LIMIT 1 OFFSET ${Math.ceil(n / 2) - 1}`);
    connection.close();
    expect(ofHead('rcu-gp')).toMatchObject({ n: 30, max: 13697591000, open: 0 });
    expect(ofHead('rcu-gp')).toMatchObject({ n, max });
    expect(ofHead('rcu-gp')?.mean).toBeCloseTo(mean, -1);
    expect(Math.abs((ofHead('rcu-gp')?.p50 ?? 0) / median - 1)).toBeLessThan(0.016);
    expect(ofHead('nmi')).toMatchObject({ n: 4870, max: 107725640 });
  });

  it('sees the storm: longer grace periods, and findings that were not there', () => {
    const result = compareRuns(readStoreRuns(healthy, undefined), readStoreRuns(storm, undefined));
    expect(result.verdict).toBe('regressed');
    const gp = result.metrics.find(({ metric }) => metric === 'rcu-gp');
    expect(gp).toMatchObject({ verdict: 'regressed', base: { n: 58 }, head: { n: 30 } });
    expect(gp?.ratio).toBeGreaterThan(3);
    expect(gp?.p_value).toBeLessThan(0.005);
    expect(gp?.ci95?.[0]).toBeGreaterThan(1);
    expect(result.findings.appeared.map(({ kind }) => kind)).toContain('nmi-storm');
    expect(result.findings.appeared.map(({ kind }) => kind)).toContain('rcu-stall');
    expect(result.notes.join('\n')).toContain('one run on a side');
    expect(result.notes.join('\n')).toContain('recorded in the head only: nmi');
    expect(result.metrics.find(({ metric }) => metric === 'nmi')).toMatchObject({
      verdict: 'too-few',
      ratio: null,
      ci95: null,
      p_value: null,
      base: { n: 0, p50: null, p99: null, max: null },
    });
  });

  it('with itself finds nothing', () => {
    const records = readStoreRuns(healthy, undefined);
    const result = compareRuns(records, records);
    expect(result.verdict).toBe('same');
    for (const metric of result.metrics) expect(['same', 'too-few']).toContain(metric.verdict);
  });

  it('tells labels apart when asked, and still corrects for all of them', () => {
    const options = { byLabel: true, metrics: ['softirq'] };
    const { metrics } = compareRuns(
      readStoreRuns(healthy, undefined, options),
      readStoreRuns(storm, undefined, options),
    );
    expect(metrics.map(({ metric }) => metric)).toEqual(metrics.map(() => 'softirq'));
    expect(metrics.map(({ label }) => label)).toEqual(expect.arrayContaining(['RCU', 'TIMER', 'SCHED']));
  });

  it('believes the mean, not the median, when the median moves by one tick of the clock', () => {
    const coarse = (ns: number) => {
      const collector = new BlockCollector();
      for (let i = 0; i < 200; i++) collector.add(ns);
      return run({ resolutionNs: 1000, metrics: [{ metric: 'nmi', label: undefined, samples: collector.finish() }] });
    };
    const [metric] = compareRuns([coarse(2000)], [coarse(3000)]).metrics;
    expect(metric).toMatchObject({ verdict: 'regressed', statistic: 'mean' });
    expect(metric.statistics.find(({ statistic }) => statistic === 'p50')?.verdict).toBe('same');
  });

  it('warns when CPUs, events lost or the events recorded differ', () => {
    const { notes } = compareRuns(
      [run({ cpus: 4, lost: 7 }), run({ cpus: 4 }), run({ cpus: 4 })],
      [run({ systems: ['sched', 'lock'], resolutionNs: 1000 }), run({}), run({})],
    );
    expect(notes).toEqual([
      'CPUs differ: base 4, head 2',
      'recorded in the head only: lock (tracing itself costs time)',
      'the base lost 7 events while recording',
      'some runs have times in µs, others in ns',
      'a change counts only where it exceeds the differences between runs of one side',
    ]);
  });
});

describe('runs named on the command line', () => {
  it('are a file, or a file and a run', () => {
    expect(splitRunSpec('lab.db')).toEqual({ path: 'lab.db', run: undefined });
    expect(splitRunSpec('/a/b.db#3')).toEqual({ path: '/a/b.db', run: '3' });
    expect(splitRunSpec('lab.db#before the patch')).toEqual({ path: 'lab.db', run: 'before the patch' });
    expect(splitRunSpec('/a#b/c.db')).toEqual({ path: '/a#b/c.db', run: undefined });
  });

  it('are found by number and by name', async () => {
    const two = await buildStore(join(folder.path, 'two.db'), ['healthy.trace.txt.zst', 'healthy.trace.txt.zst']);
    expect(readStoreRuns(two, undefined).map(({ source }) => source)).toEqual([`${two}#1`, `${two}#2`]);
    expect(readStoreRuns(two, '2').map(({ source }) => source)).toEqual([`${two}#2`]);
    expect(readStoreRuns(two, 'healthy.trace.txt.zst')).toHaveLength(2);
    expect(() => readStoreRuns(two, '7')).toThrow(/has no run '7'; it has 1 \(samples\/healthy/);
  });
});

describe('a baseline file', () => {
  it('compares as the store that it was made from', () => {
    const path = join(folder.path, 'baseline.json');
    const records = readStoreRuns(storm, undefined);
    writeFileSync(path, baselineText(baselineOf(records)));
    const restored = readBaseline(path);
    const base = readStoreRuns(healthy, undefined);
    expect({ ...compareRuns(base, restored), head: null }).toEqual({ ...compareRuns(base, records), head: null });
  });

  it('is small and holds no events', () => {
    const text = readFileSync(join(folder.path, 'baseline.json'), 'utf8');
    expect(text.length).toBeLessThan(100_000);
    const file = JSON.parse(text) as BaselineFile;
    expect(file.schema).toBe('quiesce.baseline/1');
    for (const { evidence } of file.runs[0].findings) expect(evidence).toEqual([]);
  });

  it('that is damaged is refused with the place', () => {
    const path = join(folder.path, 'damaged.json');
    const refused = (content: string): string => {
      writeFileSync(path, content);
      try {
        readBaseline(path);
      } catch (error) {
        return (error as Error).message.replace(path, 'FILE');
      }
      return 'accepted';
    };
    expect(refused('{"schema": "quiesce.baseline/1"}')).toBe('FILE: runs: a list expected');
    expect(refused('{"schema": "quiesce.baseline/2", "runs": []}')).toBe("FILE: schema: 'quiesce.baseline/1' expected");
    expect(refused('{"schema": "quiesce.baseline/1", "runs": [3]}')).toBe('FILE: runs[0]: an object expected');
    expect(refused('{"schema"')).toMatch(/^FILE: .*JSON/);
    const file = JSON.parse(readFileSync(join(folder.path, 'baseline.json'), 'utf8'));
    for (const blocks of [[[3, 1, 3, 1]], [[3]], [[]], [[5, 0]], [['a', 1]], [[70000, 1]], 7]) {
      file.runs[0].metrics[0].blocks = blocks;
      expect(refused(JSON.stringify(file))).toMatch(/FILE: runs\[0\]\.metrics\[0\]\.blocks/);
    }
    expect(() => readBaseline(join(folder.path, 'nowhere.json'))).toThrow(/nowhere.json: no such file/);
  });
});

describe('quiesce compare', () => {
  it('prints a table, the findings and a verdict, and fails on request', async () => {
    const { status, out, err } = await quiesce('compare', healthy, '--with', storm, '--fail-on', 'regression');
    expect(err).toBe('');
    expect(status).toBe(1);
    expect(out).toMatch(/^rcu-gp +58 .* 30 .*regressed$/m);
    expect(out).toContain('findings that appeared');
    expect(out).toMatch(/^regressed: slower: .*rcu-gp p50 ×/m);
    expect((await quiesce('compare', healthy, '--with', storm)).status).toBe(0);
    expect((await quiesce('compare', healthy, '--with', healthy, '--fail-on', 'regression')).status).toBe(0);
  });

  it('prints quiesce.compare/1 with --json', async () => {
    const { out } = await quiesce('compare', healthy, '--with', storm, '--json');
    const result = JSON.parse(out) as CompareResult;
    expect(result.schema).toBe('quiesce.compare/1');
    for (const metric of result.metrics) {
      for (const side of [metric.base, metric.head])
        for (const key of ['n', 'p50', 'p99', 'max']) expect(side).toHaveProperty(key);
      expect(['regressed', 'improved', 'same', 'too-few']).toContain(metric.verdict);
      if (metric.verdict !== 'too-few')
        expect(metric).toMatchObject({
          ratio: expect.any(Number),
          p_value: expect.any(Number),
          ci95: [expect.any(Number), expect.any(Number)],
        });
    }
    expect(result.findings.appeared.length).toBeGreaterThan(0);
    expect(result.findings.gone).toEqual([]);
  });

  it('replays captures on the way, and reads baselines', async () => {
    const baseline = join(folder.path, 'healthy.json');
    const saved = await quiesce('baseline', 'save', HEALTHY_SAMPLE, '-o', baseline);
    expect(saved).toMatchObject({
      status: 0,
      out: '',
      err: expect.stringMatching(/healthy\.json: 1 run, [\d,]+ bytes\n$/),
    });
    const checked = await quiesce('baseline', 'check', baseline, HEALTHY_SAMPLE);
    expect(checked.status).toBe(0);
    expect(checked.out).toMatch(/^same: no change shown$/m);
    expect(checked.out).toContain(`head  ${HEALTHY_SAMPLE}:`);
    expect((await quiesce('baseline', 'check', baseline, storm)).status).toBe(1);
    expect((await quiesce('baseline', 'check', baseline, storm, '--fail-on', 'never')).status).toBe(0);
  });

  it('takes metrics, labels, a threshold and an output file', async () => {
    const path = join(folder.path, 'out.txt');
    const { out } = await quiesce(
      'compare',
      healthy,
      '--with',
      storm,
      '--metric',
      'rcu-gp,nmi',
      '--threshold',
      '50%',
      '-o',
      path,
    );
    expect(out).toBe('');
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(/^rcu-gp .*/m);
    expect(text).not.toMatch(/^softirq/m);
    const labelled = await quiesce('compare', healthy, '--with', storm, '--metric', 'softirq', '--by', 'label');
    expect(labelled.out).toMatch(/^softirq TIMER/m);
    const changes = await quiesce('compare', healthy, '--with', healthy, '--changes');
    expect(changes.out).not.toMatch(/^rcu-gp/m);
  });

  it('says what is wrong with its arguments', async () => {
    expect(await quiesce('compare', healthy)).toMatchObject({
      status: 2,
      err: expect.stringContaining("'--with <head...>'"),
    });
    expect(await quiesce('compare', 'nowhere.db', '--with', storm)).toMatchObject({
      status: 3,
      err: 'quiesce: nowhere.db: no such file\n',
    });
    expect(await quiesce('compare', `${healthy}#9`, '--with', storm)).toMatchObject({
      status: 4,
      err: expect.stringContaining("has no run '9'"),
    });
    expect(await quiesce('compare', healthy, '--with', storm, '--metric', 'rcu')).toMatchObject({
      status: 2,
      err: expect.stringContaining("'rcu' is no metric; metrics: rcu-gp"),
    });
    expect(await quiesce('compare', `${HEALTHY_SAMPLE}#2`, '--with', storm)).toMatchObject({
      status: 2,
      err: expect.stringContaining('a capture is one run'),
    });
  });

  it('writes text without escape sequences of names in captures', () => {
    const bad = finding({ kind: 'soft-lockup', cpu: 0, task: 'x', title: 'evil \u001b[31m task' });
    expect(
      compareText(compareRuns([run({})], [run({ name: 'a\u001bb', source: 'c\u001bd', findings: [bad] })])),
    ).not.toContain('\u001b');
  });
});
