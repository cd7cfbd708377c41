/** Locks that each task holds, and waits for. */
import { LaneGroup, type Timeline, type TrackId } from '../timeline.ts';
import { factRows, type RunFacts, taskLabel } from './run-facts.ts';

export function writeLockHolds(facts: RunFacts, timeline: Timeline, group: TrackId): void {
  const tasks = new LaneGroup<number>(timeline, group, (tid) => `${taskLabel(facts, tid)} holds`);
  const classes = classNames(facts);
  const rows = factRows(facts, {
    columns: 'f.start_ns, f.end_ns, f.class_id, f.tid, f.read, f.trylock',
    from: 'lock_hold AS f',
    cpu: 'f.cpu',
    asStored: true,
  });
  for (const [startNs, endNs, lockClass, tid, read, trylock, cpu] of rows)
    tasks.of(tid as number).slice(startNs as number, endNs as number, classes.get(lockClass as number) ?? '', {
      category: 'lock-hold',
      args: { tid, cpu, shared: read === 1 || undefined, trylock: trylock === 1 || undefined },
    });
}

export function writeLockWaits(facts: RunFacts, timeline: Timeline, group: TrackId): void {
  const tasks = new LaneGroup<number>(timeline, group, (tid) => `${taskLabel(facts, tid)} waits for a lock`);
  const classes = classNames(facts);
  const rows = factRows(facts, {
    columns: 'f.start_ns, f.end_ns, f.class_id, f.tid, f.owner_tid',
    from: 'lock_wait AS f',
    asStored: true,
  });
  for (const [startNs, endNs, lockClass, tid, owner] of rows)
    tasks.of(tid as number).slice(startNs as number, endNs as number | null, classes.get(lockClass as number) ?? '', {
      category: 'lock-wait',
      args: { tid, owner: owner === null ? null : taskLabel(facts, owner as number), owner_tid: owner },
    });
}

function classNames({ db, runId }: RunFacts): ReadonlyMap<number, string> {
  const rows = db.prepare('SELECT class_id, name FROM lock_class WHERE run_id = ?').raw().all(runId);
  return new Map(rows as [number, string][]);
}
