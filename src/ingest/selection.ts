/** Which records of the captures of a run are read at all: the rest is as if it had not been recorded, and counted. */
import type { DictionaryWriter } from '../../parsers/index.ts';
import { type DiagnosticSink, EventBatch, NO_CPU } from '../../schema/index.ts';
import { BatchAssembler } from './batch-assembler.ts';

/** A time of the run's timeline, or one from the first record of its traces on. */
export interface SelectedTime {
  readonly ns: number;
  readonly fromStart: boolean;
}

export interface EventSelection {
  readonly from?: SelectedTime;
  readonly to?: SelectedTime;
  readonly cpus?: readonly number[];
  /** Names of events. */
  readonly events?: readonly string[];
}

export const isSelective = (selection: EventSelection): boolean => Object.keys(selection).length > 0;

export class Selector {
  readonly #selection: EventSelection;
  readonly #dictionary: DictionaryWriter;
  readonly #cpus: ReadonlySet<number> | undefined;
  readonly #events: ReadonlySet<string> | undefined;
  /** By type id: 0 not looked at, 1 left out, 2 kept, 3 a marker of ours. */
  #types = new Uint8Array(256);
  #startNs: number | undefined;

  constructor(selection: EventSelection, dictionary: DictionaryWriter) {
    this.#selection = selection;
    this.#dictionary = dictionary;
    this.#cpus = selection.cpus && new Set(selection.cpus);
    this.#events = selection.events && new Set(selection.events);
  }

  /**
   * The records of a batch that are wanted, with its delta and boot; the batch itself when it has no others.
   * @param isLog lines of a log have no CPU and are no events of a name: only their time counts
   */
  select(batch: EventBatch, isLog: boolean, diagnostics: DiagnosticSink): EventBatch {
    if (!isLog && batch.length > 0) this.#startNs ??= batch.tsNs[0];
    const fromNs = this.#time(this.#selection.from, Number.NEGATIVE_INFINITY);
    const toNs = this.#time(this.#selection.to, Number.POSITIVE_INFINITY);
    const assembler = new BatchAssembler(Math.max(1, batch.length));
    let kept = 0;
    for (let from = 0; from < batch.length; ) {
      let to = from;
      while (to < batch.length && this.#isWanted(batch, to, isLog, fromNs, toNs)) to++;
      if (to > from) assembler.append(batch, from, to);
      kept += to - from;
      from = to + 1;
    }
    const reports = batch.reports.filter(({ tsNs }) => tsNs >= fromNs && tsNs <= toNs);
    if (kept === batch.length && reports.length === batch.reports.length) return batch;
    const out = assembler.take() ?? new EventBatch(1);
    out.delta = batch.delta;
    out.boot = batch.boot;
    out.reports = reports;
    if (kept < batch.length) diagnostics.report('left-out', { line: 1 }, 'not selected', batch.length - kept);
    return out;
  }

  #time(time: SelectedTime | undefined, otherwise: number): number {
    if (time === undefined) return otherwise;
    if (!time.fromStart) return time.ns;
    return this.#startNs === undefined ? otherwise : this.#startNs + time.ns;
  }

  #isWanted(batch: EventBatch, row: number, isLog: boolean, fromNs: number, toNs: number): boolean {
    const ns = batch.tsNs[row];
    if (ns < fromNs || ns > toNs) return false;
    if (isLog) return true;
    const kind = this.#kindOf(batch.type[row]);
    const cpu = batch.cpu[row];
    return kind === 3 || (kind === 2 && (this.#cpus === undefined || cpu === NO_CPU || this.#cpus.has(cpu)));
  }

  #kindOf(typeId: number): number {
    if (typeId >= this.#types.length) {
      const grown = new Uint8Array(Math.max(typeId + 1, this.#types.length * 2));
      grown.set(this.#types);
      this.#types = grown;
    }
    const known = this.#types[typeId];
    if (known !== 0) return known;
    const { name, shape } = this.#dictionary.type(typeId);
    const kind = shape === 'marker' ? 3 : this.#events === undefined || this.#events.has(name) ? 2 : 1;
    this.#types[typeId] = kind;
    return kind;
  }
}
