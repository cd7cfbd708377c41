/** What trace_processor must say about a run, from the store alone. */
import type { Row, Store } from '../../src/jobs/store.ts';
import type { TraceEvent } from '../../src/jobs/trace-event.ts';

export interface SchedRow {
  readonly cpu: number;
  readonly tid: number;
  readonly ts: number;
  /** −1: it ran until the end. */
  readonly dur: number;
  readonly prio: number;
  readonly end_state: string | null;
}

/** Stretches in which a task ran, per CPU: from a switch to the next. */
export function schedRows(store: Store): SchedRow[] {
  const rows = store.query(`
    SELECT cpu, next_pid AS tid, ts_ns AS ts, coalesce(lead(ts_ns) OVER w - ts_ns, -1) AS dur, next_prio AS prio,
           lead(prev_state) OVER w AS end_state
    FROM sched_switch WINDOW w AS (PARTITION BY cpu ORDER BY id)`);
  return [...rows] as unknown as SchedRow[];
}

export interface StateRow {
  readonly tid: number;
  readonly ts: number;
  dur: number;
  readonly state: string;
}

const RUNNING = 'Running';

/**
 * States of tasks as Perfetto defines them: a switch opens Running for one task and the state that the kernel prints for the other; a
 * wakeup of a blocked task opens R. The idle task has none.
 */
export function stateRows(events: Iterable<TraceEvent>): StateRow[] {
  const rows: StateRow[] = [];
  const open = new Map<number, StateRow>();
  const begin = (tid: number, ts: number, state: string, lost = false): void => {
    if (tid === 0) return;
    const before = open.get(tid);
    if (before !== undefined && !lost) before.dur = ts - before.ts;
    const row = { tid, ts, dur: -1, state };
    rows.push(row);
    open.set(tid, row);
  };
  for (const { name, ts_ns, fields } of events) {
    if (name === 'sched_switch') {
      const prev = fields.prev_pid as number;
      const before = open.get(prev);
      begin(prev, ts_ns, fields.prev_state as string, before !== undefined && before.state !== RUNNING);
      begin(fields.next_pid as number, ts_ns, RUNNING);
    } else if (name === 'sched_waking') {
      const state = open.get(fields.pid as number)?.state;
      // Of a task that is running or runnable: it changes nothing. A preempted one (R+) counts as blocked there.
      if (state === undefined || (state !== RUNNING && state !== 'R')) begin(fields.pid as number, ts_ns, 'R');
    }
  }
  return rows;
}

/** Slices by category, each from the facts of one table: `ts`, `dur` and `name`. */
export const SLICE_SOURCES: Readonly<Record<string, string>> = {
  'grace-period': `SELECT start_ns AS ts, coalesce(end_ns - start_ns, -1) AS dur,
      iif(expedited, 'expedited ', '') || 'grace period' || coalesce(' ' || gp_seq, '') AS name FROM grace_period`,
  holdout: `SELECT start_ns AS ts, coalesce(end_ns - start_ns, -1) AS dur,
      'grace period ' || coalesce(gp_seq, '') || coalesce(': ' || cause, '') AS name FROM rcu_blocker`,
  wait: `SELECT start_ns AS ts, coalesce(end_ns - start_ns, -1) AS dur, api || '(' || domain || ')' AS name FROM sync_wait`,
  'waits-for': `SELECT start_ns AS ts, coalesce(end_ns - start_ns, -1) AS dur, to_node AS name FROM wait_edge`,
  nmi: `SELECT start_ns AS ts, end_ns - start_ns AS dur, name FROM context_span WHERE kind = 'nmi'`,
  'lock-hold': `SELECT start_ns AS ts, end_ns - start_ns AS dur, name FROM lock_hold JOIN lock_class USING (run_id, class_id)`,
  'lock-wait': `SELECT start_ns AS ts, coalesce(end_ns - start_ns, -1) AS dur, name
      FROM lock_wait JOIN lock_class USING (run_id, class_id)`,
  finding: `SELECT start_ns AS ts, end_ns - start_ns AS dur, title AS name FROM finding`,
};

/** Rows as text, sorted: what two answers have in common does not depend on their order. */
export function sortedLines(rows: Iterable<Row | object>, columns: readonly string[]): string[] {
  return [...rows].map((row) => columns.map((column) => (row as Row)[column] ?? '').join(' | ')).sort();
}
