/** Files that users write, or that were written for them: variants, suppressions, baselines. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBaseline } from '../../../src/compare/baseline-file.ts';
import { compareRuns } from '../../../src/compare/compare-runs.ts';
import { parseVariant } from '../../../src/replay/what-if/variant-file.ts';
import { parseSuppressions } from '../../../src/report/replay/suppressions.ts';
import { compareText } from '../../../src/report/runs/compare-text.ts';
import { PLAIN } from '../../../src/report/text/style.ts';
import type { FuzzTarget } from '../target.ts';

const JSON_TOKENS = ['null', '[]', '{}', '"x"', '-1', '1e999', '{"a":', '"__proto__":', '"constructor":', 'true'];

const text = (input: Uint8Array): string => Buffer.from(input).toString('utf8');

let file: string | undefined;
function baselinePath(): string {
  if (file === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'quiesce-fuzz-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    file = join(folder, 'baseline.json');
  }
  return file;
}

export const FILE_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'variant',
    tokens: [...JSON_TOKENS, '"op": "drop-edge"', '"from": "("'],
    mostBytes: 4000,
    seeds: async () => [
      Buffer.from(
        '{"name":"mine","title":"t","operators":[{"op":"drop-edge","from":"a","to":"b"},{"op":"scale-context","context":"nmi","factor":0.5,"cpu":1},{"op":"expedite"}]}',
      ),
      Buffer.from(
        '{"name":"m","operators":[{"op":"insert-wait","domains":"x","minMs":1,"maxMs":2,"because":"y"},{"op":"set-profile","field":"rt","value":true}]}',
      ),
    ],
    run: async (input) => void parseVariant(text(input), 'v.json'),
  },
  {
    name: 'suppressions',
    tokens: [...JSON_TOKENS, '"kind": "rcu-stall"', '"*"'],
    mostBytes: 4000,
    seeds: async () => [
      Buffer.from(
        '{"suppressions":[{"reason":"r","kind":"lock-inversion","locks":["*a","b*"]},{"reason":"q","id":["x"],"tasks":"t"}]}',
      ),
    ],
    run: async (input) => void parseSuppressions(text(input), 's.json'),
  },
  {
    name: 'baseline',
    tokens: [...JSON_TOKENS, '"blocks":[[1,2]]', '"findings":[{"id":"a","kind":"rcu-stall"}]'],
    mostBytes: 4000,
    seeds: async () => [
      Buffer.from(
        '{"schema":"quiesce.baseline/1","runs":[{"name":"a","release":null,"cpus":2,"events":5,"lost":0,"span_ns":1000,"resolution_ns":1,"systems":["nmi"],"metrics":[{"metric":"nmi","count":3,"open":0,"min_ns":1,"max_ns":9,"sum_ns":12,"blocks":[[1,2,5,1]]}],"findings":[]}]}',
      ),
    ],
    async run(input) {
      writeFileSync(baselinePath(), input);
      const runs = readBaseline(baselinePath());
      if (runs.length > 0) compareText(compareRuns(runs, runs, {}), { all: true, style: PLAIN });
    },
  },
];
