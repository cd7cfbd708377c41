/**
 * `npm run fuzz`: every target in a process of its own, watched from here. An input that takes the process with it (memory, an endless
 * loop) is in a file before it is taken.
 *
 *     npm run fuzz                                  one minute for each target
 *     npm run fuzz -- --seconds 600 --target perf,sql   targets whose names contain these, ten minutes each
 *     npm run fuzz -- --seed 7
 *     npm run fuzz -- --kill 1000                   kill -9 at 1,000 random points (kill.ts)
 *     npm run fuzz -- --faults                      an error at every system call of a replay (faults.ts)
 *     npm run fuzz -- --full-disk                   a disk that is full at every page (full-disk.ts)
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Failure, fuzz, minimised, type Tally } from './campaign.ts';
import { faultCampaign } from './faults.ts';
import { fullDiskCampaign } from './full-disk.ts';
import { killCampaign } from './kill.ts';
import { TARGETS } from './targets/index.ts';

const REGRESSIONS = fileURLToPath(new URL('./regressions/', import.meta.url));
const HEAP_MIB = 768;
/** Without a sign of life for so long the process is ended, ms. */
const SILENCE_MS = 120_000;
const LENGTH_BYTES = 4;
/** Said now and then: the process takes inputs. */
const ALIVE = 'alive';

interface Report {
  readonly tally: Omit<Tally, 'failures'>;
  readonly failures: readonly { readonly place: string; readonly text: string; readonly input: string }[];
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    target: { type: 'string', default: '' },
    kill: { type: 'string' },
    faults: { type: 'boolean' },
    'full-disk': { type: 'boolean' },
    child: { type: 'string' },
    current: { type: 'string', default: '' },
  },
});

if (values.child !== undefined) await child(values.child);
else if (values.kill !== undefined) process.exitCode = await killCampaign(Number(values.kill), Number(values.seed));
else if (values.faults) process.exitCode = await faultCampaign();
else if (values['full-disk']) process.exitCode = fullDiskCampaign();
else process.exitCode = await parent();

async function child(name: string): Promise<void> {
  const target = TARGETS.find((known) => known.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const current = openSync(values.current, 'w+');
  const length = Buffer.alloc(LENGTH_BYTES);
  let toldMs = 0;
  let aliveMs = 0;
  const report = (tally: Tally, failures: readonly Failure[]): void => {
    const { failures: _, ...numbers } = tally;
    process.send?.({
      tally: numbers,
      failures: failures.map(({ place, text, input }) => ({
        place,
        text,
        input: Buffer.from(input).toString('base64'),
      })),
    } satisfies Report);
  };
  const tally = await fuzz(target, {
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    onInput: (input) => {
      if (performance.now() - aliveMs > 1000) {
        aliveMs = performance.now();
        process.send?.(ALIVE);
      }
      length.writeUInt32LE(input.length);
      writeSync(current, length, 0, LENGTH_BYTES, 0);
      writeSync(current, input, 0, input.length, LENGTH_BYTES);
    },
    onTally: (so) => {
      if (performance.now() - toldMs < 1000) return;
      toldMs = performance.now();
      report(so, []);
    },
  });
  const small: Failure[] = [];
  for (const failure of tally.failures) small.push({ ...failure, input: await minimised(target, failure) });
  report(tally, small);
  closeSync(current);
  process.disconnect();
}

/** Runs one target; what took its process with it is a failure of the input that it had. */
function watched(name: string, folder: string): Promise<Report> {
  const current = join(folder, name);
  const process_: ChildProcess = fork(
    fileURLToPath(import.meta.url),
    ['--child', name, '--seconds', values.seconds, '--seed', values.seed, '--current', current],
    {
      execArgv: [...process.execArgv, `--max-old-space-size=${HEAP_MIB}`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    },
  );
  return new Promise((resolve) => {
    let last: Report = { tally: { inputs: 0, corpus: 0, blocks: 0, slowestMs: 0 }, failures: [] };
    let aliveMs = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - aliveMs > SILENCE_MS) process_.kill('SIGKILL');
    }, 1000);
    process_.on('message', (report: Report | typeof ALIVE) => {
      aliveMs = performance.now();
      if (report !== ALIVE) last = report;
    });
    process_.on('exit', (code, signal) => {
      clearInterval(watch);
      if (code === 0) resolve(last);
      else {
        const bytes = readFileSync(current);
        const input = bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + bytes.readUInt32LE(0)).toString('base64');
        const text = `the process ended: ${signal ?? `status ${code}`}`;
        resolve({ ...last, failures: [...last.failures, { place: text, text, input }] });
      }
    });
  });
}

async function parent(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'quiesce-fuzz-'));
  let inputs = 0;
  let failures = 0;
  console.log(`seed ${values.seed}, ${values.seconds} s for each target`);
  console.log('target             inputs   inputs/s  corpus  blocks  slowest  failures');
  try {
    for (const { name } of TARGETS.filter((target) =>
      values.target.split(',').some((part) => target.name.includes(part)),
    )) {
      const startedMs = performance.now();
      const { tally, failures: found } = await watched(name, folder);
      const seconds = (performance.now() - startedMs) / 1000;
      inputs += tally.inputs;
      failures += found.length;
      console.log(
        [
          name.padEnd(16),
          String(tally.inputs).padStart(8),
          (tally.inputs / seconds).toFixed(0).padStart(10),
          String(tally.corpus).padStart(7),
          String(tally.blocks).padStart(7),
          `${tally.slowestMs.toFixed(0)} ms`.padStart(8),
          String(found.length).padStart(9),
        ].join(' '),
      );
      for (const failure of found) keep(name, failure);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${inputs} inputs, ${failures} failures`);
  return failures === 0 ? 0 : 1;
}

/** As a file that `npm test` takes from now on. */
function keep(name: string, { place, text, input }: Report['failures'][number]): void {
  const bytes = Buffer.from(input, 'base64');
  const id = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
  mkdirSync(REGRESSIONS, { recursive: true });
  writeFileSync(join(REGRESSIONS, `${name}.${id}`), bytes);
  console.log(`  ${name}.${id}: ${place}\n${text.split('\n').slice(0, 6).join('\n')}`);
}
