/** Builds batches out of rows of other batches: what sorting and merging need. */
import { BATCH_CAPACITY, CELL_TEXT, CELL_WIDE, EventBatch } from '../../schema/index.ts';

export class BatchAssembler {
  #batch: EventBatch | undefined;
  readonly #capacity: number;

  constructor(capacity: number = BATCH_CAPACITY) {
    this.#capacity = capacity;
  }

  /** The batch so far, which becomes the caller's. Undefined when no row was appended. */
  take(): EventBatch | undefined {
    const batch = this.#batch;
    this.#batch = undefined;
    return batch;
  }

  /** Rows that the present batch still takes. */
  get room(): number {
    return this.#capacity - (this.#batch?.length ?? 0);
  }

  /** Time of the last row; undefined when there is none. */
  get lastNs(): number | undefined {
    const batch = this.#batch;
    return batch?.tsNs[batch.length - 1];
  }

  /** Appends rows [from, to) of `source`; at most {@link room} of them. */
  append(source: EventBatch, from: number, to: number): void {
    this.#batch ??= new EventBatch(this.#capacity);
    const batch = this.#batch;
    const at = batch.length;
    batch.boot = source.boot;
    batch.tsNs.set(source.tsNs.subarray(from, to), at);
    batch.cpu.set(source.cpu.subarray(from, to), at);
    batch.tid.set(source.tid.subarray(from, to), at);
    batch.comm.set(source.comm.subarray(from, to), at);
    batch.type.set(source.type.subarray(from, to), at);
    batch.flags.set(source.flags.subarray(from, to), at);
    batch.stack.set(source.stack.subarray(from, to), at);
    const firstCell = source.cellStart(from);
    const lastCell = source.cellStart(to);
    const cell = batch.cellCount;
    const shift = cell - firstCell;
    for (let i = from; i < to; i++) batch.cellEnd[at + i - from] = source.cellEnd[i] + shift;
    batch.length = at + to - from;
    copyCells(source, firstCell, lastCell, batch, cell);
  }
}

function copyCells(source: EventBatch, from: number, to: number, batch: EventBatch, at: number): void {
  const end = at + to - from;
  if (end > batch.cellTag.length) {
    const capacity = Math.max(end, batch.cellTag.length * 2);
    const tags = new Uint8Array(capacity);
    tags.set(batch.cellTag);
    batch.cellTag = tags;
    const values = new Float64Array(capacity);
    values.set(batch.cellValue);
    batch.cellValue = values;
  }
  batch.cellTag.set(source.cellTag.subarray(from, to), at);
  batch.cellValue.set(source.cellValue.subarray(from, to), at);
  if (source.texts.length === 0 && source.wideCount === 0) return;
  for (let c = at; c < end; c++) {
    const tag = batch.cellTag[c];
    if (tag === CELL_TEXT) {
      batch.texts.push(source.texts[batch.cellValue[c]]);
      batch.cellValue[c] = batch.texts.length - 1;
    } else if (tag === CELL_WIDE) batch.cellValue[c] = addWide(batch, source.wide[batch.cellValue[c]]);
  }
}

function addWide(batch: EventBatch, value: bigint): number {
  if (batch.wideCount === batch.wide.length) {
    const wide = new BigInt64Array(batch.wide.length * 2);
    wide.set(batch.wide);
    batch.wide = wide;
  }
  batch.wide[batch.wideCount] = value;
  return batch.wideCount++;
}
