/** The events of captures or of a stored run, decoded, one after another. Memory does not grow with the recording. */
import { Dictionary, type EventBatch, type ImportSummary } from '../../schema/index.ts';
import { RunStream } from '../ingest/run-stream.ts';
import { type Inputs, type JobInputs, jobInputs } from './inputs.ts';
import { openStore } from './store.ts';
import { EventDecoder, type EventSelection, type TraceEvent } from './trace-event.ts';

export interface ReadEventsOptions extends EventSelection {
  /** /proc/kallsyms or System.map of the recorded kernel, for captures without symbols. */
  readonly kallsymsPath?: string;
  /** Which run of a store; default: the latest. */
  readonly run?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads in time order, on one timeline when several captures are given. The captures are opened when the iteration begins, which throws
 * CaptureError or StoreError then, and closed when it ends, however it ends.
 */
export class EventStream implements AsyncIterable<TraceEvent> {
  readonly #inputs: JobInputs;
  readonly #options: ReadEventsOptions;
  #import: ImportSummary = { events: 0, lost: 0, issues: [] };

  constructor(inputs: JobInputs, options: ReadEventsOptions) {
    this.#inputs = inputs;
    this.#options = options;
  }

  /** What was read, lost and skipped, once the iteration has come to its end: nothing is skipped in silence. */
  get import(): ImportSummary {
    return this.#import;
  }

  [Symbol.asyncIterator](): AsyncGenerator<TraceEvent, void, undefined> {
    return this.#inputs.kind === 'store' ? this.#stored(this.#inputs.path) : this.#captured(this.#inputs.captures);
  }

  async *#captured(captures: Extract<JobInputs, { kind: 'captures' }>['captures']): AsyncGenerator<TraceEvent, void> {
    const { kallsymsPath, signal } = this.#options;
    const stream = await RunStream.open(captures, kallsymsPath === undefined ? {} : { kallsymsPath });
    try {
      const dictionary = new Dictionary();
      const decoder = new EventDecoder(dictionary, this.#options);
      let events = 0;
      for await (const batch of stream.batches()) {
        signal?.throwIfAborted();
        dictionary.apply(batch.delta);
        events += batch.length - markers(batch, dictionary);
        yield* decoder.events(batch);
      }
      const { lost, issues } = stream.summary();
      this.#import = { events, lost, issues: [...issues] };
    } finally {
      await stream.close();
    }
  }

  async *#stored(path: string): AsyncGenerator<TraceEvent, void> {
    const { run, names, signal } = this.#options;
    const store = openStore(path);
    try {
      for (const event of store.events({ ...(run !== undefined && { run }), ...(names && { names }) })) {
        signal?.throwIfAborted();
        yield event;
      }
      this.#import = store.importSummary(run);
    } finally {
      store.close();
    }
  }
}

/** Records that quiesce made for losses: no events of the recording. */
function markers(batch: EventBatch, { types }: Dictionary): number {
  let count = 0;
  for (let i = 0; i < batch.length; i++) if (types[batch.type[i]].shape === 'marker') count++;
  return count;
}

/**
 * The events of captures of one boot, or of a stored run.
 *
 * ```ts
 * for await (const { ts_ns, fields } of readEvents('trace.dat', { names: ['sched_switch'] })) console.log(ts_ns, fields.next_comm);
 * ```
 * @throws RequestError when inputs and options do not go together
 */
export function readEvents(inputs: Inputs, options: ReadEventsOptions = {}): EventStream {
  return new EventStream(jobInputs(inputs, options.run), options);
}
