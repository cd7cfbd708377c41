/** Lanes of the lock classes that findings name: who held them, and who waited. */
import type { Lane } from '../../../schema/index.ts';
import { rowsOf, type TimelineSource } from './source.ts';
import { TrackBuilder } from './track-builder.ts';

const MOST_LANES = 24;

interface LockTracks {
  readonly name: string;
  readonly held: TrackBuilder;
  readonly waits: TrackBuilder;
}

export function lockLanes(source: TimelineSource): Lane[] {
  const { strings, level, subjects } = source;
  if (subjects.locks.size === 0) return [];
  const classes = new Map<number, LockTracks>();
  for (const [classId, name] of rowsOf<readonly [number, string]>(
    source,
    'SELECT class_id, name FROM lock_class WHERE run_id = ?',
  ))
    if (subjects.locks.has(name))
      classes.set(classId, {
        name,
        held: new TrackBuilder('held', level),
        waits: new TrackBuilder('waited for', level),
      });
  if (classes.size === 0) return [];
  const names = taskNames(source);
  const nameOf = (tid: number): string => names.get(tid) ?? `task ${tid}`;
  const wanted = [...classes.keys()].join(', ');
  const holds = rowsOf<readonly [number, number, number, number, number]>(
    source,
    `SELECT class_id, tid, read, start_ns, end_ns FROM lock_hold WHERE run_id = ? AND class_id IN (${wanted})`,
  );
  for (const [classId, tid, read, startNs, endNs] of holds)
    classes
      .get(classId)
      ?.held.add(startNs, endNs, 'lock-hold', strings.id(`${read ? 'read ' : ''}held by ${nameOf(tid)}`));
  const waits = rowsOf<readonly [number, number, number, number | null, number | null]>(
    source,
    `SELECT class_id, tid, start_ns, end_ns, owner_tid FROM lock_wait WHERE run_id = ? AND class_id IN (${wanted})`,
  );
  for (const [classId, tid, startNs, endNs, owner] of waits) {
    const holder = owner === null ? '' : `, held by ${nameOf(owner)}`;
    classes.get(classId)?.waits.add(startNs, endNs, 'lock-wait', strings.id(`${nameOf(tid)} waits${holder}`));
  }
  readHolders(source, classes);
  const order = [...subjects.locks];
  return [...classes.values()]
    .filter(({ held, waits }) => held.length + waits.length > 0)
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
    .slice(0, MOST_LANES)
    .map(({ name, held, waits }) => ({
      key: `lock:${name}`,
      group: 'Locks',
      name,
      tracks: [held, waits].filter(({ length }) => length > 0).map((track) => track.finish()),
    }));
}

/** Where no acquisition was recorded, what the wait-for graph knows of holders. */
function readHolders(source: TimelineSource, classes: ReadonlyMap<number, LockTracks>): void {
  const byName = new Map<string, LockTracks>([...classes.values()].map((tracks) => [`lock ${tracks.name}`, tracks]));
  const without = new Set([...classes.values()].filter(({ held }) => held.length === 0));
  const edges = rowsOf<readonly [string, string, number, number | null]>(
    source,
    "SELECT from_node, to_node, start_ns, end_ns FROM wait_edge WHERE run_id = ? AND from_node LIKE 'lock %' AND to_node LIKE 'task %'",
  );
  for (const [lock, task, startNs, endNs] of edges) {
    const tracks = byName.get(lock);
    if (tracks !== undefined && without.has(tracks))
      tracks.held.add(startNs, endNs, 'lock-hold', source.strings.id(`held by ${task.slice('task '.length)}`));
  }
}

function taskNames(source: TimelineSource): Map<number, string> {
  const names = new Map<number, string>();
  for (const [tid, comm] of rowsOf<readonly [number, string]>(
    source,
    'SELECT tid, max(comm) FROM task_state WHERE run_id = ? GROUP BY tid',
  ))
    names.set(tid, `${comm}:${tid}`);
  for (const [tid, name] of source.subjects.tasks) names.set(tid, `${name}:${tid}`);
  return names;
}
