/** Writes the events of a run into their tables. Hot: about 0.3 µs per event, most of it inside SQLite. */
import {
  CELL_INT,
  CELL_NULL,
  CELL_REAL,
  CELL_STR,
  CELL_TEXT,
  CELL_WIDE,
  type EventBatch,
  type EventType,
  NO_CPU,
  NO_TID,
} from '../../../schema/index.ts';
import { type Bound, RowInserter } from '../row-inserter.ts';
import type { Connection } from '../store-file.ts';
import type { EventRows } from './event-counter.ts';
import { columnClass, type EventColumn, type EventRelation, type EventRelations } from './event-relations.ts';

/** Columns before the fields: id, ts_ns, cpu, tid, comm, flags. */
const FIXED_COLUMNS = ['id', 'ts_ns', 'cpu', 'tid', 'comm', 'flags'];

/** −2^63 is the one integer that SQLite does not take back from a double. */
const INT64_MIN = -(2 ** 63);

const NUMBER = 0;
const STRING = 1;
/** The field has no column. */
const SKIPPED = 2;

interface TypeWriter {
  readonly type: EventType;
  readonly relation: EventRelation;
  readonly inserter: RowInserter;
  /** What to do with the cell of each field. */
  readonly kinds: Uint8Array;
  readonly withStack: boolean;
}

/** Which tables the events of a run go to, and which of its events. */
export interface RowPlan {
  /** The relation of a type; undefined: `_other_event`. */
  relation(type: EventType): EventRelation | undefined;
  /** False: the events of the type are counted, and their rows written another time. */
  writes(type: EventType, relation: EventRelation | undefined): boolean;
}

export interface IdBases {
  readonly event: number;
  readonly string: number;
  readonly type: number;
  readonly stack: number;
}

export class EventWriter implements EventRows {
  readonly #db: Connection;
  readonly #relations: EventRelations;
  readonly #base: IdBases;
  readonly #strings: readonly string[];
  readonly #types: EventType[] = [];
  readonly #writers: (TypeWriter | undefined)[] = [];
  readonly #plan: RowPlan;
  /** By type: 1 when its rows are not written. */
  #passedOver = new Uint8Array(256);
  readonly #overflow: RowInserter;
  /** Events per type. */
  readonly counts: number[] = [];
  /** Context flags that occurred. */
  readonly flagsSeen = new Uint8Array(65536);

  /** @param strings the run's dictionary, growing with the batches. */
  constructor(db: Connection, relations: EventRelations, base: IdBases, strings: readonly string[], plan: RowPlan) {
    this.#db = db;
    this.#plan = plan;
    this.#relations = relations;
    this.#base = base;
    this.#strings = strings;
    this.#overflow = new RowInserter(db, '_other_event', [...FIXED_COLUMNS, 'stack_id', 'type_id', 'fields']);
  }

