/** A gap of unknown size makes the number of lost events a lower bound wherever it is printed. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { quiesce } from '../support/command-line.ts';
import { folderForEachTest, writeFileIn } from '../support/temporary-folder.ts';

const folder = folderForEachTest();

const text = (note: string): string => `# tracer: nop
            bash-1       [001] .....     1.000001: local_timer_entry: vector=236
CPU:0 [LOST 41 EVENTS]
            bash-1       [001] .....     1.000003: local_timer_exit: vector=236
${note}
            bash-1       [001] .....     1.000005: local_timer_entry: vector=236
`;

it('replay and compare say so, and the query of the runs has it', async () => {
  const sized = writeFileIn(folder.path, 'sized.txt', text('CPU:1 [LOST 7 EVENTS]'));
  const unsized = writeFileIn(folder.path, 'unsized.txt', text('CPU:1 [LOST EVENTS]'));
  const db = join(folder.path, 'runs.db');
  expect((await quiesce('replay', '--db', db, '--quiet', sized)).out).toMatch(/, 48 lost$/m);
  expect((await quiesce('replay', '--db', db, '--quiet', unsized)).out).toMatch(/, at least 42 lost$/m);
  const { out } = await quiesce('compare', `${db}#1`, '--with', `${db}#2`);
  expect(out).toContain(', 48 lost');
  expect(out).toContain(', at least 42 lost');
  expect(out).toContain('the head lost at least 42 events while recording');
  const runs = await quiesce('query', db, '--named', 'runs', '--format', 'json');
  expect(JSON.parse(runs.out)).toMatchObject([
    { lost: 48, lost_least: 0 },
    { lost: 42, lost_least: 1 },
  ]);
});
