/** Locks that each task holds, and waits for. */
import { LaneGroup, type Timeline, type TrackId } from '../timeline.ts';
import { factRows, type RunFacts, taskLabel } from './run-facts.ts';

export function writeLockHolds(facts: RunFacts, timeline: Timeline, group: TrackId): void {
  const tasks = new LaneGroup(timeline, group);
  const rows = factRows(facts, {
    columns: 'f.start_ns, f.end_ns, c.name, f.tid, f.read, f.trylock',
    from: 'lock_hold AS f JOIN lock_class AS c ON c.run_id = f.run_id AND c.class_id = f.class_id',
    cpu: 'f.cpu',
  });
  for (const [startNs, endNs, name, tid, read, trylock, cpu] of rows)
    tasks.named(`${taskLabel(facts, tid as number)} holds`).slice(startNs as number, endNs as number, name as string, {
      category: 'lock-hold',
      args: { tid, cpu, shared: read === 1, trylock: trylock === 1 },
    });
}

export function writeLockWaits(facts: RunFacts, timeline: Timeline, group: TrackId): void {
  const tasks = new LaneGroup(timeline, group);
  const rows = factRows(facts, {
    columns: 'f.start_ns, f.end_ns, c.name, f.tid, f.owner_tid',
    from: 'lock_wait AS f JOIN lock_class AS c ON c.run_id = f.run_id AND c.class_id = f.class_id',
  });
  for (const [startNs, endNs, name, tid, owner] of rows)
    tasks
      .named(`${taskLabel(facts, tid as number)} waits for a lock`)
      .slice(startNs as number, endNs as number | null, name as string, {
        category: 'lock-wait',
        args: { tid, owner: owner === null ? null : taskLabel(facts, owner as number), owner_tid: owner },
      });
}
