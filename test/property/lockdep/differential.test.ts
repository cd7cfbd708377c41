/**
 * The analyser against lockdep's own rules on random lock programs. LOCK_PROGRAMS=100000 LOCK_SEED=1 draws as many, from that seed on.
 */
import { describe, expect, it } from 'vitest';
import { differences } from './differences.ts';

const PROGRAMS = Number(process.env.LOCK_PROGRAMS ?? 300);
const FIRST_SEED = Number(process.env.LOCK_SEED ?? 1);

describe('lock programs', () => {
  it(`agree with lockdep's rules: ${PROGRAMS} programs`, async () => {
    const failures: string[] = [];
    for (let seed = FIRST_SEED; seed < FIRST_SEED + PROGRAMS && failures.length < 20; seed++) {
      const found = await differences(seed);
      if (found.length > 0) failures.push(`seed ${seed}: ${found.join('; ')}`);
    }
    expect(failures).toEqual([]);
  }, 3_600_000);
});
