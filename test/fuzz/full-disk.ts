/**
 * A disk that is full at every page: replays into a file system of a limited size, one page larger each time, until the run fits.
 * The file system is a tmpfs in a mount namespace of its own; where that may not be made, the campaign is skipped by name.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAIN } from '../support/built-command.ts';
import { checkStore } from './faults.ts';
import { expectTrue } from './target.ts';

const SAMPLE = new URL('../../samples/nmi-storm.dmesg.txt', import.meta.url).pathname;
const PAGE_BYTES = 4096;

/** In the namespace: `$1` size, `$2` mount point, `$3` folder for what is found there afterwards, then the command. */
const LIMITED = `mount -t tmpfs -o size=$1 none "$2" || exit 99
[ -e "$3/before.db" ] && cp "$3/before.db" "$2/r.db"
mount=$2 found=$3
shift 3
"$@"
status=$?
ls -A "$mount" > "$found/names"
cp -r "$mount/." "$found/after"
exit $status`;

function limited(sizeBytes: number, mountPoint: string, found: string, command: readonly string[]) {
  return spawnSync(
    'unshare',
    ['--mount', 'sh', '-c', LIMITED, 'sh', String(sizeBytes), mountPoint, found, ...command],
    { encoding: 'utf8', env: { ...process.env, TMPDIR: tmpdir() } },
  );
}

/** Why no file system of a limited size can be made here; undefined when one can. */
export function noLimitedDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'quiesce-full-'));
  try {
    const { status, stderr, error } = limited(PAGE_BYTES, folder, folder, ['true']);
    if (error) return 'unshare is not installed';
    return status === 0 ? undefined : `no mount namespace may be made: ${stderr.trim().split('\n')[0]}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface FullDiskTally {
  /** Sizes at which the disk was full before the run was stored. */
  full: number;
  /** Runs that fitted. */
  stored: number;
}

/**
 * Replays into disks of `firstPages` pages, then `everyPages` more each time, until the run fits, into a new store and into one that has a run.
 * @throws Error when a promise is broken
 */
export function diskFullAtEveryPage(firstPages: number, everyPages: number, mostSizes: number): FullDiskTally {
  const tally: FullDiskTally = { full: 0, stored: 0 };
  const folder = mkdtempSync(join(tmpdir(), 'quiesce-full-'));
  const mountPoint = join(folder, 'disk');
  const found = join(folder, 'found');
  const first = join(folder, 'first.db');
  mkdirSync(mountPoint);
  try {
    const made = spawnSync(process.execPath, [MAIN, 'replay', SAMPLE, '--db', first, '--quiet']);
    expectTrue(made.status === 0, 'a replay on a disk with room succeeds');
    for (const existing of [false, true]) {
      const beforePages = existing ? statSync(first).size / PAGE_BYTES : 0;
      for (let step = 0; step < mostSizes; step++) {
        const pages = beforePages + firstPages + step * everyPages;
        mkdirSync(join(found, 'after'), { recursive: true });
        if (existing) copyFileSync(first, join(found, 'before.db'));
        const command = [process.execPath, MAIN, 'replay', SAMPLE, '--db', join(mountPoint, 'r.db'), '--quiet'];
        const { status, stderr } = limited(pages * PAGE_BYTES, mountPoint, found, command);
        const where = `${pages} pages${existing ? ', second run' : ''}`;
        expectTrue(status === 0 || status === 4, `${where}: status 0 or 4, not ${String(status)}: ${stderr}`);
        expectTrue(stderr.trimEnd().split('\n').length === 1, `${where}: one line: ${stderr}`);
        checkStore(join(found, 'after', 'r.db'), existing, status === 0, where);
        if (existing && status === 4) expectUnchanged(first, join(found, 'after', 'r.db'), where);
        const stray = readdirSync(join(found, 'after')).filter((name) => name !== 'r.db');
        expectTrue(stray.length === 0, `${where}: nothing else stays: ${stray.join(', ')}`);
        rmSync(found, { recursive: true });
        if (status === 4) tally.full++;
        else {
          tally.stored++;
          break;
        }
      }
    }
    return tally;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function expectUnchanged(before: string, after: string, where: string): void {
  expectTrue(existsSync(after), `${where}: the store is there`);
  expectTrue(readFileSync(before).equals(readFileSync(after)), `${where}: the store is as it was, bit for bit`);
}

/** `npm run fuzz -- --full-disk`. @returns the exit status */
export function fullDiskCampaign(): number {
  const why = noLimitedDisk();
  if (why !== undefined) {
    console.log(`skipped: ${why}`);
    return 0;
  }
  const startedMs = performance.now();
  const { full, stored } = diskFullAtEveryPage(1, 1, 10_000);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  console.log(`${full} sizes of a full disk, ${stored} at which the run fitted, ${seconds} s; no promise broken`);
  return 0;
}
