/** Copies a run from one store into another: ids are shifted to where the other has room, everything else stays. */
import type { FieldType } from '../../../schema/index.ts';
import { nextBases } from '../events/dictionary-rows.ts';
import { eventBase } from '../events/event-id.ts';
import { type EventColumn, type EventRelation, EventRelations } from '../events/event-relations.ts';
import { quoted } from '../identifiers.ts';
import { fillInside } from '../rows/fill-rows.ts';
import { nextRunId } from '../run-writer.ts';
import type { Connection } from '../store-file.ts';
import { type RunRanges, rangesOf } from './run-ranges.ts';
import { DICTIONARY_TABLES, RUN_TABLES } from './run-tables.ts';

/** Name under which the other store is attached. */
export const SOURCE = 'source';

/** What is added to the ids of a run. */
interface Shifts {
  readonly event: number;
  readonly string: number;
  readonly frame: number;
  readonly _stack: number;
  readonly event_type: number;
}

/** An event table of the source. */
interface SourceTable {
  readonly name: string;
  readonly relation: string;
  readonly hasStack: boolean;
  readonly columns: readonly EventColumn[];
}

/** A column of the copy, and the expression of the source that fills it. */
type Filled = readonly (readonly [column: string, expression: string])[];

export class RunCopier {
  readonly #db: Connection;
  readonly #path: string;
  readonly #relations: EventRelations;

  /**
   * @param db connection with an open transaction and the other store attached as {@link SOURCE}
   * @param path of the other store, for messages
   */
  constructor(db: Connection, path: string) {
    this.#db = db;
    this.#path = path;
    this.#relations = new EventRelations(db);
  }

