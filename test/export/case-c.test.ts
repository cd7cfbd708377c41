/** Case C in Perfetto's engine: arrows lead from the wait of close() to the NMI storm. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { quiesce } from '../support/command-line.ts';
import { folderOfTest } from '../support/temporary-folder.ts';
import { askTraceProcessor, ENGINE_IS_THERE, WITH_ENGINE } from '../support/trace-processor/trace-processor.ts';

/** As docs/VIEWERS.md has it. */
const WALK = `
  WITH RECURSIVE walk (id, step) AS (
    SELECT id, 0 FROM slice
    WHERE category = 'wait' AND extract_arg(arg_set_id, 'debug.task') = 'perf close-1' AND name LIKE 'synchronize_srcu(tracepoint_srcu%'
    UNION ALL
    SELECT flow.slice_in, walk.step + 1 FROM walk JOIN flow ON flow.slice_out = walk.id)
  SELECT walk.step, slice.category, slice.name, extract_arg(slice.arg_set_id, 'debug.kind') AS kind,
         (SELECT extract_arg(p.arg_set_id, 'debug.id') FROM slice AS p WHERE p.id = slice.parent_id) AS inside
  FROM walk JOIN slice USING (id) ORDER BY walk.step, slice.id`;

const CAPTURES = {
  'the text of ftrace, and the log': ['nmi-storm.trace.txt.zst', 'nmi-storm.dmesg.txt'],
  'trace.dat': ['nmi-storm.trace.dat'],
};

describe.skipIf(!ENGINE_IS_THERE)(`case C ${WITH_ENGINE}`, () => {
  it.each(Object.entries(CAPTURES))(
    'from %s: close() → SRCU → kworker → RCU → CPU 1 → NMIs',
    async (_, captures) => {
      const folder = folderOfTest();
      const db = join(folder, 'run.db');
      const trace = join(folder, 'run.pftrace');
      await replayCaptures(
        captures.map((capture) => new URL(`../../samples/${capture}`, import.meta.url).pathname),
        { db, threads: 1 },
      );
      await quiesce('export', db, '--format', 'perfetto', '--only', 'findings,waits', '-o', trace);
      const [steps] = askTraceProcessor(trace, [WALK]);
      const way = steps.filter(({ kind }) => kind !== 'hardirq' && kind !== 'softirq');
      expect(way.map(({ category, kind }) => kind ?? category)).toEqual([
        'wait',
        'task',
        'srcu-gp',
        'worker',
        'rcu-gp',
        'cpu',
        'nmi',
        'root-of',
      ]);
      expect(way[1].name).toMatch(/closing a perf event/);
      expect(way[5].name).toMatch(/^CPU 1\b/);
      expect(way[7].inside).toMatch(/^nmi-storm-/);
    },
    120_000,
  );
});
