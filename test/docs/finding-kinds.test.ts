/** Lists of finding kinds in the documentation are complete. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FINDING_KINDS } from '../../schema/index.ts';

describe.each(['README.md', 'docs/RECORDING.md'])('%s', (path) => {
  it('names every kind of finding', () => {
    const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
    expect(FINDING_KINDS.filter((kind) => !text.includes(kind))).toEqual([]);
  });
});
