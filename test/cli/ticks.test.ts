/** No output of a recording in ticks speaks of seconds. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { quiesce } from '../support/command-line.ts';
import { textCapture } from '../support/sample-store.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();

const TRACE = textCapture(
  'counter.txt',
  `# tracer: nop
          <idle>-0       [000] d..2.            1: sched_waking: comm=first pid=1 prio=120 target_cpu=000
          <idle>-0       [000] d..2.            2: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=first next_pid=1 next_prio=120
           first-1       [000] .....            3: lock_acquire: 00000000000000aa a
           first-1       [000] .....            4: lock_acquire: 00000000000000bb b
           first-1       [000] .....            5: lock_release: 00000000000000bb b
           first-1       [000] .....            6: lock_release: 00000000000000aa a
           first-1       [000] .....            7: lock_acquire: 00000000000000bb b
           first-1       [000] .....            8: lock_acquire: 00000000000000aa a
           first-1       [000] .....         4321: lock_release: 00000000000000aa a
           first-1       [000] .....         4322: lock_release: 00000000000000bb b
`,
);

it('replay, state, hist and explain write ticks', async () => {
  const db = join(folder.path, 'ticks.db');
  const { findings } = await replayCaptures([TRACE], { db });
  const { id } = findings.find(({ kind }) => kind === 'lock-inversion') ?? { id: '' };
  const answers = await Promise.all([
    quiesce('replay', db),
    quiesce('state', db, '--at', 'event:8'),
    quiesce('hist', db, 'lock-hold'),
    quiesce('hist', db, 'lock-hold', '--over', 'time'),
    quiesce('explain', db, id),
  ]);
  for (const { out, status } of answers) {
    expect(status).toBe(0);
    expect(out).toMatch(/ticks?\b| 8 \[000\]/);
    expect(out).not.toMatch(/\d (ns|µs|ms|s)\b|\b0\.0000\d\d\b/);
  }
  expect(answers[0].out).toContain('4,321 ticks from tick 1');
  expect(answers[2].out).toContain('max 4,315 ticks');
});
