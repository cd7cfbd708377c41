/** One pass over captures: batches to store and replay, boots to runs, the outcome to a result. */
import {
  type CaptureInfo,
  type Finding,
  packageVersion,
  type ReplayResult,
  type RootCause,
  type RunInfo,
} from '../../../schema/index.ts';
import { type HashedCapture, hashOfRun } from '../../ingest/content-hash.ts';
import type { RecordedPart } from '../../ingest/recording-end.ts';
import type { CaptureRead, CaptureSummary } from '../../ingest/run-stream.ts';
import type { RunOrigin, StoredCapture } from '../../store/run-summary.ts';
import { storeError } from '../../store/store-error.ts';
import { IN_MEMORY, type ReplayCapturesOptions } from '../replay-options.ts';
import type { BatchSource } from '../source/batch-source.ts';
import type { StoreTarget } from '../target/store-target.ts';
import { TolerantStoreTarget } from '../target/tolerant-store.ts';
import { weakestAssessments } from '../weakest.ts';
import { RunSession, type SessionOptions, wholeDictionary } from './run-session.ts';
import { spansByUse } from './spans-by-use.ts';

export class CapturePass {
  readonly #source: BatchSource;
  readonly #db: string;
  readonly #options: ReplayCapturesOptions;
  readonly #session: SessionOptions;
  readonly #sessions: RunSession[] = [];
  readonly #store: StoreTarget | undefined;
  readonly #hashes: Promise<readonly (HashedCapture | undefined)[]>;

  /**
   * @param store undefined: keep nothing
   * @param hashes of the captures, in their order
   */
  constructor(
    source: BatchSource,
    store: StoreTarget | undefined,
    options: ReplayCapturesOptions,
    hashes: Promise<readonly (HashedCapture | undefined)[]>,
  ) {
    this.#source = source;
    this.#hashes = hashes;
    this.#db = options.db ?? IN_MEMORY;
    this.#store =
      store && options.onStoreError ? new TolerantStoreTarget(this.#db, store, options.onStoreError) : store;
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
      const runs = this.#describe(name, captured, await this.#hashes);
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

  #describe(name: string, captured: CaptureSummary, hashes: readonly (HashedCapture | undefined)[]): RunInfo[] {
    const origin = runOrigin(this.#options, hashes);
    return this.#sessions.map((session, index) => {
      const inThisBoot = captured.captures.map((capture) => inBoot(capture, session.boot));
      const captures = inThisBoot.map(({ hostname: _, ...info }): CaptureInfo => info);
      const stored = inThisBoot.map((capture, i): StoredCapture => withHash(capture, hashes[i]));
      const runName = this.#sessions.length === 1 ? name : `${name} boot ${session.boot}`;
      const info = session.info(runName, captures, captured.cpus, captured.baseNs, captured.profile);
      this.#store?.describe(index, {
        name: runName,
        origin,
        boot: session.boot,
        captures: stored,
        kernel: info.kernel,
        kernelGiven: this.#session.profile,
        kernelHeader: this.#source.headerProfile(),
        // Earlier boots ended before the captures had told everything.
        kernelCaptured: index === this.#sessions.length - 1 ? captured.profile : this.#source.headerProfile(),
        thresholds: info.thresholds,
        thresholdsGiven: this.#session.thresholds,
        cpus: info.cpus,
        events: info.events,
        lost: captured.lost,
        firstNs: info.first_ns,
        lastNs: info.last_ns,
        cpuSpans: spansByUse(session.cpuSpans, partsOf(captured.captures)),
        baseNs: captured.baseNs,
        issues: index === 0 ? captured.issues : [],
      });
      return info;
    });
  }

  /** False when the store failed and the replay went on. */
  get #kept(): boolean {
    return this.#db !== IN_MEMORY && !(this.#store instanceof TolerantStoreTarget && !this.#store.keeps);
  }

  #result(described: readonly RunInfo[], captured: CaptureSummary): ReplayResult {
    const runs: readonly RunInfo[] = this.#kept ? described : described.map(({ run_id: _, ...run }) => run);
    const several = runs.length > 1;
    const ofRun = <T extends Finding | RootCause>(items: readonly T[], index: number): readonly T[] =>
      several ? items.map((item) => ({ ...item, run_id: runs[index].run_id ?? index + 1 })) : items;
    const rooted = this.#sessions.map((session) => session.rooted);
    return {
      schema: 'quiesce.replay/2',
      run: runs[0],
      ...(several && { runs }),
      import: {
        events: runs.reduce((sum, run) => sum + run.events, 0),
        lost: captured.lost,
        issues: [...captured.issues],
      },
      assessments: weakestAssessments(this.#sessions.map((session) => session.outcome?.assessments ?? [])),
      findings: rooted.flatMap(({ findings }, index) => ofRun(findings, index)),
      roots: rooted.flatMap(({ roots }, index) => ofRun(roots, index)),
      db: this.#kept ? this.#db : null,
    };
  }
}

/** Traces of the run, when there are several. */
function partsOf(captures: readonly CaptureRead[]): RecordedPart[] {
  return captures.flatMap(({ part }) => part ?? []);
}

/** A capture with the span of its records in one boot. */
function inBoot({ spans, part: _, ...capture }: CaptureRead, boot: number): StoredCapture {
  const span = spans.find(([of]) => of === boot);
  return span === undefined ? capture : { ...capture, first_ns: span[1], last_ns: span[2] };
}

function withHash(capture: StoredCapture, hashed: HashedCapture | undefined): StoredCapture {
  return hashed === undefined ? capture : { ...capture, bytes: hashed.bytes, content_hash: hashed.hash };
}

function runOrigin(
  { labels = {}, keep = 'all', ingestedAt }: ReplayCapturesOptions,
  hashes: readonly (HashedCapture | undefined)[],
): RunOrigin {
  return {
    ingestedAt: ingestedAt ?? timeOfIngest(),
    toolVersion: packageVersion(),
    kept: keep,
    labels,
    contentHash: hashOfRun(hashes),
  };
}

/** https://reproducible-builds.org/specs/source-date-epoch: who needs the same bytes twice sets it. */
function timeOfIngest(): string {
  const epochS = Number(process.env.SOURCE_DATE_EPOCH || Number.NaN);
  return new Date(Number.isFinite(epochS) ? epochS * 1000 : Date.now()).toISOString();
}
