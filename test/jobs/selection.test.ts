/** What is read of a capture: by time, CPU and name of the event; the rest counts as not recorded, and is counted. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { quiesce } from '../support/command-line.ts';
import { folderForEachTest, writeFileIn } from '../support/temporary-folder.ts';

const folder = folderForEachTest();

const at = (s: number, cpu: number, payload: string): string =>
  `            bash-1       [00${cpu}] .....  ${s.toFixed(6).padStart(12)}: ${payload}`;

const TRACE = `# tracer: nop\n${[1, 2, 3, 4]
  .flatMap((s) => [
    at(s, 0, 'local_timer_entry: vector=236'),
    at(s + 0.001, 0, 'local_timer_exit: vector=236'),
    at(s + 0.5, 1, 'sched_waking: comm=a pid=2 prio=120 target_cpu=000'),
  ])
  .join('\n')}\n`;

async function read(
  ...options: string[]
): Promise<{ run: { events: number; first_ns: number; last_ns: number }; left: number }> {
  const path = writeFileIn(folder.path, 'trace.txt', TRACE);
  const { out, err, status } = await quiesce('replay', '--db', ':memory:', '--json', '--quiet', path, ...options);
  expect([status, err]).toEqual([0, '']);
  const { run, import: imported } = JSON.parse(out);
  const left = imported.issues.find(({ kind }: { kind: string }) => kind === 'left-out')?.count ?? 0;
  return { run, left };
}

it.each([
  [[], 12, 1, 4.5],
  [['--from', '2'], 9, 2, 4.5],
  [['--from', '2', '--to', '3.5'], 6, 2, 3.5],
  [['--from', '+1', '--to', '+1.4'], 2, 2, 2.001],
  [['--cpu', '1'], 4, 1.5, 4.5],
  [['--event', 'sched_waking,local_timer_exit'], 8, 1.001, 4.5],
  [['--cpu', '0', '--event', 'local_timer_entry', '--from', '3'], 2, 3, 4],
] as const)('%j: %i events', async (options, events, firstS, lastS) => {
  const { run, left } = await read(...options);
  expect([run.events, run.first_ns / 1e9, run.last_ns / 1e9]).toEqual([events, firstS, lastS]);
  expect(left).toBe(12 - events);
});

it('a stored run is replayed whole', async () => {
  const path = writeFileIn(folder.path, 'trace.txt', TRACE);
  const db = join(folder.path, 'runs.db');
  expect((await quiesce('ingest', '--db', db, '--quiet', path, '--cpu', '1')).status).toBe(0);
  const { status, err } = await quiesce('replay', db, '--cpu', '1');
  expect([status, err]).toEqual([2, expect.stringContaining('replayed whole')]);
  const named = writeFileIn(folder.path, 'kallsyms', 'ffffffff81000000 T _stext\n');
  for (const args of [
    ['replay', db],
    ['state', db, '--at', '1'],
  ])
    expect(await quiesce(...args, '--kallsyms', named)).toMatchObject({
      status: 2,
      err: expect.stringContaining('frames of a stored run were named when its captures were read'),
    });
});
