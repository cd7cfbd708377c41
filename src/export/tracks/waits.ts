/** Calls that wait for grace periods, with their phases; and who waits for whom. */
import type { Connection } from '../../store/store-file.ts';
import { LaneGroup, type Timeline, type TrackId } from '../timeline.ts';
import { factRows, type RunFacts } from './run-facts.ts';

/** Where an arrow to the chain of a finding begins: by `tid start_ns` of the wait that it is about. */
export type WaitFlows = ReadonlyMap<string, readonly number[]>;

export const waitKey = (tid: number, startNs: number): string => `${tid} ${startNs}`;

export function writeSyncWaits(facts: RunFacts, timeline: Timeline, group: TrackId, flows: WaitFlows): void {
  const tasks = new LaneGroup<string>(timeline, group, (task) => task);
  const phases = phasesOf(facts.db, facts.runId);
  const rows = factRows(facts, {
    columns: 'f.start_ns, f.end_ns, f.api, f.domain, f.comm, f.tid, f.root_kind, f.confidence',
    from: 'sync_wait AS f',
  });
  for (const [start, end, api, domain, comm, tid, root, confidence] of rows) {
    const startNs = start as number;
    const endNs = end as number | null;
    const details = {
      category: 'wait',
      args: { api, domain, task: comm, tid, root, confidence },
      flows: flows.get(waitKey(tid as number, startNs)) ?? [],
    };
    tasks.of(`${comm}:${tid}`).slice(startNs, endNs, `${api}(${domain})`, details, (track) => {
      for (const [phase, fromNs, toNs] of phases(api as string, tid as number, startNs)) {
        if (toNs > (endNs ?? Number.POSITIVE_INFINITY) || fromNs < startNs) continue;
        timeline.begin(track, fromNs, phase, { category: 'phase' });
        timeline.end(track, toNs);
      }
    });
  }
}

type Phase = readonly [phase: string, fromNs: number, toNs: number];

/** Phases of a wait, in order. They are few: waits are calls that sleep. */
function phasesOf(db: Connection, runId: number): (api: string, tid: number, waitNs: number) => readonly Phase[] {
  const byWait = new Map<string, Phase[]>();
  const rows = db
    .prepare(
      'SELECT api, tid, wait_ns, phase, start_ns, end_ns FROM sync_wait_phase WHERE run_id = ? ORDER BY start_ns, fact_no',
    )
    .raw();
  for (const row of rows.iterate(runId)) {
    const [api, tid, waitNs, phase, fromNs, toNs] = row as [string, number, number, string, number, number];
    const key = `${api} ${waitKey(tid, waitNs)}`;
    const known = byWait.get(key);
    if (known === undefined) byWait.set(key, [[phase, fromNs, toNs]]);
    else if (fromNs >= known[known.length - 1][2]) known.push([phase, fromNs, toNs]);
  }
  return (api, tid, waitNs) => byWait.get(`${api} ${waitKey(tid, waitNs)}`) ?? [];
}

/** One track per waiter; a slice is named after what it waits for. */
export function writeWaitEdges(facts: RunFacts, timeline: Timeline, group: TrackId): void {
  const waiters = new LaneGroup<string>(timeline, group, (waiter) => waiter);
  const rows = factRows(facts, {
    columns: 'f.start_ns, f.end_ns, f.from_node, f.to_node, f.rule',
    from: 'wait_edge AS f',
  });
  for (const [startNs, endNs, from, to, rule] of rows)
    waiters.of(from as string).slice(startNs as number, endNs as number | null, to as string, {
      category: 'waits-for',
      args: { waiter: from, waits_for: to, rule },
    });
}
