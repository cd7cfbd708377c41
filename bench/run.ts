/**
 * Benchmarks: `npm run bench -- [case…] [--trials N] [--events N[,N…]] [--json] [--save [file]] [--against [file]]`.
 *
 * Every trial is a process of its own; the trials of all cases are interleaved, so that a busy moment of the machine hits all
 * of them. Reported are medians, with the range of the wall times; CPU time is the figure to compare by on a busy machine.
 * Inputs: samples of this repository, amplified, and every capture in the folder that QUIESCE_BENCH_CAPTURES names, beside the tool that
 * prints it (trace-cmd report, perf script) where that is installed. Several sizes give the scaling curve.
 *
 * --save keeps the ratios to the yardstick in bench/baseline.json; --against compares with them, and ends with status 1 when
 * something got worse.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { amplify } from './amplifier.ts';
import { baselineOf, changesSince, readBaseline, saveBaseline } from './baseline.ts';
import { changeTable, partsTable, scalingTable, summaries, summaryTable } from './tables.ts';
import { CASES, makeTrials } from './trials.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const BASELINE = join(ROOT, 'bench/baseline.json');
/** Samples that are amplified: many locks, and many kinds of events. */
const SAMPLES = ['lock-cycle-fixed.trace.txt.zst', 'healthy.trace.txt.zst'];

/** `--against` without a file is followed by a case or another option. */
const args = process.argv.slice(2).flatMap((arg, i, all) => {
  const bare = arg === '--against' || arg === '--save';
  return bare && !all[i + 1]?.endsWith('.json') ? [`${arg}=${BASELINE}`] : [arg];
});
const { values, positionals } = parseArgs({
  args,
  allowPositionals: true,
  options: {
    trials: { type: 'string' },
    events: { type: 'string', default: '1000000' },
    json: { type: 'boolean', default: false },
    save: { type: 'string' },
    against: { type: 'string' },
  },
});
const unknown = positionals.filter((name) => !CASES.some((known) => known === name));
const sizes = values.events.split(',').map(Number);
// Fewer than four trials on a side cannot show a change.
const trials = Number(values.trials ?? (values.save || values.against ? 5 : 3));
if (unknown.length > 0) fail(`unknown case ${unknown.join(', ')}; cases: ${CASES.join(', ')}`);
if (!sizes.every((size) => size >= 1) || !(trials >= 1)) fail('--events and --trials take numbers');
const against = values.against === undefined ? undefined : readBaseline(values.against);
const chosen = positionals.length > 0 ? CASES.filter((name) => positionals.includes(name)) : CASES;
// Ratios need their denominator.
const cases = values.save || against ? CASES.filter((name) => name === 'yardstick' || chosen.includes(name)) : chosen;

const work = mkdtempSync(join(tmpdir(), 'quiesce-bench-'));
try {
  const rows = makeTrials(await inputs(), cases, trials, work, progress);
  const found = summaries(rows);
  console.log(values.json ? JSON.stringify(found, null, 1) : summaryTable(found));
  const parts = partsTable(rows);
  if (parts && !values.json) console.log(`\n${parts}`);
  if (sizes.length > 1 && !values.json) console.log(`\n${scalingTable(found)}`);
  if (against) {
    const changes = changesSince(against, baselineOf(rows));
    console.log(`\nCPU time as a multiple of the yardstick's, then and now:\n${changeTable(changes)}`);
    if (changes.some(({ verdict }) => verdict === 'worse' || verdict === 'more-memory')) process.exitCode = 1;
  }
  if (values.save) saveBaseline(values.save, baselineOf(rows));
} finally {
  rmSync(work, { recursive: true });
}

async function inputs(): Promise<string[]> {
  const paths: string[] = [];
  for (const sample of SAMPLES)
    for (const size of sizes) {
      const target = join(ROOT, 'bench/data', `${sample.split('.')[0]}-${size}.txt`);
      await amplify(join(ROOT, 'samples', sample), target, size);
      paths.push(target);
    }
  const folder = process.env.QUIESCE_BENCH_CAPTURES;
  if (folder)
    for (const name of readdirSync(folder).sort())
      if (statSync(join(folder, name)).isFile()) paths.push(join(folder, name));
  return paths;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
