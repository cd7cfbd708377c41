/** The run's dictionary in its tables: strings, frames and stacks as they come, event types at the end, and all of it back. */
import {
  Dictionary,
  type DictionaryDelta,
  type EventField,
  type EventShape,
  type EventType,
  emptyDelta,
  FRAME_WIDTH,
  FrameAt,
} from '../../../schema/index.ts';
import { storedText } from '../identifiers.ts';
import { RowInserter } from '../row-inserter.ts';
import type { Connection } from '../store-file.ts';
import { checkedRow, checkedValues, EVENT_SHAPE, FIELD_TYPE, parsedIds, TEXT } from '../stored-values.ts';
import type { EventRows } from './event-counter.ts';

export interface DictionaryBases {
  readonly string: number;
  readonly type: number;
  readonly frame: number;
  readonly stack: number;
}

/** First free ids of the file: where the dictionary of the next run begins. */
export function nextBases(db: Connection): DictionaryBases {
  const next = (table: string, column: string): number =>
    db.prepare(`SELECT coalesce(max(${column}) + 1, 0) FROM ${table}`).pluck().get() as number;
  return {
    string: next('string', 'string_id'),
    type: next('event_type', 'type_id'),
    frame: next('frame', 'frame_id'),
    stack: next('_stack', 'stack_id'),
  };
}

export class DictionaryRows {
  readonly dictionary = new Dictionary();
  readonly #db: Connection;
  readonly #base: DictionaryBases;
  readonly #strings: RowInserter;
  readonly #frames: RowInserter;
  readonly #stacks: RowInserter;
  #nextString = 0;
  #nextFrame = 0;
  #nextStack = 0;
  readonly #typesOnly: boolean;

  /** @param typesOnly no event is kept that would refer to texts and stacks */
  constructor(db: Connection, base: DictionaryBases, typesOnly = false) {
    this.#db = db;
    this.#base = base;
    this.#typesOnly = typesOnly;
    this.#strings = new RowInserter(db, 'string', ['string_id', 'text']);
    this.#frames = new RowInserter(db, 'frame', ['frame_id', 'symbol_id', 'offset', 'module_id', 'size', 'address_id']);
    this.#stacks = new RowInserter(db, '_stack', ['stack_id', 'frames']);
    if (typesOnly) return;
    // The first entries are there without a delta (schema/events/dictionary.ts).
    this.#addString('');
    this.#addFrame([0, -1, 0, -1, 0], 0);
    this.#addStack([]);
  }

  apply(delta: DictionaryDelta): void {
    this.dictionary.apply(delta);
    if (this.#typesOnly) return;
    for (const text of delta.strings) this.#addString(text);
    for (let i = 0; i < delta.frames.length; i += FRAME_WIDTH) this.#addFrame(delta.frames, i);
    for (let i = 0; i < delta.stacks.length; ) {
      const depth = delta.stacks[i++];
      this.#addStack(delta.stacks.slice(i, i + depth));
      i += depth;
    }
  }

  #addString(text: string): void {
    this.#strings.row(this.#base.string + this.#nextString++, text);
  }

