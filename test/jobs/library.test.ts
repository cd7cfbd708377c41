/** The library as programs use it: inputs of every kind, events as objects, stores, and what is refused. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaptureError, QuiesceError, RequestError } from '../../schema/index.ts';
import { readEvents } from '../../src/jobs/read-events.ts';
import { ingest, replay } from '../../src/jobs/replay.ts';
import { openStore, type Store, stateAt } from '../../src/jobs/store.ts';
import type { TraceEvent } from '../../src/jobs/trace-event.ts';
import { whatIf } from '../../src/jobs/what-if.ts';
import { VARIANTS } from '../../src/replay/what-if/variants.ts';
import { StoreError } from '../../src/store/store-error.ts';
import { textCapture } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const STORM = new URL('../../samples/nmi-storm.trace.txt.zst', import.meta.url).pathname;
const CYCLE = new URL('../../samples/lock-cycle.trace.txt.zst', import.meta.url).pathname;
const folder = temporaryFolder();
const db = join(folder.path, 'library.db');
let store: Store;

beforeAll(async () => {
  await replay(STORM, { db, name: 'storm', threads: 1 });
  await ingest(CYCLE, { db, threads: 1 });
  store = openStore(db);
});
afterAll(() => {
  store.close();
  folder.remove();
});

async function all(events: AsyncIterable<TraceEvent>): Promise<TraceEvent[]> {
  const list: TraceEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

const LINES = [
  '# tracer: nop',
  '          cat-7       [001] d.h2.    12.000000: sched_waking: comm=sh pid=8 prio=120 target_cpu=000',
  '          cat-7       [001] .....    12.000001: lock_acquire: 0xffffffff82a1b2c0 read &rq->__lock',
  '     kworker-9       [000] .....    12.000002: sched_waking: comm=cat pid=7 prio=120 target_cpu=001',
  'CPU:0 [LOST 12 EVENTS]',
  '          sh-8       [000] .....    12.500000: my_event: speed=15 mask=0x10 what=fast',
];
const TRACE = textCapture('trace.txt', `${LINES.join('\n')}\n`);

describe('readEvents', () => {
  it('gives events as plain objects, with typed fields', async () => {
    const events = await all(readEvents(TRACE));
    expect(events[0]).toEqual({
      event: 1,
      boot: 0,
      ts_ns: 12_000_000_000,
      cpu: 1,
      task: 'cat',
      tid: 7,
      flags: 'd.h2.',
      system: 'sched',
      name: 'sched_waking',
      fields: { comm: 'sh', pid: 8, prio: 120, target_cpu: 0 },
      stack: [],
    });
    expect(events[1].fields).toEqual({ flags: 2, name: '&rq->__lock', lockdep_addr: 0xffffffff82a1b2c0n });
    expect(events.at(-1)?.fields).toMatchObject({ speed: 15, mask: 16, what: 'fast' });
  });

  it('shows a loss where it is, and counts it in the end', async () => {
    const stream = readEvents(TRACE);
    const names = (await all(stream)).map(({ name }) => name);
    expect(names).toEqual(['sched_waking', 'lock_acquire', 'sched_waking', 'quiesce_lost', 'my_event']);
    expect(stream.import).toMatchObject({ events: 4, lost: 12 });
  });

  it('gives those asked for', async () => {
    const events = await all(readEvents(TRACE, { names: ['my_event', 'lock_acquire'] }));
    expect(events.map(({ event, name }) => [event, name])).toEqual([
      [2, 'lock_acquire'],
      [5, 'my_event'],
    ]);
  });

  it('gives the same events from the store as from the capture', async () => {
    const names = ['sched_switch', 'kernel_stack', 'rcu_grace_period'];
    const captured = await all(readEvents(STORM, { names }));
    const stored = await all(readEvents(db, { names, run: 1 }));
    expect(captured.length).toBeGreaterThan(1000);
    expect(captured.some(({ stack }) => stack.includes('synchronize_srcu'))).toBe(true);
    expect(stored).toEqual(captured);
  });

  it('reads a capture again for every iteration, and closes it when the reader leaves', async () => {
    const stream = readEvents(STORM);
    for (let i = 0; i < 3; i++) {
      for await (const { event } of stream) {
        expect(event).toBe(1);
        break;
      }
    }
  });

  it('ends when it is aborted', async () => {
    const controller = new AbortController();
    const reading = async () => {
      for await (const _ of readEvents(STORM, { signal: controller.signal })) controller.abort();
    };
    await expect(reading()).rejects.toThrow(/abort/);
  });

  it('refuses what is no capture when the reading begins', async () => {
    await expect(all(readEvents(textCapture('x', '')))).rejects.toThrow(CaptureError);
  });
});

describe('a store', () => {
  it('lists its runs and says which of them were replayed', () => {
    expect(store.runs().map(({ run_id, name, replayed }) => [run_id, name, replayed])).toEqual([
      [1, 'storm', true],
      [2, 'samples/lock-cycle.trace.txt.zst', false],
    ]);
    expect(store.run(1)).toEqual(store.runs()[0]);
    expect(store.run().run_id).toBe(2);
  });

  it('has the findings, assessments and import counts of a run', async () => {
    const live = await replay(STORM);
    expect(store.findings(1)).toEqual(live.findings);
    expect(store.assessments(1)).toEqual(live.assessments);
    expect(store.importSummary(1)).toEqual(live.import);
    expect(store.findings()).toEqual([]);
  });

  it('explains a finding by its events', () => {
    const stall = store.findings(1).find(({ kind }) => kind === 'rcu-stall');
    const { finding, events } = store.explain('rcu-stall');
    expect(finding).toEqual(stall);
    expect(events.map(({ name }) => name)).toContain('rcu_grace_period');
    expect(() => store.explain('deadlock')).toThrow(RequestError);
  });

  it('gives the events of a stretch of time', () => {
    const from = 30e9;
    const to = 30.05e9;
    const events = [...store.events({ run: 1, fromNs: from, toNs: to })];
    const rows = store.query('SELECT count(*) AS n FROM event WHERE run_id = 1 AND ts_ns BETWEEN :from AND :to', {
      from,
      to,
    });
    expect([{ n: events.length }]).toEqual([...rows]);
    expect(events.length).toBeGreaterThan(10);
    expect([...store.events({ run: 1, fromNs: 1e12 })]).toEqual([]);
  });

  it('gives rows by column, in numbers as far as they are exact', () => {
    expect([...store.query("SELECT 1 AS one, 9007199254740993 AS wide, 'x' AS text, NULL AS missing")]).toEqual([
      { one: 1, wide: 9007199254740993n, text: 'x', missing: null },
    ]);
    const [longest] = store.namedQuery('longest-grace-periods', { run: 1, limit: 1 });
    expect(longest.duration_ns).toBeGreaterThan(13e9);
    expect(() => [...store.query('DELETE FROM run')]).toThrow(RequestError);
    expect(() => [...store.namedQuery('no-such-query')]).toThrow(RequestError);
  });

  it('has histograms as plain data', () => {
    const { by, histograms } = store.histogram('nmi', { by: 'cpu', run: 1 });
    expect(by).toBe('cpu');
    expect(histograms[0]).toMatchObject({ label: '1' });
    expect(() => store.histogram('nothing')).toThrow(RequestError);
  });

  it('shows an instant, from a path as from an open store', () => {
    const state = store.stateAt(37e9, { run: 1, cpu: 1 });
    expect(state.cpus.map(({ cpu }) => cpu)).toEqual([1]);
    expect(stateAt(db, 37e9, { run: 1, cpu: 1 })).toEqual(state);
    expect(stateAt(store, { event: state.event?.event ?? 0 }, { run: 1 }).event).toEqual(state.event);
    expect(() => stateAt(db, 1, { run: 1 })).toThrow(RequestError);
  });

  it('is closed by its scope', () => {
    const other = openStore(db);
    other[Symbol.dispose]();
    expect(() => other.runs()).toThrow();
  });
});

describe('whatIf', () => {
  it('judges captures and stored runs alike', async () => {
    const names = ['no-nmi-load', 'srcu-irq-work+no-nmi-load'];
    expect(await whatIf(db, names, { run: 1 })).toEqual(await whatIf(STORM, names));
  });

  it('takes variants as objects, those of the list too', async () => {
    const named = VARIANTS.filter(({ name }) => name === 'no-nmi-load');
    const [{ name, title, operators }] = named;
    const own = await whatIf(STORM, [{ name, title, operators }]);
    expect(own).toEqual(await whatIf(STORM, named));
    expect(own.variants[0].cleared.length).toBeGreaterThan(0);
  });

  it('refuses variants that it does not know before it reads anything', async () => {
    await expect(whatIf('nowhere', ['faster'])).rejects.toThrow(/unknown variant "faster"/);
    await expect(whatIf('nowhere', ['mine.json'])).rejects.toThrow(/mine\.json/);
    const broken = { name: 'x', title: 'x', operators: [{ op: 'faster' }] } as never;
    await expect(whatIf('nowhere', [broken])).rejects.toThrow(RequestError);
  });
});

describe('inputs that do not go together', () => {
  it('are refused with the reason', async () => {
    await expect(replay([db, STORM])).rejects.toThrow(/a store is replayed alone/);
    await expect(replay(STORM, { run: 1 })).rejects.toThrow(RequestError);
    expect(() => readEvents(STORM, { run: 1 })).toThrow(RequestError);
  });

  it('are told apart by class', async () => {
    await expect(replay(textCapture('x', ''))).rejects.toThrow(CaptureError);
    await expect(replay([])).rejects.toThrow(CaptureError);
    await expect(replay(db, { run: 9 })).rejects.toThrow(StoreError);
    for (const Class of [CaptureError, StoreError, RequestError]) expect(new Class('x')).toBeInstanceOf(QuiesceError);
  });
});
