/** A srcu_struct that later events name has that name in every row, also in those written before: GROUP BY must not split it. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { replayStore } from '../../src/jobs/replay-store.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { trace } from '../support/replay-dsl.ts';
import { textCapture } from '../support/sample-store.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();

const SSP = 'ssp=0xffffffff81ee05a0';
const section = (s: number, ...lockdep: readonly string[]): string => `
  rd-5 [000] ..... ${s.toFixed(1)}: srcu_read_lock: (__srcu_read_lock+0x4/0x30) ${SSP}
  ${lockdep.map((line) => `rd-5 [000] ..... ${s.toFixed(1)}00001: ${line}`).join('\n')}
  rd-5 [000] ..... ${(s + 0.5).toFixed(1)}: srcu_read_unlock: (__srcu_read_unlock+0x4/0x30) ${SSP}`;

/** Two sections that only a probe shows; of the third lockdep tells the name. */
const TRACE = textCapture(
  'trace.txt',
  trace`${section(1)}
  kworker/0:1-9 [000] ..... 1.60: process_srcu: (process_srcu+0x4/0x30)
  kworker/0:1-9 [000] ..... 1.61: try_check_zero: (try_check_zero+0x4/0x30) ${SSP}
  kworker/0:1-9 [000] ..... 1.62: srcu_gp_end: (srcu_gp_end+0x4/0x30) ${SSP}
  kworker/0:1-9 [000] ..... 1.63: process_srcu_ret: (x+0x90/0xf0 <- process_srcu)
  ${section(2)}${section(3, 'lock_acquire: 00000000000000a0 read lab_srcu')}`,
);

function storedRows(db: string, sql: string): unknown[][] {
  const connection = new QueryConnection(db);
  try {
    return [...connection.query(sql).rows].map((row) => [...row]);
  } finally {
    connection.close();
  }
}

it('names of srcu_structs are the same in all facts, also when the run is replayed from its store', async () => {
  const db = join(folder.path, 'runs.db');
  await replayCaptures([TRACE], { db, replay: false });
  await replayStore(db);
  await replayCaptures([TRACE], { db });
  for (const run of [1, 2]) {
    const names = storedRows(
      db,
      `SELECT DISTINCT domain FROM srcu_reader WHERE run_id = ${run} UNION SELECT flavor FROM grace_period WHERE run_id = ${run}
       UNION SELECT label FROM histogram WHERE metric = 'srcu-gp' AND run_id = ${run}`,
    );
    expect(names).toEqual([['lab_srcu (0xffffffff81ee05a0)']]);
    expect(storedRows(db, `SELECT count(*) FROM srcu_reader WHERE run_id = ${run}`)).toEqual([[3n]]);
  }
});
