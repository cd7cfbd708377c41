/** One target, fuzzed for some time: inputs that reach new code are kept and mutated further. */
import { Coverage } from './coverage.ts';
import { type Material, mutated, Random } from './mutate.ts';
import { type FuzzTarget, failureOf, placeOf } from './target.ts';

/** Inputs between two looks at the coverage: it costs some milliseconds. */
const BATCH = 100;
/** Share of the time in which finds are looked for: counting blocks costs most of the speed. The rest mutates what was found. */
const GUIDED_SHARE = 0.4;
const MOST_CORPUS = 400;
/** An input that takes longer, in time of the CPU, is a failure: the target's seeds take a hundredth of it. */
export const SLOW_MS = 5000;
/** Growth of the process over one input, bytes. */
const MUCH_MEMORY = 512 << 20;

export interface Failure {
  readonly place: string;
  readonly text: string;
  readonly input: Uint8Array;
}

export interface Tally {
  inputs: number;
  corpus: number;
  blocks: number;
  slowestMs: number;
  readonly failures: Failure[];
}

export interface CampaignOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly mostInputs?: number;
  /** False: blind, from a fixed seed, the same on every machine. */
  readonly guided?: boolean;
  /** Called with each input before it is taken. */
  readonly onInput?: (input: Uint8Array) => void;
  readonly onTally?: (tally: Tally) => void;
}

export async function fuzz(target: FuzzTarget, options: CampaignOptions): Promise<Tally> {
  const random = new Random(options.seed);
  const corpus = [...(await target.seeds())];
  const material: Material = { corpus, tokens: target.tokens };
  let coverage = options.guided === false ? undefined : new Coverage();
  await coverage?.start();
  const tally: Tally = { inputs: 0, corpus: corpus.length, blocks: 0, slowestMs: 0, failures: [] };
  const places = new Set<string>();
  const take = async (input: Uint8Array): Promise<void> => {
    options.onInput?.(input);
    const memory = process.memoryUsage.rss();
    // Time of the CPU: the machine may be busy with other things.
    const before = process.cpuUsage();
    let failure = await failureOf(target, input);
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1000;
    tally.inputs++;
    tally.slowestMs = Math.max(tally.slowestMs, tookMs);
    if (tookMs > SLOW_MS) failure ??= `slow: ${Math.round(tookMs)} ms`;
    if (process.memoryUsage.rss() - memory > MUCH_MEMORY) failure ??= 'memory: more than 512 MiB';
    if (failure === undefined || places.has(placeOf(failure))) return;
    places.add(placeOf(failure));
    tally.failures.push({ place: placeOf(failure), text: failure, input: Uint8Array.from(input) });
  };
  for (const seed of corpus.slice()) await take(seed);
  await coverage?.news();
  const guidedUntilMs = performance.now() + options.seconds * 1000 * GUIDED_SHARE;
  const untilMs = performance.now() + options.seconds * 1000;
  while (performance.now() < untilMs && tally.inputs < (options.mostInputs ?? Number.POSITIVE_INFINITY)) {
    const batch: Uint8Array[] = [];
    for (let i = 0; i < BATCH && performance.now() < untilMs; i++) {
      // The latest finds half of the time.
      const from =
        random.below(2) === 0
          ? corpus.length - 1 - random.below(Math.min(20, corpus.length))
          : random.below(corpus.length);
      const input = mutated(corpus[from], random, material, target.mostBytes);
      batch.push(input);
      await take(input);
    }
    if (coverage) {
      await keepFinds(batch, coverage);
      tally.blocks = coverage.blocks;
      if (performance.now() > guidedUntilMs) {
        await coverage.stop();
        coverage = undefined;
      }
    }
    tally.corpus = corpus.length;
    options.onTally?.(tally);
  }
  return tally;

  /** Which inputs of the batch reached new blocks is found by taking them once more. */
  async function keepFinds(batch: readonly Uint8Array[], of: Coverage): Promise<void> {
    let fresh = await of.news();
    for (const input of batch) {
      if (fresh.size === 0) return;
      options.onInput?.(input);
      await failureOf(target, input);
      const ran = new Set(await of.ran());
      const reached = [...fresh].filter((block) => ran.has(block));
      if (reached.length === 0) continue;
      corpus.push(input);
      fresh = new Set([...fresh].filter((block) => !ran.has(block)));
      // The oldest finds make room; the seeds stay.
      if (corpus.length > MOST_CORPUS) corpus.splice(20, 1);
    }
  }
}

/** The smallest input found that fails at the same place. */
export async function minimised(target: FuzzTarget, failure: Failure, mostMs = 20_000): Promise<Uint8Array> {
  let best = failure.input;
  const untilMs = performance.now() + mostMs;
  const fails = async (input: Uint8Array): Promise<boolean> => {
    const text = await failureOf(target, input);
    return text !== undefined && placeOf(text) === failure.place;
  };
  for (let size = best.length >> 1; size >= 1 && performance.now() < untilMs; size >>= 1)
    for (let at = 0; at + size <= best.length && performance.now() < untilMs; ) {
      const smaller = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (await fails(smaller)) best = smaller;
      else at += size;
    }
  return best;
}
