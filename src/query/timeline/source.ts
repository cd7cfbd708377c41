/** What the readers of lanes share: where they read, at which detail, and how lanes are ordered. */
import { LANE_GROUPS, type Lane } from '../../../schema/index.ts';
import type { Connection } from '../../store/store-file.ts';
import type { Subjects } from './subjects.ts';
import type { DetailLevel, StringTable } from './track-builder.ts';

export interface TimelineSource {
  readonly db: Connection;
  readonly runId: number;
  readonly level: DetailLevel;
  readonly strings: StringTable;
  readonly subjects: Subjects;
}

/** Rows of a statement as arrays: the fast way through a table of facts. */
export function* rowsOf<Row extends readonly unknown[]>(
  { db, runId }: Pick<TimelineSource, 'db' | 'runId'>,
  sql: string,
): Generator<Row> {
  for (const row of db.prepare(sql).raw().iterate(runId)) yield row as unknown as Row;
}

/** By group; within it what findings name first, in their order. */
export function laneOrder({ tasks, cpus, gracePeriods }: Subjects): (a: Lane, b: Lane) => number {
  const named = [
    ...[...tasks.keys()].map((tid) => `task:${tid}`),
    ...[...gracePeriods].map((name) => `gp:${name}`),
    ...[...cpus].sort((a, b) => a - b).map((cpu) => `cpu:${cpu}`),
  ];
  const rank = new Map(named.map((key, i) => [key, i] as const));
  const rankOf = ({ key }: Lane): number => rank.get(key) ?? named.length;
  const numberOf = ({ key }: Lane): number => Number(/^cpu:(\d+)$/.exec(key)?.[1] ?? 0);
  return (a, b) =>
    LANE_GROUPS.indexOf(a.group) - LANE_GROUPS.indexOf(b.group) ||
    // With few CPUs their numbers are the better order.
    (a.group === 'CPUs' && cpus.size <= FEW_CPUS && numberOf(b) < FEW_CPUS && numberOf(a) < FEW_CPUS
      ? 0
      : rankOf(a) - rankOf(b)) ||
    numberOf(a) - numberOf(b);
}

const FEW_CPUS = 9;