  /** @returns number of the copy */
  copy(runId: number): number {
    const newId = nextRunId(this.#db);
    const ranges = rangesOf(this.#db, this.#path, runId, SOURCE);
    const next = nextBases(this.#db);
    const shifts: Shifts = {
      event: eventBase(newId) - eventBase(runId),
      string: next.string - ranges.string.first,
      frame: next.frame - ranges.frame.first,
      _stack: next.stack - ranges._stack.first,
      event_type: next.type - ranges.event_type.first,
    };
    this.#copyDictionary(newId, ranges, shifts);
    this.#copyEvents(runId, ranges, shifts);
    for (const { table, events, own } of RUN_TABLES) {
      const columns = this.#columnsOf(table).filter((column) => column !== own);
      this.#insert(
        table,
        columns.map((column) => [column, shifted(column, newId, events, shifts.event)]),
        'run_id = ?',
        [runId],
      );
    }
    const bases = new Map<string, number>(DICTIONARY_TABLES.map(({ table, base }) => [base, shifts[table]]));
    this.#insert(
      'run',
      this.#columnsOf('run').map((column) => {
        const by = bases.get(column);
        return [
          column,
          by === undefined
            ? shifted(column, newId, ['first_event_id', 'last_event_id'], shifts.event)
            : `${column} + ${by}`,
        ];
      }),
      'run_id = ?',
      [runId],
    );
    return newId;
  }

  /** Makes the views show what has been copied. */
  finish(): void {
    this.#relations.refreshViews();
    // Kinds that have no table here: their rows do not wait.
    fillInside(this.#db, this.#path, ({ relation }) => relation === null);
  }

  #columnsOf(table: string): string[] {
    return this.#db.prepare(`SELECT name FROM pragma_table_info(?, '${SOURCE}')`).pluck().all(table) as string[];
  }

  #insert(table: string, filled: Filled, where: string, values: readonly number[], from = table): void {
    const columns = filled.map(([column]) => quoted(column)).join(', ');
    const expressions = filled.map(([, expression]) => expression).join(', ');
    this.#db
      .prepare(
        `INSERT INTO main.${quoted(table)} (${columns}) SELECT ${expressions} FROM ${SOURCE}.${quoted(from)} WHERE ${where}`,
      )
      .run(...values);
  }

  #copyDictionary(newId: number, ranges: RunRanges, shifts: Shifts): void {
    const ranged = (table: 'string' | 'frame' | '_stack' | 'event_type', id: string, filled: Filled): void =>
      this.#insert(table, filled, `${id} >= ? AND ${id} < ?`, [ranges[table].first, ranges[table].end]);
    ranged('string', 'string_id', [
      ['string_id', `string_id + ${shifts.string}`],
      ['text', 'text'],
    ]);
    ranged('frame', 'frame_id', [
      ['frame_id', `frame_id + ${shifts.frame}`],
      ['symbol_id', `symbol_id + ${shifts.string}`],
      ['offset', '"offset"'],
      ['module_id', `module_id + ${shifts.string}`],
      ['size', 'size'],
      ['address_id', `address_id + ${shifts.string}`],
    ]);
    ranged('_stack', 'stack_id', [
      ['stack_id', `stack_id + ${shifts._stack}`],
      ['frames', `(SELECT json_group_array(value + ${shifts.frame}) FROM json_each(frames))`],
    ]);
    ranged(
      'event_type',
      'type_id',
      this.#columnsOf('event_type').map((column) => [
        column,
        column === 'type_id' ? `type_id + ${shifts.event_type}` : column === 'run_id' ? String(newId) : quoted(column),
      ]),
    );
    this.#insert(
      'event_field',
      this.#columnsOf('event_field').map((column) => [
        column,
        column === 'type_id' ? `type_id + ${shifts.event_type}` : quoted(column),
      ]),
      'type_id >= ? AND type_id < ?',
      [ranges.event_type.first, ranges.event_type.end],
    );
    this.#db.exec(`INSERT OR IGNORE INTO main.context_flags SELECT * FROM ${SOURCE}.context_flags`);
  }

  #copyEvents(runId: number, { events }: RunRanges, shifts: Shifts): void {
    const where = 'id >= ? AND id < ?';
    const range = [events.first, events.end];
    for (const table of this.#eventTables(runId)) {
      const type = {
        typeId: 0,
        system: '',
        name: table.name,
        shape: 'tracepoint' as const,
        fields: table.columns.map(({ field, display }) => ({ name: field, type: display })),
      };
      const target = this.#relations.relation(type);
      if (target === undefined) this.#toOther(table, runId, range, shifts);
      else {
        if (table.hasStack) this.#relations.addStack(target);
        const filled = [...commonColumns(shifts, table.hasStack), ...this.#fieldColumns(table, target, shifts)];
        this.#insert(target.table, filled, where, range, `_ev_${table.relation}`);
      }
      this.#renameViews(table, target, runId, shifts);
    }
    this.#insert(
      '_other_event',
      [...commonColumns(shifts, true), ['type_id', `type_id + ${shifts.event_type}`], ['fields', 'fields']],
      where,
      range,
    );
  }

  #eventTables(runId: number): SourceTable[] {
    const tables = this.#db
      .prepare(
        `SELECT event_name AS name, relation, has_stack AS hasStack FROM ${SOURCE}.event_table
         WHERE relation IN (SELECT relation FROM ${SOURCE}.event_type WHERE run_id = ?)`,
      )
      .all(runId) as { name: string; relation: string; hasStack: number }[];
    const columns = this.#db.prepare(
      `SELECT field, class, display, column_name AS columnName FROM ${SOURCE}.event_column WHERE event_name = ? ORDER BY position`,
    );
    return tables.map(({ name, relation, hasStack }) => ({
      name,
      relation,
      hasStack: hasStack === 1,
      columns: columns.all(name) as EventColumn[],
    }));
  }

  #fieldColumns({ columns }: SourceTable, target: EventRelation, shifts: Shifts): Filled {
    return columns.flatMap((column) => {
      const to = this.#relations.column(target, { name: column.field, type: column.display });
      return to === undefined ? [] : [[to.columnName, cell(column, shifts)] as const];
    });
  }

  /** The target has too many kinds of events already. */
  #toOther({ name, relation, hasStack, columns }: SourceTable, runId: number, range: number[], shifts: Shifts): void {
    const pairs = columns.map((column) => `'${column.field.replaceAll("'", "''")}', ${readable(column)}`);
    const typeId = this.#db
      .prepare(`SELECT type_id FROM ${SOURCE}.event_type WHERE run_id = ? AND name = ? LIMIT 1`)
      .pluck()
      .get(runId, name) as number;
    this.#insert(
      '_other_event',
      [
        ...commonColumns(shifts, hasStack),
        ['type_id', String(typeId + shifts.event_type)],
        ['fields', `json_object(${pairs.join(', ')})`],
      ],
      'id >= ? AND id < ?',
      range,
      `_ev_${relation}`,
    );
  }

  /** The same event may have another view here, and a field another column. */
  #renameViews(table: SourceTable, target: EventRelation | undefined, runId: number, shifts: Shifts): void {
    const typeIds = this.#db
      .prepare(`SELECT type_id + ${shifts.event_type} FROM ${SOURCE}.event_type WHERE run_id = ? AND relation = ?`)
      .pluck()
      .all(runId, table.relation) as number[];
    const name = this.#db.prepare('UPDATE event_type SET relation = ? WHERE type_id = ?');
    const column = this.#db.prepare('UPDATE event_field SET column_name = ? WHERE type_id = ? AND name = ?');
    for (const typeId of typeIds) {
      name.run(target?.view ?? null, typeId);
      for (const { field, display } of table.columns)
        column.run(
          target && (this.#relations.column(target, { name: field, type: display as FieldType })?.columnName ?? null),
          typeId,
          field,
        );
    }
  }
}

function shifted(column: string, newId: number, events: readonly string[], by: number): string {
  if (column === 'run_id') return String(newId);
  return events.includes(column) ? `${quoted(column)} + ${by}` : quoted(column);
}

function commonColumns(shifts: Shifts, withStack: boolean): Filled {
  return [
    ['id', `id + ${shifts.event}`],
    ['ts_ns', 'ts_ns'],
    ['cpu', 'cpu'],
    ['tid', 'tid'],
    ['comm', `comm + ${shifts.string}`],
    ['flags', 'flags'],
    ...(withStack ? ([['stack_id', `stack_id + ${shifts._stack}`]] as const) : []),
  ];
}

/** A string column holds ids of the run's texts, or a text itself. */
function cell({ class: cls, columnName }: EventColumn, shifts: Shifts): string {
  const value = quoted(columnName);
  if (cls === 'number') return value;
  return `CASE typeof(${value}) WHEN 'integer' THEN ${value} + ${shifts.string} ELSE ${value} END`;
}

function readable({ class: cls, columnName }: EventColumn): string {
  const value = quoted(columnName);
  if (cls === 'number') return value;
  return `CASE typeof(${value}) WHEN 'integer' THEN (SELECT text FROM ${SOURCE}.string WHERE string_id = ${value}) ELSE CAST(${value} AS TEXT) END`;
}
