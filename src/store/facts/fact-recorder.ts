/**
 * Facts on their way from the models to their tables. A recorder on the models' side packs them into batches of numbers and texts,
 * which may cross a thread; the writer on the store's side binds them.
 */
import {
  FACT_NAMES,
  FACTS,
  type FactColumn,
  type FactName,
  type FactRow,
  type FactSink,
  factFunctions,
  NO_FACTS,
} from '../../../schema/index.ts';
import { HistogramSet } from '../../histogram/histogram-set.ts';

/** Rows of one fact table. Texts are indexes into `texts`; NaN is NULL. */
export interface FactBatch {
  readonly fact: FactName;
  readonly rows: number;
  readonly values: Float64Array;
  readonly texts: readonly string[];
}

/** Enough that handing a batch to another thread costs little: with 2,048 it took 4 % of the replay of a trace of locks, with these 2 %. */
const ROWS_PER_BATCH = 8192;

/** Collects facts of one name. */
class FactBuffer {
  readonly #fact: FactName;
  readonly #width: number;
  #values: Float64Array;
  #at = 0;
  #texts: string[] = [];
  readonly #textIndex = new Map<string, number>();

  constructor(fact: FactName) {
    this.#fact = fact;
    this.#width = Object.keys(FACTS[fact].columns).length;
    this.#values = new Float64Array(this.#width * ROWS_PER_BATCH);
  }

  number(value: number | null): this {
    this.#values[this.#at++] = value ?? Number.NaN;
    return this;
  }

  flag(value: boolean): this {
    this.#values[this.#at++] = value ? 1 : 0;
    return this;
  }

  text(text: string | null): this {
    if (text === null) {
      this.#values[this.#at++] = Number.NaN;
      return this;
    }
    let index = this.#textIndex.get(text);
    if (index === undefined) {
      index = this.#texts.length;
      this.#texts.push(text);
      this.#textIndex.set(text, index);
    }
    this.#values[this.#at++] = index;
    return this;
  }

  get full(): boolean {
    return this.#at === this.#values.length;
  }

  /** The rows so far, or undefined when there are none. */
  take(): FactBatch | undefined {
    if (this.#at === 0) return undefined;
    const batch = {
      fact: this.#fact,
      rows: this.#at / this.#width,
      values: this.#values.subarray(0, this.#at),
      texts: this.#texts,
    };
    this.#values = new Float64Array(this.#width * ROWS_PER_BATCH);
    this.#at = 0;
    this.#texts = [];
    this.#textIndex.clear();
    return batch;
  }
}

/** Methods of a buffer that take a column. */
const PUT = { number: 'number', flag: 'flag', text: 'text', event: 'number' } as const satisfies Record<
  FactColumn<unknown>['holds'],
  keyof FactBuffer
>;

/**
 * Puts the columns of a fact into its buffer, in the order of the row, and hands out what is full. Compiled from the row, because runs have millions of facts: a loop
 * over the columns looks properties up by names that change, and takes 140 ns for a fact where this takes 60, as code written by hand.
 */
function packer(name: FactName, buffer: FactBuffer, handOut: (buffer: FactBuffer) => void): (fact: object) => void {
  const { columns }: FactRow = FACTS[name];
  const calls = Object.entries(columns).map(([column, { holds }]) => `.${PUT[holds]}(fact.${column})`);
  const body = `return (fact) => { buffer${calls.join('')}; if (buffer.full) handOut(buffer); };`;
  return new Function('buffer', 'handOut', body)(buffer, handOut) as (fact: object) => void;
}

/** The models' fact sink, with histograms of the samples. */
export interface FactRecorder extends FactSink {
  readonly histograms: HistogramSet;
  /** Hands out what is left; call at the end of the run. */
  flush(): void;
}

/** @param emit gets each batch of facts when it is full; undefined where nobody keeps them: only their samples are counted */
export function factRecorder(emit: ((batch: FactBatch) => void) | undefined): FactRecorder {
  const histograms = new HistogramSet();
  const samples = {
    histograms,
    sample: (metric: string, by: string, valueNs: number): void => histograms.add(metric, by, valueNs),
    openSample: (metric: string, by: string): void => void histograms.histogram(metric, by).openCount++,
  };
  if (emit === undefined) return { ...NO_FACTS, ...samples, flush: () => undefined };
  const buffers = new Map(FACT_NAMES.map((name) => [name, new FactBuffer(name)]));
  const handOut = (buffer: FactBuffer): void => {
    const batch = buffer.take();
    if (batch) emit(batch);
  };
  return {
    ...factFunctions((name) => packer(name, buffers.get(name) as FactBuffer, handOut)),
    ...samples,
    flush: () => buffers.forEach(handOut),
  };
}
