/**
 * One writer at a time: a file that only one process can create, on shared filesystems too. Its owner touches it; when it has not changed for
 * a while, its owner is gone. The waiting process measures that with its own clock, so clocks of machines need not agree.
 */
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileProblem } from '../../../schema/index.ts';
import { FleetError } from '../sink.ts';

const TOUCH_MS = 5_000;
/** Twelve touches missed. */
export const GONE_MS = 60_000;
const ASK_MS = 100;

/**
 * Runs `work` while no other process writes to the lake.
 * @param goneMs an owner that has not touched its lock for this time is gone
 * @throws FleetError
 */
export async function withLock<T>(root: string, work: () => Promise<T>, goneMs = GONE_MS): Promise<T> {
  const path = join(root, '.lock');
  await acquire(path, goneMs);
  const touch = setInterval(() => {
    const now = new Date();
    utimesSync(path, now, now);
  }, TOUCH_MS);
  touch.unref();
  try {
    return await work();
  } finally {
    clearInterval(touch);
    rmSync(path, { force: true });
  }
}

async function acquire(path: string, goneMs: number): Promise<void> {
  let seen = '';
  let since = performance.now();
  for (;;) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, `${hostname()} ${process.pid}\n`);
      closeSync(file);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST')
        throw new FleetError(`${path}: cannot be created: ${fileProblem(error)}`);
    }
    const now = stateOf(path);
    if (now !== seen) {
      seen = now;
      since = performance.now();
    } else if (performance.now() - since > goneMs) {
      rmSync(path, { force: true });
      seen = '';
    }
    await setTimeout(ASK_MS);
  }
}

function stateOf(path: string): string {
  try {
    return `${statSync(path).mtimeMs} ${readFileSync(path, 'utf8')}`;
  } catch {
    return 'gone';
  }
}