  #addFrame(frames: readonly number[], at: number): void {
    const string = (id: number): number | null => (id === 0 ? null : this.#base.string + id);
    const distance = (bytes: number): number | null => (bytes < 0 ? null : bytes);
    this.#frames.row(
      this.#base.frame + this.#nextFrame++,
      this.#base.string + frames[at + FrameAt.symbol],
      distance(frames[at + FrameAt.offset]),
      string(frames[at + FrameAt.module]),
      distance(frames[at + FrameAt.size]),
      string(frames[at + FrameAt.address]),
    );
  }

  #addStack(frames: readonly number[]): void {
    const ids = frames.map((frame) => this.#base.frame + frame);
    this.#stacks.row(this.#base.stack + this.#nextStack++, `[${ids.join(',')}]`);
  }

  /** Writes what is left, and the event types with the counts that the events came to. */
  finish(runId: number, events: EventRows): void {
    this.#strings.flush();
    this.#frames.flush();
    this.#stacks.flush();
    const types = new RowInserter(this.#db, 'event_type', [
      'type_id',
      'run_id',
      'system',
      'name',
      'shape',
      'events',
      'relation',
      'has_rows',
    ]);
    const fields = new RowInserter(this.#db, 'event_field', ['type_id', 'position', 'name', 'type', 'column_name']);
    for (const type of this.dictionary.types) {
      const typeId = this.#base.type + type.typeId;
      const relation = events.viewOf(type);
      types.row(
        typeId,
        runId,
        type.system,
        storedText(type.name),
        type.shape,
        events.counts[type.typeId] ?? 0,
        relation?.view ?? null,
        events.hasRows(type) ? 1 : 0,
      );
      type.fields.forEach((field, position) => {
        const column = relation?.columns.find((c) => c.field === field.name)?.columnName ?? null;
        fields.row(typeId, position, storedText(field.name), field.type, column);
      });
    }
    types.flush();
    fields.flush();
  }
}

/** The whole dictionary of a stored run, as one delta: ids come out as they went in. */
export function readDictionary(
  db: Connection,
  runId: number,
  base: DictionaryBases,
  end: DictionaryBases,
): DictionaryDelta {
  const delta = emptyDelta();
  delta.strings = checkedValues(
    db
      .prepare('SELECT text FROM string WHERE string_id > ? AND string_id < ? ORDER BY string_id')
      .pluck()
      .all(base.string, end.string),
    'table string',
    TEXT,
  );
  const frames = db
    .prepare(
      'SELECT symbol_id, offset, module_id, size, address_id FROM frame WHERE frame_id > ? AND frame_id < ? ORDER BY frame_id',
    )
    .raw()
    .all(base.frame, end.frame) as [number, ...(number | null)[]][];
  const textOf = (id: number | null): number => {
    const text = id === null ? 0 : id - base.string;
    if (!(Number.isInteger(text) && text >= 0 && text <= delta.strings.length))
      throw new RangeError('a frame with no known text');
    return text;
  };
  const distance = (bytes: number | null): number => (typeof bytes === 'number' ? bytes : -1);
  for (const [symbol, offset, module, size, address] of frames)
    delta.frames.push(textOf(symbol), distance(offset), textOf(module), distance(size), textOf(address));
  const frameCount = frames.length + 1;
  const stacks = db
    .prepare('SELECT frames FROM _stack WHERE stack_id > ? AND stack_id < ? ORDER BY stack_id')
    .pluck()
    .iterate(base.stack, end.stack) as IterableIterator<string>;
  for (const text of stacks) {
    const ids = parsedIds(text);
    delta.stacks.push(ids.length);
    for (const id of ids) {
      const frame = id - base.frame;
      if (frame < 0 || frame >= frameCount) throw new RangeError('a stack with no known frame');
      delta.stacks.push(frame);
    }
  }
  delta.types = readTypes(db, runId, base.type);
  return delta;
}

function readTypes(db: Connection, runId: number, typeBase: number): EventType[] {
  const fieldsOf = db.prepare('SELECT name, type FROM event_field WHERE type_id = ? ORDER BY position');
  const rows = db
    .prepare('SELECT type_id, system, name, shape FROM event_type WHERE run_id = ? ORDER BY type_id')
    .all(runId) as { type_id: number; system: string; name: string; shape: EventShape }[];
  rows.forEach((row, i) => {
    checkedRow(row, 'event_type', { system: TEXT, name: TEXT, shape: EVENT_SHAPE });
    if (row.type_id - typeBase !== i) throw new RangeError('event types are missing');
  });
  return rows.map((row) => ({
    typeId: row.type_id - typeBase,
    system: row.system,
    name: row.name,
    shape: row.shape,
    fields: fieldsOf
      .all(row.type_id)
      .map((field) => checkedRow<EventField>(field, 'event_field', { name: TEXT, type: FIELD_TYPE })),
  }));
}
