/** Chrome's trace event format, and what --from, --to, --cpu and --only leave of a run. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { openStore } from '../../src/jobs/store.ts';
import { quiesce } from '../support/command-line.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { SLICE_SOURCES, sortedLines } from '../support/viewer-rows.ts';

const folder = temporaryFolder();
const db = join(folder.path, 'storm.db');

beforeAll(async () => {
  const captures = ['nmi-storm.trace.txt.zst', 'nmi-storm.dmesg.txt'];
  await replayCaptures(
    captures.map((name) => new URL(`../../samples/${name}`, import.meta.url).pathname),
    { db, threads: 1 },
  );
});
afterAll(() => folder.remove());

interface ChromeEvent {
  readonly ph: string;
  readonly name?: string;
  readonly cat?: string;
  readonly pid: number;
  readonly tid?: number;
  readonly ts?: number;
  readonly id?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

async function exported(...args: string[]): Promise<ChromeEvent[]> {
  const { out, err, status } = await quiesce('export', db, '--format', 'chrome-json', ...args);
  expect({ err, status }).toEqual({ err: '', status: 0 });
  return JSON.parse(out).traceEvents;
}

interface Slice {
  readonly category: string;
  readonly name: string;
  readonly track: string;
  readonly tsNs: number;
  readonly endNs: number;
}

/** Slices by their beginnings and ends, which must nest on every track. */
function slices(events: readonly ChromeEvent[]): Slice[] {
  const tracks = new Map(
    events.flatMap(({ ph, name, tid, args }) =>
      ph === 'M' && name === 'thread_name' ? [[tid, String(args?.name)]] : [],
    ),
  );
  const ns = ({ ts }: ChromeEvent): number => Math.round((ts as number) * 1000);
  const order = [...events.keys()]
    .filter((i) => 'BE'.includes(events[i].ph))
    .sort((a, b) => ns(events[a]) - ns(events[b]) || a - b);
  const open = new Map<number, ChromeEvent[]>();
  const found: Slice[] = [];
  for (const event of order.map((i) => events[i])) {
    const tid = event.tid as number;
    const stack = open.get(tid) ?? [];
    open.set(tid, stack);
    if (event.ph === 'B') stack.push(event);
    else {
      const begun = stack.pop() as ChromeEvent;
      found.push({
        category: begun.cat ?? '',
        name: begun.name ?? '',
        track: tracks.get(tid) ?? '',
        tsNs: ns(begun),
        endNs: ns(event),
      });
    }
  }
  expect([...open.values()].flat().filter(({ cat }) => cat === 'running')).toEqual([]);
  return found;
}

describe('chrome-json', () => {
  it('has the facts of the store as slices', async () => {
    using store = openStore(db);
    const found = slices(await exported());
    for (const category of ['grace-period', 'wait', 'nmi', 'holdout'])
      expect([category, found.filter((slice) => slice.category === category).length]).toEqual([
        category,
        [...store.query(`SELECT 1 FROM (${SLICE_SOURCES[category]}) WHERE dur >= 0`)].length,
      ]);
    const ran = found.filter(({ category }) => category === 'running');
    const [{ n }] = store.query('SELECT count(*) AS n FROM sched_switch WHERE next_pid != 0');
    expect(ran).toHaveLength(n as number);
  });

  it('joins the links of a chain', async () => {
    const events = await exported('--only', 'findings,waits');
    const arrows = new Map<number, string[]>();
    for (const { ph, id } of events) if (id !== undefined) arrows.set(id, [...(arrows.get(id) ?? []), ph]);
    const whole = [...arrows.values()].filter((ends) => ends.join('') === 'sf');
    expect(whole.length).toBeGreaterThan(80);
    expect([...arrows.values()].filter((ends) => ends.length > 2)).toEqual([]);
  });

  it('has the selected parts alone', async () => {
    const categories = async (only: string) =>
      new Set(slices(await exported('--only', only)).map(({ category }) => category));
    expect(await categories('grace-periods')).toEqual(new Set(['grace-period', 'phase', 'holdout']));
    expect(await categories('interrupts')).toEqual(new Set(['nmi', 'hardirq', 'softirq']));
    expect(await categories('scheduling')).toEqual(new Set(['running']));
  });

  it('has what overlaps the selected time', async () => {
    const found = slices(await exported('--from', '30', '--to', '31'));
    expect(found.length).toBeGreaterThan(50);
    // Phases and marks are of facts that do.
    for (const { category, tsNs, endNs } of found)
      if (category !== 'phase' && category !== 'root-of')
        expect([category, tsNs <= 31e9 && endNs >= 30e9]).toEqual([category, true]);
    using store = openStore(db);
    const periods = store.query(
      `SELECT ts, name FROM (${SLICE_SOURCES['grace-period']}) WHERE ts <= 31e9 AND (dur < 0 OR ts + dur >= 30e9) AND dur >= 0`,
    );
    expect(
      sortedLines(
        found.filter(({ category }) => category === 'grace-period').map(({ tsNs, name }) => ({ ts: tsNs, name })),
        ['ts', 'name'],
      ),
    ).toEqual(sortedLines(periods, ['ts', 'name']));
  });

  it('has the selected CPUs, and what belongs to none', async () => {
    const found = slices(await exported('--cpu', '0'));
    const tracks = found
      .filter(({ category }) => ['running', 'nmi', 'hardirq', 'softirq'].includes(category))
      .map(({ track }) => track);
    expect(tracks.length).toBeGreaterThan(100);
    expect(tracks.filter((track) => !track.startsWith('CPU 0'))).toEqual([]);
    expect(found.some(({ category }) => category === 'grace-period')).toBe(true);
  });
});
