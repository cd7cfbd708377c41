/**
 * Benchmarks: `npm run bench -- [case…] [--trials N] [--events N] [--json]`.
 *
 * Every trial is a process of its own; the trials of all cases are interleaved, so that a busy moment of the machine hits all
 * of them. Reported are medians, with the range of the wall times; CPU time is the figure to compare by on a busy machine.
 * Inputs: samples of this repository, amplified, and every capture in the folder that QUIESCE_BENCH_CAPTURES names.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { amplify } from './amplifier.ts';
import { peerOf, runPeer } from './peers.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const CASES = ['parse', 'store', 'models', 'whole', 'replay', 'peer'] as const;
type Case = (typeof CASES)[number];
/** Samples that are amplified: many locks, and many kinds of events. */
const SAMPLES = ['lock-cycle-fixed.trace.txt.zst', 'healthy.trace.txt.zst'];

interface Trial {
  readonly events: number;
  readonly wallNs: number;
  readonly cpuNs: number;
  readonly peakBytes: number;
}

interface Row {
  readonly input: string;
  readonly case: Case;
  readonly trials: Trial[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    trials: { type: 'string', default: '3' },
    events: { type: 'string', default: '1000000' },
    json: { type: 'boolean', default: false },
  },
});
const unknown = positionals.filter((name) => !CASES.some((known) => known === name));
if (unknown.length > 0) {
  console.error(`unknown case ${unknown.join(', ')}; cases: ${CASES.join(', ')}`);
  process.exit(2);
}
const cases = positionals.length > 0 ? CASES.filter((name) => positionals.includes(name)) : CASES;
const work = mkdtempSync(join(tmpdir(), 'quiesce-bench-'));
try {
  const rows = await measure(await inputs(Number(values.events)), Number(values.trials));
  console.log(values.json ? JSON.stringify(rows.map(summary), null, 1) : table(rows.map(summary)));
} finally {
  rmSync(work, { recursive: true });
}

async function inputs(events: number): Promise<string[]> {
  const paths: string[] = [];
  for (const sample of SAMPLES) {
    const target = join(ROOT, 'bench/data', `${sample.split('.')[0]}-${events}.txt`);
    await amplify(join(ROOT, 'samples', sample), target, events);
    paths.push(target);
  }
  const folder = process.env.QUIESCE_BENCH_CAPTURES;
  if (folder)
    for (const name of readdirSync(folder).sort())
      if (statSync(join(folder, name)).isFile()) paths.push(join(folder, name));
  return paths;
}

async function measure(paths: readonly string[], trials: number): Promise<Row[]> {
  const rows = paths.flatMap((input) =>
    cases.filter((name) => name !== 'peer' || peerOf(input)).map((name): Row => ({ input, case: name, trials: [] })),
  );
  for (let trial = 0; trial < trials; trial++)
    for (const row of rows) {
      progress(`trial ${trial + 1} of ${trials}: ${basename(row.input)} ${row.case}`);
      row.trials.push(runTrial(row));
    }
  progress('');
  return rows;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function runTrial(row: Row): Trial {
  const peer = row.case === 'peer' ? peerOf(row.input) : undefined;
  if (peer) return { ...runPeer(peer, row.input), events: 0, peakBytes: 0 };
  const db = join(work, `${basename(row.input)}.db`);
  // A replay needs a store: made once per input.
  if (row.case === 'replay' && !exists(db)) child('whole', row.input, db);
  return child(row.case, row.input, db);
}

function child(name: string, input: string, db: string): Trial {
  const script = join(ROOT, 'bench/trial.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, name, input, db], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} of ${input} failed:\n${stderr}`);
  return JSON.parse(stdout) as Trial;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

interface Summary {
  readonly input: string;
  readonly case: string;
  readonly events: number;
  readonly wall_s: number;
  readonly wall_min_s: number;
  readonly wall_max_s: number;
  readonly cpu_s: number;
  readonly events_per_s: number;
  readonly peak_mib: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function summary(row: Row): Summary {
  const wall = row.trials.map((trial) => trial.wallNs / 1e9);
  const [first] = row.trials;
  return {
    input: basename(row.input),
    case: row.case === 'peer' ? (peerOf(row.input)?.name ?? 'peer') : row.case,
    events: first.events,
    wall_s: median(wall),
    wall_min_s: Math.min(...wall),
    wall_max_s: Math.max(...wall),
    cpu_s: median(row.trials.map((trial) => trial.cpuNs / 1e9)),
    events_per_s: Math.round(first.events / median(wall)),
    peak_mib: median(row.trials.map((trial) => trial.peakBytes / (1 << 20))),
  };
}

function table(rows: readonly Summary[]): string {
  const cells = rows.map((row) => [
    row.input,
    row.case,
    row.events ? String(row.events) : '',
    `${row.wall_s.toFixed(2)} s`,
    `${row.wall_min_s.toFixed(2)}–${row.wall_max_s.toFixed(2)}`,
    `${row.cpu_s.toFixed(2)} s`,
    row.events ? `${(row.events_per_s / 1e3).toFixed(0)} k/s` : '',
    row.peak_mib ? `${row.peak_mib.toFixed(0)} MiB` : '',
  ]);
  const all = [['input', 'case', 'events', 'wall', 'range', 'CPU', 'rate', 'peak memory'], ...cells];
  const widths = all[0].map((_, i) => Math.max(...all.map((row) => row[i].length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
