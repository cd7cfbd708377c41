/** docs/CI.md, run as it stands by a shell. Runs dist/, which `npm test` builds first. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { MAIN, requireBuild } from '../support/built-command.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const DOC = readFileSync(new URL('../../docs/CI.md', import.meta.url), 'utf8');
const sample = (name: string): string => new URL(`../../samples/${name}`, import.meta.url).pathname;
const folder = folderForEachTest();
const path = (name: string): string => join(folder.path, name);

beforeAll(requireBuild);

function step(name: string): string {
  const block = new RegExp(`<!-- pipeline: ${name} -->\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\``).exec(DOC);
  if (block === null) throw new Error(`docs/CI.md has no step ${name}`);
  return block[1];
}

function run(name: string): { status: number | null; out: string; err: string } {
  const script = `set -e\nquiesce() { "${process.execPath}" "${MAIN}" "$@"; }\n${step(name)}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script], {
    cwd: folder.path,
    encoding: 'utf8',
    env: { ...process.env, COMMIT: '1a2b3c', JOB: 'boot-test' },
  });
  return { status, out: stdout, err: stderr };
}

/** A boot that left a capture. */
function boot(place: string, capture: string): void {
  mkdirSync(path(place), { recursive: true });
  copyFileSync(sample(capture), join(path(place), capture.includes('dmesg') ? 'dmesg.txt' : 'trace.txt.zst'));
}

beforeEach(() => {
  boot('master/a', 'lock-cycle.trace.txt.zst');
  boot('master/b', 'healthy.trace.txt.zst');
  boot('runs/a', 'lock-cycle.trace.txt.zst');
  writeFileSync(path('known-issues.json'), (/```json\n([\s\S]*?)```/.exec(DOC) as RegExpExecArray)[1]);
});

it('the pipeline of docs/CI.md lets pass what is known, and stops what is new', { timeout: 180_000 }, () => {
  expect(run('baseline')).toMatchObject({ status: 0, err: '' });
  expect(readFileSync(path('known.txt'), 'utf8')).toMatch(/^lock-inversion /m);
  expect(run('gate')).toMatchObject({ status: 0, err: '' });

  boot('runs/b', 'nmi-storm.dmesg.txt');
  const stopped = run('gate');
  expect(stopped.status).toBe(1);
  expect(stopped.err).toMatch(/^quiesce: new: run 2: nmi-storm-|^quiesce: new: run 2: rcu-stall-/m);
  expect(stopped.out).toMatch(/^1\/2 {2}run 1 .*there already$/m);
  expect(stopped.out).toMatch(/^::error file=runs\/b\/dmesg\.txt,line=\d+,title=quiesce /m);
  expect(readFileSync(path('quiesce.tap'), 'utf8')).toMatch(/^not ok \d+ - b: rcu-stall$/m);
  expect(readFileSync(path('quiesce.xml'), 'utf8')).toContain('<testcase classname="quiesce" name="rcu-stall">');
  expect(JSON.parse(readFileSync(path('quiesce.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' });

  const kept = run('keep');
  expect(kept).toMatchObject({ status: 0, err: '' });
  expect(kept.out).toMatch(/^topic\.db: 2 runs added, 0 there already\n0 runs removed\n/);
});
