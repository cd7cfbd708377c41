/**
 * A replay whose system calls fail, one after the other: each write, sync, truncation, read, opening and removal of the store and its journal.
 * strace injects the errors; without it, or where it may not trace, the campaign is skipped by name.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { MAIN } from '../support/built-command.ts';
import { expectTrue } from './target.ts';

const SAMPLE = new URL('../../samples/nmi-storm.dmesg.txt', import.meta.url).pathname;

/** System calls of SQLite's unix VFS on the store and its journal, and what each may answer. */
const FAULTS = [
  ['pwrite64', 'ENOSPC'],
  ['pwrite64', 'EIO'],
  ['fsync', 'EIO'],
  ['fdatasync', 'EIO'],
  ['ftruncate', 'EIO'],
  ['unlink', 'EIO'],
  ['pread64', 'EIO'],
  ['openat', 'EIO'],
  ['openat', 'EMFILE'],
] as const;

/** Why faults cannot be injected here; undefined when they can. */
export function noFaults(): string | undefined {
  const { status, stderr, error } = spawnSync(
    'strace',
    ['-f', '-o', '/dev/null', '-e', 'inject=fsync:error=EIO:when=9999', 'true'],
    { encoding: 'utf8' },
  );
  if (error) return 'strace is not installed';
  return status === 0 ? undefined : `strace may not trace here: ${stderr.trim().split('\n')[0]}`;
}

export interface FaultTally {
  injected: number;
  refused: number;
  unharmed: number;
}

/**
 * Lets the n-th call of each kind fail, from the first on, until a replay gets through without meeting the fault.
 * @param every take each n-th call only
 * @throws Error when a promise is broken
 */
export function faultAtEveryCall(every: number, mostPerCall: number, onFault?: (line: string) => void): FaultTally {
  const tally: FaultTally = { injected: 0, refused: 0, unharmed: 0 };
  const folder = mkdtempSync(join(tmpdir(), 'quiesce-fault-'));
  try {
    const first = join(folder, 'first.db');
    const made = spawnSync(process.execPath, [MAIN, 'replay', SAMPLE, '--db', first, '--quiet']);
    expectTrue(made.status === 0, 'a replay without faults succeeds');
    for (const existing of [false, true])
      for (const [call, error] of FAULTS)
        for (let n = 1; n <= mostPerCall; n += every) {
          const db = join(folder, 'r.db');
          if (existing) copyFileSync(first, db);
          const log = join(folder, 'log');
          const { status, stderr } = spawnSync(
            'strace',
            [
              '-f',
              '-qq',
              '-o',
              log,
              '-P',
              db,
              '-P',
              `${db}-journal`,
              '-e',
              `trace=${call}`,
              '-e',
              `inject=${call}:error=${error}:when=${n}`,
              process.execPath,
              MAIN,
              'replay',
              SAMPLE,
              '--db',
              db,
              '--quiet',
            ],
            { encoding: 'utf8' },
          );
          const met = spawnSync('grep', ['-c', 'INJECTED', log], { encoding: 'utf8' }).stdout.trim() !== '0';
          const where = `${call} ${error} #${n}${existing ? ', second run' : ''}`;
          if (met) tally.injected++;
          expectTrue(status === 0 || status === 4, `${where}: status 0 or 4, not ${status}: ${stderr}`);
          expectTrue(stderr === '' || stderr.trimEnd().split('\n').length === 1, `${where}: one line: ${stderr}`);
          if (status === 4) tally.refused++;
          else tally.unharmed++;
          checkStore(db, existing, status === 0, where);
          onFault?.(where);
          for (const name of readdirSync(folder)) if (name !== 'first.db') rmSync(join(folder, name));
          if (!met) break;
        }
    return tally;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The store has what it had, and the new run exactly when the replay said so. */
export function checkStore(path: string, existing: boolean, stored: boolean, where: string): void {
  const expected = (existing ? 1 : 0) + (stored ? 1 : 0);
  if (!existsSync(path)) {
    expectTrue(expected === 0, `${where}: the store is there`);
    return;
  }
  const db = new Database(path);
  try {
    expectTrue(db.pragma('integrity_check', { simple: true }) === 'ok', `${where}: the store is sound`);
    const tables = db.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'run'").pluck().get();
    const runs = tables === 0 ? 0 : (db.prepare('SELECT count(*) FROM run').pluck().get() as number);
    // A commit whose last step failed may have reached the disk: it is whole then, and the error was said.
    expectTrue(
      runs === expected || (!stored && runs === expected + 1),
      `${where}: ${runs} runs instead of ${expected}`,
    );
  } finally {
    db.close();
  }
}

/** `npm run fuzz -- --faults`. @returns the exit status */
export async function faultCampaign(): Promise<number> {
  const why = noFaults();
  if (why !== undefined) {
    console.log(`skipped: ${why}`);
    return 0;
  }
  const startedMs = performance.now();
  const { injected, refused, unharmed } = faultAtEveryCall(1, 1000);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  console.log(
    `${injected} faults injected: ${refused} replays refused with status 4, ${unharmed} unharmed, ${seconds} s; no promise broken`,
  );
  return 0;
}
