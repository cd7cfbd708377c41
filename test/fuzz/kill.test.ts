/** The short form of `npm run fuzz -- --kill 1000`, `--faults` and `--full-disk`. Runs dist/, which `npm test` builds first. */
import { describe, expect, it } from 'vitest';
import { faultAtEveryCall, noFaults } from './faults.ts';
import { diskFullAtEveryPage, noLimitedDisk } from './full-disk.ts';
import { killAtRandom } from './kill.ts';

describe('processes that are ended at random points', () => {
  it('lose nothing that they committed, and leave nothing else', { timeout: 180_000 }, async () => {
    const { kills } = await killAtRandom(9, 5, false);
    expect(kills).toBeGreaterThanOrEqual(9);
  });
});

const why = noFaults();

describe('system calls that fail', () => {
  it.skipIf(why !== undefined)(
    `end in one line and a whole store${why === undefined ? '' : ` (skipped: ${why})`}`,
    { timeout: 180_000 },
    () => {
      expect(faultAtEveryCall(1, 1).injected).toBeGreaterThan(5);
    },
  );
});

const noDisk = noLimitedDisk();

describe('a disk that is full', () => {
  it.skipIf(noDisk !== undefined)(
    `leaves the store as it was${noDisk === undefined ? '' : ` (skipped: ${noDisk})`}`,
    { timeout: 180_000 },
    () => {
      expect(diskFullAtEveryPage(3, 40, 3).full).toBeGreaterThan(3);
    },
  );
});
