/** Captures → store, replay and findings, in one pass. */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type {
  Assessment,
  CaptureInfo,
  Finding,
  KernelProfile,
  ReplayResult,
  RunInfo,
  Thresholds,
} from '../../schema/index.ts';
import type { ReplayedRun } from '../replay/what-if/judge.ts';
import { storeError } from '../store/store-error.ts';
import type { BatchSource } from './batch-source.ts';
import type { CaptureInput } from './capture.ts';
import { InlineSource } from './inline-source.ts';
import { RunSession, type SessionOptions, wholeDictionary } from './run-session.ts';
import { type CaptureSummary, type ReadProgress, RunStream } from './run-stream.ts';
import { LocalStoreTarget, type StoreTarget } from './store-target.ts';
import { WorkerStoreTarget } from './store-worker-target.ts';
import { canUseWorkers, WorkerSource } from './worker-source.ts';

/** A store that keeps nothing. */
export const IN_MEMORY = ':memory:';

/** From this much input on a new store gets large pages. */
const LARGE_INPUT_BYTES = 32 << 20;

export interface ReplayProgress extends ReadProgress {
  readonly events: number;
}

export interface ReplayCapturesOptions {
  /** Store to append the run to; `:memory:` (the default) keeps nothing. */
  readonly db?: string;
  /** Name of the run; default: that of the first capture. */
  readonly name?: string;
  /** What is known of the kernel; evidence from the captures does not change it. */
  readonly profile?: KernelProfile;
  readonly thresholds?: Partial<Thresholds>;
  /** /proc/kallsyms or System.map of the recorded kernel, for captures without symbols. */
  readonly kallsymsPath?: string;
  /** False: only store. */
  readonly replay?: boolean;
  /**
   * 1: everything in the calling thread · 2: the parser in one of its own · 3: the store too. Default: 3 for large captures, 2 for small
   * ones; always 1 when the code does not run compiled.
   */
  readonly threads?: 1 | 2 | 3;
  /** Gets the models of each boot once it is judged. */
  readonly onReplayed?: (run: ReplayedRun) => void;
  readonly onProgress?: (progress: ReplayProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Reads the captures of one run, stores them and replays them.
 * @throws CaptureError when a capture cannot be read at all
 * @throws StoreError when the store cannot be written. In both cases the store is as it was before.
 */
export async function replayCaptures(
  inputs: readonly CaptureInput[],
  options: ReplayCapturesOptions = {},
): Promise<ReplayResult> {
  const db = options.db ?? IN_MEMORY;
  const large = isLarge(inputs);
  const threads = canUseWorkers ? (options.threads ?? (large ? 3 : 2)) : 1;
  const parse = options.kallsymsPath === undefined ? {} : { kallsymsPath: options.kallsymsPath };
  const source: BatchSource =
    threads > 1
      ? new WorkerSource({ kind: 'captures', inputs, kallsymsPath: options.kallsymsPath, pages: db !== IN_MEMORY })
      : new InlineSource(await RunStream.open(inputs, parse));
  const pass = new CapturePass(source, storeTarget(db, large, threads), options);
  try {
    return await pass.run(options.name ?? defaultName(inputs[0]));
  } finally {
    await source.close();
  }
}

function storeTarget(path: string, largeInput: boolean, threads: number): StoreTarget | undefined {
  if (path === IN_MEMORY) return undefined;
  return threads > 2 ? new WorkerStoreTarget({ path, largeInput }) : new LocalStoreTarget(path, largeInput);
}

function isLarge(inputs: readonly CaptureInput[]): boolean {
  let total = 0;
  for (const input of inputs) {
    if (typeof input !== 'string') total += input.bytes.length;
    else if (input === '-') return true;
    else total += statSync(input, { throwIfNoEntry: false })?.size ?? 0;
  }
  return total >= LARGE_INPUT_BYTES;
}

function defaultName(input: CaptureInput): string {
  const path = typeof input === 'string' ? input : input.name;
  return path === '-' ? 'stdin' : basename(path);
}

class CapturePass {
  readonly #source: BatchSource;
  readonly #db: string;
  readonly #options: ReplayCapturesOptions;
  readonly #session: SessionOptions;
  readonly #sessions: RunSession[] = [];
  readonly #store: StoreTarget | undefined;

  /** @param store undefined: keep nothing */
  constructor(source: BatchSource, store: StoreTarget | undefined, options: ReplayCapturesOptions) {
    this.#source = source;
    this.#db = options.db ?? IN_MEMORY;
    this.#store = store;
    this.#options = options;
    this.#session = {
      profile: options.profile ?? {},
      thresholds: options.thresholds ?? {},
      replay: options.replay ?? true,
      onReplayed: options.onReplayed,
    };
  }

  async run(name: string): Promise<ReplayResult> {
    try {
      await this.#consume();
      const captured = this.#source.summary();
      this.#sessions[this.#sessions.length - 1].finish(captured.profile);
      const runs = this.#describe(name, captured);
      await this.#store?.commit();
      return this.#result(runs, captured);
    } catch (error) {
      await this.#store?.abort();
      throw storeError(this.#db, error);
    }
  }

  async #consume(): Promise<void> {
    const { onProgress, signal } = this.#options;
    let events = 0;
    let session: RunSession | undefined;
    for await (const sourced of this.#source.batches()) {
      signal?.throwIfAborted();
      const { batch } = sourced;
      const records = batch.length;
      if (session === undefined) {
        session = await this.#begin(batch.boot);
      } else if (batch.boot !== session.boot) {
        session.finish(this.#source.headerProfile());
        const dictionary = session.dictionary;
        session = await this.#begin(batch.boot);
        dictionary.apply(batch.delta);
        batch.delta = wholeDictionary(dictionary);
      }
      await this.#store?.room();
      session.append(sourced);
      events += records;
      onProgress?.({ ...this.#source.progress(), events });
    }
    // A capture without events is a run without events.
    if (session === undefined) await this.#begin(0);
  }

  /** The store is opened with the first batch: a capture that cannot be read leaves no file behind. */
  async #begin(boot: number): Promise<RunSession> {
    const session = new RunSession(boot, this.#session, await this.#store?.begin(), this.#source.headerProfile());
    this.#sessions.push(session);
    return session;
  }

  #describe(name: string, captured: CaptureSummary): RunInfo[] {
    const captures = captured.captures.map(({ hostname: _, ...info }): CaptureInfo => info);
    return this.#sessions.map((session, index) => {
      const runName = this.#sessions.length === 1 ? name : `${name} boot ${session.boot}`;
      const info = session.info(runName, captures, captured.cpus, captured.baseNs, captured.profile);
      this.#store?.describe(index, {
        name: runName,
        boot: session.boot,
        captures: captured.captures,
        kernel: info.kernel,
        kernelGiven: this.#session.profile,
        kernelHeader: this.#source.headerProfile(),
        // Earlier boots ended before the captures had told everything.
        kernelCaptured: index === this.#sessions.length - 1 ? captured.profile : this.#source.headerProfile(),
        thresholds: info.thresholds,
        cpus: info.cpus,
        events: info.events,
        lost: captured.lost,
        baseNs: captured.baseNs,
        issues: index === 0 ? captured.issues : [],
      });
      return info;
    });
  }

  #result(runs: readonly RunInfo[], captured: CaptureSummary): ReplayResult {
    const several = runs.length > 1;
    const findings = this.#sessions.flatMap((session, index): readonly Finding[] => {
      const found = session.outcome?.findings ?? [];
      return several ? found.map((finding) => ({ ...finding, run_id: runs[index].run_id ?? index + 1 })) : found;
    });
    return {
      schema: 'quiesce.replay/1',
      run: runs[0],
      ...(several && { runs }),
      import: {
        events: runs.reduce((sum, run) => sum + run.events, 0),
        lost: captured.lost,
        issues: [...captured.issues],
      },
      assessments: weakest(this.#sessions.map((session) => session.outcome?.assessments ?? [])),
      findings,
      db: this.#db === IN_MEMORY ? null : this.#db,
    };
  }
}

const STRENGTH: Readonly<Record<Assessment['status'], number>> = { 'not-assessed': 0, partial: 1, assessed: 2 };

/** Of several boots, what the weakest of them could decide: silence about one of them must not look like "no problem". */
function weakest(runs: readonly (readonly Assessment[])[]): Assessment[] {
  const [first, ...others] = runs;
  return first.map((assessment) => {
    let least = assessment;
    for (const other of others) {
      const same = other.find((candidate) => candidate.kind === assessment.kind);
      if (same && STRENGTH[same.status] < STRENGTH[least.status]) least = same;
    }
    return least;
  });
}
