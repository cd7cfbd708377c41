/**
 * Event pages: a batch of events as compressed columns, about 6–9 bytes per event. The store keeps every event twice: as a row for SQL and in
 * a page for replay, because rows come back out of SQLite at 0.8 million per second and pages at several million.
 *
 * Layout: codec byte, then (deflated when that pays) event count, times, who (cpu, tid, comm and flags as one index into a
 * table), shape (type, number of cells and their tags as one index into a table), stacks, one column per shape and cell,
 * wide integers, texts. Reports and the dictionary are in tables of their own.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { CELL_TEXT, CELL_WIDE, EventBatch } from '../../../schema/index.ts';
import { ByteReader, ByteWriter } from './byte-buffer.ts';
import { decodeNumberColumn, NumberColumnEncoder } from './number-column.ts';
import { TupleTable } from './tuple-table.ts';

const CODEC_PLAIN = 1;
const CODEC_DEFLATED = 2;

/** A page never holds more: a larger count means damage. */
const MAX_EVENTS = 1 << 20;
const MAX_CELLS = 1 << 26;

/** Slots for events that were seen lately: where one is like it, its tuple need not be hashed. A power of two. */
const RECENT = 1024;

export class PageEncoder {
  #out = new ByteWriter(1 << 18);
  readonly #numbers = new NumberColumnEncoder();
  readonly #who = new TupleTable();
  readonly #shapes = new TupleTable();
  #column = new Float64Array(1 << 16);
  #index = new Float64Array(8192);
  #shapeOf = new Uint32Array(8192);
  /** Position of the last event of the page that fell into each slot, -1: none. */
  readonly #recent = new Int32Array(RECENT);

  /** The page of a batch. Dictionary delta and reports are not part of it. */
  encode(batch: EventBatch): Uint8Array {
    const n = batch.length;
    if (this.#index.length < n) {
      this.#index = new Float64Array(n);
      this.#shapeOf = new Uint32Array(n);
    }
    const out = this.#out;
    out.length = 0;
    out.reserve(64);
    out.uint(n);
    out.uint(batch.firstEventId);
    out.uint(batch.cellCount);
    this.#numbers.encode(out, batch.tsNs, 0, n);
    this.#encodeWho(batch);
    this.#encodeShapes(batch);
    this.#encodeStacks(batch);
    this.#encodeCells(batch);
    this.#encodeRest(batch);
    return pack(out.bytes.subarray(0, out.length));
  }