  /** A type is new, or has more fields than before. */
  define(type: EventType): void {
    this.#types[type.typeId] = type;
    this.counts[type.typeId] ??= 0;
    const old = this.#writers[type.typeId];
    old?.inserter.flush();
    const relation = this.#plan.relation(type);
    this.#writers[type.typeId] = relation && this.#writer(type, relation, old?.withStack ?? false);
    if (type.typeId >= this.#passedOver.length) {
      const grown = new Uint8Array(type.typeId * 2);
      grown.set(this.#passedOver);
      this.#passedOver = grown;
    }
    this.#passedOver[type.typeId] = this.#plan.writes(type, relation) ? 0 : 1;
  }

  hasRows(type: EventType): boolean {
    return this.#passedOver[type.typeId] === 0 || this.counts[type.typeId] === 0;
  }

  /** The view that shows a type, or null when it is in other_event. */
  viewOf(type: EventType): EventRelation | null {
    return this.#writers[type.typeId]?.relation ?? null;
  }

  #writer(type: EventType, relation: EventRelation, withStack: boolean): TypeWriter {
    const used = new Set<EventColumn>();
    const columns = type.fields.map((field) => {
      const column = this.#relations.column(relation, field);
      // A hostile format may name a field twice.
      if (column === undefined || used.has(column)) return undefined;
      used.add(column);
      return column;
    });
    const kinds = Uint8Array.from(type.fields, (field, i) =>
      columns[i] === undefined ? SKIPPED : columnClass(field.type) === 'string' ? STRING : NUMBER,
    );
    const names = columns.flatMap((column) => column?.columnName ?? []);
    const inserter = new RowInserter(this.#db, relation.table, [
      ...FIXED_COLUMNS,
      ...(withStack ? ['stack_id'] : []),
      ...names,
    ]);
    return { type, relation, inserter, kinds, withStack };
  }

  #withStack(typeId: number, writer: TypeWriter): TypeWriter {
    writer.inserter.flush();
    this.#relations.addStack(writer.relation);
    const grown = this.#writer(writer.type, writer.relation, true);
    this.#writers[typeId] = grown;
    return grown;
  }

  /** @param from first event of the batch to be written, `to` the one behind the last */
  append(batch: EventBatch, from = 0, to = batch.length): void {
    const { tsNs, cpu, tid, comm, type, flags, stack, cellEnd, cellTag, cellValue } = batch;
    const idBase = this.#base.event + batch.firstEventId;
    const stringBase = this.#base.string;
    const stackBase = this.#base.stack;
    let cell = from === 0 ? 0 : cellEnd[from - 1];
    for (let i = from; i < to; i++) {
      const typeId = type[i];
      const end = cellEnd[i];
      this.counts[typeId]++;
      this.flagsSeen[flags[i]] = 1;
      let writer = this.#writers[typeId];
      if (this.#passedOver[typeId] === 1) {
        // The column is there when the rows are.
        if (stack[i] !== 0 && writer !== undefined && !writer.withStack) this.#withStack(typeId, writer);
        cell = end;
        continue;
      }
      if (writer === undefined) {
        this.#appendOther(batch, i, cell, end);
        cell = end;
        continue;
      }
      if (stack[i] !== 0 && !writer.withStack) writer = this.#withStack(typeId, writer);
      const values = writer.inserter.values;
      let at = writer.inserter.fill;
      values[at++] = idBase + i;
      values[at++] = tsNs[i];
      values[at++] = cpu[i] === NO_CPU ? Number.NaN : cpu[i];
      values[at++] = tid[i] === NO_TID ? Number.NaN : tid[i];
      values[at++] = stringBase + comm[i];
      values[at++] = flags[i];
      if (writer.withStack) values[at++] = stack[i] === 0 ? Number.NaN : stackBase + stack[i];
      const kinds = writer.kinds;
      for (let field = 0; field < kinds.length; field++) {
        const kind = kinds[field];
        if (kind === SKIPPED) {
          if (cell < end) cell++;
          continue;
        }
        if (cell >= end) {
          values[at++] = Number.NaN;
          continue;
        }
        const tag = cellTag[cell];
        const value = cellValue[cell++];
        if (kind === NUMBER ? tag === CELL_INT && value !== INT64_MIN : tag === CELL_STR)
          values[at++] = kind === NUMBER ? value : stringBase + value;
        else values[at++] = this.#unusual(batch, kind, tag, value);
      }
      cell = end;
      writer.inserter.rowDone();
    }
  }

  /** Cells that are not what their column mostly holds. */
  #unusual(batch: EventBatch, kind: number, tag: number, value: number): Bound {
    switch (tag) {
      case CELL_NULL:
        return Number.NaN;
      case CELL_TEXT:
        return kind === STRING ? asText(batch.texts[value]) : batch.texts[value];
      case CELL_STR:
        return this.#strings[value];
      case CELL_WIDE: {
        const wide = batch.wide[value];
        return kind === STRING ? asText(wide.toString()) : wide;
      }
      default: {
        if (kind === STRING) return asText(String(value));
        return tag === CELL_REAL || value !== INT64_MIN ? value : BigInt(value);
      }
    }
  }

  #appendOther(batch: EventBatch, i: number, start: number, end: number): void {
    const type = this.#types[batch.type[i]];
    const fields: Record<string, string | number | null> = {};
    for (let cell = start; cell < end; cell++) {
      const name = type.fields[cell - start]?.name ?? `field_${cell - start}`;
      const value = batch.cellValue[cell];
      const tag = batch.cellTag[cell];
      fields[name] =
        tag === CELL_STR
          ? this.#strings[value]
          : tag === CELL_TEXT
            ? batch.texts[value]
            : tag === CELL_WIDE
              ? batch.wide[value].toString()
              : tag === CELL_NULL
                ? null
                : value;
    }
    this.#overflow.row(
      this.#base.event + batch.firstEventId + i,
      batch.tsNs[i],
      batch.cpu[i] === NO_CPU ? null : batch.cpu[i],
      batch.tid[i] === NO_TID ? null : batch.tid[i],
      this.#base.string + batch.comm[i],
      batch.flags[i],
      batch.stack[i] === 0 ? null : this.#base.stack + batch.stack[i],
      this.#base.type + batch.type[i],
      JSON.stringify(fields),
    );
  }

  flush(): void {
    for (const writer of this.#writers) writer?.inserter.flush();
    this.#overflow.flush();
  }
}

/** Text for a column whose integers are string ids: SQLite would turn text that looks like a number into one, but not a blob. */
function asText(text: string): Bound {
  return /^[\s\d+.-]/.test(text) ? Buffer.from(text) : text;
}
