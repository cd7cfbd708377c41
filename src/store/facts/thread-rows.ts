/** The tasks of a run, by what its facts say of them. */
import type { Connection } from '../store-file.ts';

/** When all facts of the run are written. */
export function writeThreads(db: Connection, runId: number): void {
  db.prepare(
    `INSERT INTO thread (run_id, tid, comm, names, first_ns, running_ns)
     SELECT $run, tid, max(comm), count(DISTINCT comm), min(start_ns), sum(running_ns) FROM (
       SELECT tid, comm, start_ns, CASE state WHEN 'running' THEN end_ns - start_ns END AS running_ns
       FROM task_state WHERE run_id = $run
       UNION ALL SELECT tid, comm, start_ns, NULL FROM sync_wait WHERE run_id = $run
       UNION ALL SELECT tid, comm, start_ns, NULL FROM srcu_reader WHERE run_id = $run
       UNION ALL SELECT tid, comm, start_ns, NULL FROM rcu_blocker WHERE run_id = $run AND tid IS NOT NULL AND comm IS NOT NULL
     ) GROUP BY tid`,
  ).run({ run: runId });
}