  #encodeTable(table: TupleTable, indexes: ArrayLike<number>, count: number): void {
    const out = this.#out;
    out.reserve(16 + table.wordCount * 8 + count * 4);
    out.uint(table.count);
    for (let i = 0; i < table.count; i++) {
      const from = table.start(i);
      const to = table.start(i + 1);
      out.uint(to - from);
      for (let k = from; k < to; k++) out.int(table.words[k]);
    }
    for (let i = 0; i < count; i++) out.uint(indexes[i]);
  }

  /** Events of one context come in runs: on a trace of locks nine of ten are like a recent one, which takes a third of the time of hashing. */
  #encodeWho(batch: EventBatch): void {
    const who = this.#who;
    who.clear();
    const { cpu, tid, comm, flags } = batch;
    const index = this.#index;
    const recent = this.#recent.fill(-1);
    for (let i = 0; i < batch.length; i++) {
      const slot = (tid[i] ^ (cpu[i] << 5) ^ (flags[i] << 3)) & (RECENT - 1);
      const like = recent[slot];
      recent[slot] = i;
      if (
        like >= 0 &&
        tid[like] === tid[i] &&
        cpu[like] === cpu[i] &&
        flags[like] === flags[i] &&
        comm[like] === comm[i]
      ) {
        index[i] = index[like];
        continue;
      }
      who.begin();
      who.push(cpu[i]);
      who.push(tid[i]);
      who.push(comm[i]);
      who.push(flags[i]);
      index[i] = who.end();
    }
    this.#encodeTable(who, index, batch.length);
  }

  #encodeShapes(batch: EventBatch): void {
    const shapes = this.#shapes;
    shapes.clear();
    const { type, cellEnd, cellTag } = batch;
    const shapeOf = this.#shapeOf;
    const recent = this.#recent.fill(-1);
    let cell = 0;
    for (let i = 0; i < batch.length; i++) {
      const end = cellEnd[i];
      const slot = type[i] & (RECENT - 1);
      const like = recent[slot];
      recent[slot] = i;
      if (like >= 0 && type[like] === type[i] && sameTags(batch, like, cell, end)) {
        shapeOf[i] = shapeOf[like];
        cell = end;
        continue;
      }
      shapes.begin();
      shapes.push(type[i]);
      for (; cell < end; cell++) shapes.push(cellTag[cell]);
      shapeOf[i] = shapes.end();
    }
    this.#encodeTable(shapes, shapeOf, batch.length);
  }

  #encodeStacks(batch: EventBatch): void {
    const { stack } = batch;
    let any = false;
    for (let i = 0; i < batch.length; i++) {
      this.#index[i] = stack[i];
      if (stack[i] !== 0) any = true;
    }
    this.#out.reserve(8);
    this.#out.uint(any ? 1 : 0);
    if (any) this.#numbers.encode(this.#out, this.#index, 0, batch.length);
  }

  /** Cells of one shape and position are alike: each gets a column of its own. */
  #encodeCells(batch: EventBatch): void {
    const shapes = this.#shapes;
    const counts = new Uint32Array(shapes.count);
    for (let i = 0; i < batch.length; i++) counts[this.#shapeOf[i]]++;
    const base = new Uint32Array(shapes.count + 1);
    for (let s = 0; s < shapes.count; s++) {
      const cells = shapes.start(s + 1) - shapes.start(s) - 1;
      base[s + 1] = base[s] + cells * counts[s];
    }
    const total = base[shapes.count];
    if (this.#column.length < total) this.#column = new Float64Array(total * 2);
    const column = this.#column;
    const next = base.slice();
    const { cellEnd, cellValue } = batch;
    let cell = 0;
    for (let i = 0; i < batch.length; i++) {
      const shape = this.#shapeOf[i];
      const stride = counts[shape];
      let at = next[shape]++;
      for (const end = cellEnd[i]; cell < end; cell++) {
        column[at] = cellValue[cell];
        at += stride;
      }
    }
    for (let s = 0; s < shapes.count; s++) {
      for (let from = base[s]; from < base[s + 1]; from += counts[s]) {
        this.#numbers.encode(this.#out, column, from, from + counts[s]);
      }
    }
  }

  #encodeRest(batch: EventBatch): void {
    const out = this.#out;
    out.reserve(16 + batch.wideCount * 8);
    out.uint(batch.wideCount);
    const raw = new Uint8Array(batch.wide.buffer, batch.wide.byteOffset, batch.wideCount * 8);
    out.bytes.set(raw, out.length);
    out.length += raw.length;
    out.reserve(8);
    out.uint(batch.texts.length);
    for (const text of batch.texts) out.text(text);
  }
}

/** Whether the cells from `cell` to `end` have the tags of those of an event before. */
function sameTags({ cellEnd, cellTag }: EventBatch, event: number, cell: number, end: number): boolean {
  let at = event === 0 ? 0 : cellEnd[event - 1];
  if (cellEnd[event] - at !== end - cell) return false;
  for (let k = cell; k < end; k++) if (cellTag[k] !== cellTag[at++]) return false;
  return true;
}

function pack(plain: Uint8Array): Uint8Array {
  const deflated = deflateRawSync(plain, { level: 1, memLevel: 9 });
  const use = deflated.length < plain.length * 0.9 ? deflated : plain;
  const page = new Uint8Array(use.length + 1);
  page[0] = use === plain ? CODEC_PLAIN : CODEC_DEFLATED;
  page.set(use, 1);
  return page;
}

/**
 * The batch that a page was made of, without dictionary delta and reports.
 * @throws RangeError or an error of zlib when the page is damaged.
 */
