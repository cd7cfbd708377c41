/** A few seconds of each fuzzing target from a fixed seed, and every input that failed once (`npm run fuzz` finds more). */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fuzz } from './campaign.ts';
import { failureOf } from './target.ts';
import { TARGETS } from './targets/index.ts';

const SEED = 17;
/** The same inputs on every machine, as far as the time reaches. */
const INPUTS = 120;
const SECONDS = 2;

describe.each(TARGETS)('$name', (target) => {
  it('takes mutated inputs', { timeout: 120_000 }, async () => {
    const { inputs, failures } = await fuzz(target, {
      seed: SEED,
      seconds: SECONDS,
      mostInputs: INPUTS,
      guided: false,
    });
    expect(failures.map(({ text, input }) => `${text}\n${Buffer.from(input).toString('base64')}`)).toEqual([]);
    expect(inputs).toBeGreaterThan(0);
  });
});

describe('inputs that failed once', () => {
  const folder = new URL('./regressions/', import.meta.url);
  const names = readdirSync(folder).filter((name) => name !== 'README.md');

  it.each(names)('%s', { timeout: 30_000 }, async (name) => {
    const target = TARGETS.find((known) => name.startsWith(`${known.name}.`));
    if (target === undefined) throw new Error(`${name}: of no target`);
    expect(await failureOf(target, readFileSync(new URL(name, folder)))).toBeUndefined();
  });

  it('are kept', () => {
    expect(names.length).toBeGreaterThan(0);
  });
});