export function decodePage(page: Uint8Array): EventBatch {
  if (page[0] !== CODEC_PLAIN && page[0] !== CODEC_DEFLATED) throw new RangeError(`unknown page codec ${page[0]}`);
  const body = page.subarray(1);
  const input = new ByteReader(page[0] === CODEC_DEFLATED ? inflateRawSync(body) : body);
  const n = input.uint();
  const firstEventId = input.uint();
  const cells = input.uint();
  if (n > MAX_EVENTS || cells > MAX_CELLS) throw new RangeError('page claims more events than a page can hold');
  const batch = new EventBatch(n, cells);
  batch.length = n;
  batch.firstEventId = firstEventId;
  decodeNumberColumn(input, batch.tsNs, 0, n);
  decodeWho(input, batch);
  const shapes = readTable(input);
  const shapeOf = new Uint32Array(n);
  const counts = new Uint32Array(shapes.length);
  for (let i = 0; i < n; i++) {
    const shape = input.uint();
    if (shape >= shapes.length) throw new RangeError('page shape out of range');
    shapeOf[i] = shape;
    counts[shape]++;
  }
  if (input.uint() === 1) {
    const stacks = new Float64Array(n);
    decodeNumberColumn(input, stacks, 0, n);
    batch.stack.set(stacks);
  }
  decodeCells(input, batch, cells, shapes, shapeOf, counts);
  decodeRest(input, batch);
  return batch;
}

/** Tuples of a table, each as its words. */
function readTable(input: ByteReader): Int32Array[] {
  const count = input.uint();
  if (count > MAX_EVENTS) throw new RangeError('page table too large');
  const tuples: Int32Array[] = [];
  for (let i = 0; i < count; i++) {
    const words = input.uint();
    if (words > input.bytes.length) throw new RangeError('page tuple too large');
    const tuple = new Int32Array(words);
    for (let k = 0; k < words; k++) tuple[k] = input.int();
    tuples.push(tuple);
  }
  return tuples;
}

function decodeWho(input: ByteReader, batch: EventBatch): void {
  const who = readTable(input);
  const { cpu, tid, comm, flags } = batch;
  for (let i = 0; i < batch.length; i++) {
    const tuple = who[input.uint()];
    if (tuple === undefined) throw new RangeError('page tuple out of range');
    cpu[i] = tuple[0];
    tid[i] = tuple[1];
    comm[i] = tuple[2];
    flags[i] = tuple[3];
  }
}

function decodeCells(
  input: ByteReader,
  batch: EventBatch,
  cells: number,
  shapes: readonly Int32Array[],
  shapeOf: Uint32Array,
  counts: Uint32Array,
): void {
  const base = new Uint32Array(shapes.length + 1);
  for (let s = 0; s < shapes.length; s++) base[s + 1] = base[s] + (shapes[s].length - 1) * counts[s];
  if (base[shapes.length] !== cells) throw new RangeError('page cell count does not add up');
  const column = new Float64Array(cells);
  for (let s = 0; s < shapes.length; s++) {
    for (let from = base[s]; from < base[s + 1]; from += counts[s]) decodeNumberColumn(input, column, from, counts[s]);
  }
  const { type, cellEnd, cellTag, cellValue } = batch;
  const next = base.slice();
  let cell = 0;
  for (let i = 0; i < batch.length; i++) {
    const shape = shapeOf[i];
    const words = shapes[shape];
    const stride = counts[shape];
    let at = next[shape]++;
    type[i] = words[0];
    for (let k = 1; k < words.length; k++) {
      cellTag[cell] = words[k];
      cellValue[cell++] = column[at];
      at += stride;
    }
    cellEnd[i] = cell;
  }
}

function decodeRest(input: ByteReader, batch: EventBatch): void {
  const wide = input.uint();
  if (input.at + wide * 8 > input.bytes.length) throw new RangeError('page ends early');
  batch.wide = new BigInt64Array(Math.max(wide, 1));
  new Uint8Array(batch.wide.buffer).set(input.bytes.subarray(input.at, input.at + wide * 8));
  batch.wideCount = wide;
  input.at += wide * 8;
  const texts = input.uint();
  for (let i = 0; i < texts; i++) batch.texts.push(input.text());
  const { cellTag, cellValue, cellCount } = batch;
  for (let c = 0; c < cellCount; c++) {
    const tag = cellTag[c];
    if ((tag === CELL_WIDE && cellValue[c] >= wide) || (tag === CELL_TEXT && cellValue[c] >= texts))
      throw new RangeError('page cell refers to nothing');
  }
}
