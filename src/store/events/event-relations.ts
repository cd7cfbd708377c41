/**
 * Which table, columns and view an event name has in this file. One table per event name, shared by all runs; its columns are the
 * fields of all runs together. Kept in `event_table` and `event_column`; made when the first such event is stored.
 */
import type { EventField, EventType, FieldType } from '../../../schema/index.ts';
import { freeName, plainName, quoted, storedText } from '../identifiers.ts';
import { guard, isGuarded } from '../rows/guarded-view.ts';
import { pendingViews } from '../rows/pending-rows.ts';
import type { Connection } from '../store-file.ts';

/** `number`: integers, exact · `string`: a string_id, or the text itself when it is not in the dictionary. */
export type ColumnClass = 'number' | 'string';

export interface EventColumn {
  readonly field: string;
  readonly class: ColumnClass;
  display: FieldType;
  readonly columnName: string;
}

export interface EventRelation {
  readonly eventName: string;
  /** Name of the view; the table is `_ev_<view>`. */
  readonly view: string;
  readonly table: string;
  hasStack: boolean;
  readonly columns: EventColumn[];
  /** The view does not show the present state of the table yet. */
  stale: boolean;
}

/** Event names beyond this many have no table: an empty table takes a page, and a hostile capture can invent names. */
const MAX_TABLES = 1000;
/** Fields beyond this many have no column; they are kept in the pages. */
const MAX_COLUMNS = 200;
/** Columns added to tables that exist already, per run: each costs a look at the whole schema. */
const MAX_ADDED_COLUMNS = 4000;
/** Arms of a compound SELECT; SQLite refuses more than 500. */
const MAX_ARMS = 400;

/** Columns of every event view: a field of that name gets the prefix `arg_`. */
const COMMON_COLUMNS = new Set([
  'id',
  'run_id',
  'ts_ns',
  'cpu',
  'tid',
  'comm',
  'flags',
  'context',
  'stack_id',
  'rowid',
  'oid',
  '_rowid_',
]);

export function columnClass(type: FieldType): ColumnClass {
  return type === 'str' ? 'string' : 'number';
}

export class EventRelations {
  readonly #db: Connection;
  readonly #byEvent = new Map<string, EventRelation>();
  readonly #names = new Set<string>();
  /** Views that fail when they are read, because rows are still in pages. */
  readonly #guarded = new Set<string>();
  #added: boolean;
  #addedColumns = 0;

  constructor(db: Connection) {
    this.#db = db;
    const found = db.prepare('SELECT name, type, sql FROM sqlite_master').raw().all() as [string, string, string][];
    for (const [name, type, sql] of found) {
      this.#names.add(name.toLowerCase());
      if (type === 'view' && isGuarded(sql)) this.#guarded.add(name);
    }
    // The view of all events, which is made last, and also when there are none.
    this.#added = !this.#names.has('event');
    this.#names.add('event');
    const tables = db.prepare('SELECT event_name, relation, has_stack FROM event_table').raw().all() as [
      string,
      string,
      number,
    ][];
    for (const [eventName, view, hasStack] of tables)
      this.#byEvent.set(eventName, {
        eventName,
        view,
        table: `_ev_${view}`,
        hasStack: hasStack === 1,
        columns: [],
        stale: false,
      });
    const columns = db
      .prepare('SELECT event_name, field, class, display, column_name FROM event_column ORDER BY event_name, position')
      .raw()
      .all() as [string, string, ColumnClass, FieldType, string][];
    for (const [eventName, field, cls, display, columnName] of columns)
      this.#byEvent.get(eventName)?.columns.push({ field, class: cls, display, columnName });
  }

  /**
   * The relation of an event type, with columns for all its fields as far as there is room. Undefined when the file has too many
   * kinds of events: then they go to `_other_event`.
   */
  relation(type: EventType): EventRelation | undefined {
    const known = this.#byEvent.get(storedText(type.name));
    if (known === undefined) return this.#byEvent.size < MAX_TABLES ? this.#create(type) : undefined;
    for (const field of type.fields) {
      const column = this.#newColumn(known, field);
      if (column === undefined || this.#addedColumns++ >= MAX_ADDED_COLUMNS) continue;
      this.#db.exec(`ALTER TABLE ${quoted(known.table)} ADD COLUMN ${columnDefinition(column)}`);
      this.#addColumn(known, column);
    }
    return known;
  }

  /** Relations by their views, as they are. */
  byView(): ReadonlyMap<string, EventRelation> {
    return new Map([...this.#byEvent.values()].map((relation) => [relation.view, relation]));
  }

  /** The column of a field, or undefined when the table is full. */
  column(relation: EventRelation, field: EventField): EventColumn | undefined {
    const cls = columnClass(field.type);
    const name = storedText(field.name);
    return relation.columns.find((column) => column.field === name && column.class === cls);
  }

  /** Gives the table a stack_id column. */
  addStack(relation: EventRelation): void {
    if (relation.hasStack) return;
    this.#db.exec(`ALTER TABLE ${quoted(relation.table)} ADD COLUMN stack_id INTEGER`);
    this.#db.prepare('UPDATE event_table SET has_stack = 1 WHERE event_name = ?').run(relation.eventName);
    relation.hasStack = true;
    relation.stale = true;
    this.#added = true;
  }

  /** Makes the views show what the tables hold now, and fail where rows are still in pages. */
  refreshViews(): void {
    const pending = pendingViews(this.#db);
    for (const relation of this.#byEvent.values()) {
      const waits = pending.has(relation.view);
      if (waits !== this.#guarded.has(relation.view)) {
        relation.stale = true;
        this.#added = true;
      }
      if (!relation.stale) continue;
      const definition = `${eventView(relation)}${waits ? guard(relation.view) : ''}`;
      this.#db.exec(
        `DROP VIEW IF EXISTS ${quoted(relation.view)}; CREATE VIEW ${quoted(relation.view)} AS ${definition}`,
      );
      if (waits) this.#guarded.add(relation.view);
      else this.#guarded.delete(relation.view);
      relation.stale = false;
    }
    if (this.#added) this.#refreshAllEvents();
    this.#added = false;
  }

  #create(type: EventType): EventRelation {
    const eventName = storedText(type.name);
    let wanted = plainName(eventName, 'event_type');
    // SQLite keeps names that begin with sqlite_ for itself; ours begin with an underscore.
    if (/^(sqlite_|_)/i.test(wanted)) wanted = `event_${wanted}`;
    if (this.#names.has(wanted.toLowerCase())) wanted = `${wanted}_event`;
    const view = freeName(wanted, (name) => this.#names.has(name) || this.#names.has(`_ev_${name}`));
    const table = `_ev_${view}`;
    this.#names.add(view.toLowerCase());
    this.#names.add(table.toLowerCase());
    this.#db.prepare('INSERT INTO event_table (event_name, relation, has_stack) VALUES (?, ?, 0)').run(eventName, view);
    const relation: EventRelation = { eventName, view, table, hasStack: false, columns: [], stale: true };
    for (const field of type.fields) {
      const column = this.#newColumn(relation, field);
      if (column) this.#addColumn(relation, column);
    }
    const common = 'id INTEGER PRIMARY KEY, ts_ns INTEGER, cpu INTEGER, tid INTEGER, comm INTEGER, flags INTEGER';
    this.#db.exec(`CREATE TABLE ${quoted(table)} (${[common, ...relation.columns.map(columnDefinition)].join(', ')})`);
    this.#byEvent.set(eventName, relation);
    this.#added = true;
    return relation;
  }

  /** The column that a field still needs; undefined when it has one, or when the table is full. */
  #newColumn(relation: EventRelation, field: EventField): EventColumn | undefined {
    const cls = columnClass(field.type);
    const { columns } = relation;
    const seen = this.column(relation, field);
    if (seen !== undefined) {
      if (seen.display !== field.type) this.#setDisplay(relation, seen, field.type);
      return undefined;
    }
    if (columns.length >= MAX_COLUMNS) return undefined;
    const sameField = columns.find((column) => column.field === storedText(field.name));
    let wanted = sameField ? `${sameField.columnName}_${cls}` : plainName(field.name, 'field');
    if (COMMON_COLUMNS.has(wanted.toLowerCase())) wanted = `arg_${wanted}`;
    const columnName = freeName(
      wanted,
      (name) => COMMON_COLUMNS.has(name) || columns.some((column) => column.columnName.toLowerCase() === name),
    );
    return { field: storedText(field.name), class: cls, display: field.type, columnName };
  }

  #addColumn(relation: EventRelation, column: EventColumn): void {
    const { field, class: cls, display, columnName } = column;
    this.#db
      .prepare(
        'INSERT INTO event_column (event_name, position, field, class, display, column_name) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(relation.eventName, relation.columns.length, field, cls, display, columnName);
    relation.columns.push(column);
    relation.stale = true;
  }

  /** Shown as the latest capture types it. */
  #setDisplay(relation: EventRelation, column: EventColumn, display: FieldType): void {
    column.display = display;
    this.#db
      .prepare('UPDATE event_column SET display = ? WHERE event_name = ? AND column_name = ?')
      .run(display, relation.eventName, column.columnName);
    relation.stale = true;
  }

  /**
   * Views of this connection alone, under the same names, over tables of this connection where there are some: for a store that cannot be
   * written. Temporary names come first when SQLite looks a name up, also in a temporary view.
   */
  createTemporaryViews(pending: ReadonlySet<string>): void {
    for (const relation of this.#byEvent.values()) {
      const definition = `${eventView(relation)}${pending.has(relation.view) ? guard(relation.view) : ''}`;
      this.#db.exec(`CREATE TEMP VIEW ${quoted(relation.view)} AS ${definition}`);
    }
    this.#createAllEvents('TEMP VIEW', pending);
  }

  #refreshAllEvents(): void {
    const old = this.#db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'view' AND (name = 'event' OR name GLOB '_event_[0-9]*')")
      .pluck()
      .all() as string[];
    for (const name of old) this.#db.exec(`DROP VIEW ${quoted(name)}`);
    this.#createAllEvents('VIEW', this.#guarded);
  }

  #createAllEvents(kind: 'VIEW' | 'TEMP VIEW', pending: ReadonlySet<string>): void {
    // In the order of names: rows come in the same order whichever was stored, or brought, first.
    const relations = [...this.#byEvent.values()].sort((a, b) => (a.eventName < b.eventName ? -1 : 1));
    const arms = relations.map(
      (relation) => `${eventArm(relation)}${pending.has(relation.view) ? guard(relation.view) : ''}`,
    );
    arms.push('SELECT id, run_id, ts_ns, cpu, tid, comm, name, flags, context, stack_id FROM other_event AS o');
    const parts: string[] = [];
    for (let i = 0; i < arms.length; i += MAX_ARMS) parts.push(arms.slice(i, i + MAX_ARMS).join('\nUNION ALL '));
    if (parts.length === 1) {
      this.#db.exec(`CREATE ${kind} event AS ${parts[0]}`);
      return;
    }
    parts.forEach((part, i) => {
      this.#db.exec(`CREATE ${kind} _event_${i} AS ${part}`);
    });
    this.#db.exec(`CREATE ${kind} event AS ${parts.map((_, i) => `SELECT * FROM _event_${i}`).join(' UNION ALL ')}`);
  }
}

/** INTEGER affinity: numbers are bound as doubles and stored as the exact integers that they are. */
function columnDefinition(column: EventColumn): string {
  return `${quoted(column.columnName)} INTEGER`;
}

/** CAST gives a column of a view the type that its table would have declared; DuckDB and others ask for it. */
const typed = (expression: string, type: 'TEXT' | 'INTEGER'): string => `CAST(${expression} AS ${type})`;

const COMM = typed('(SELECT text FROM string WHERE string_id = e.comm)', 'TEXT');
const FLAGS = typed('(SELECT c.text FROM context_flags AS c WHERE c.flags = e.flags)', 'TEXT');
const CONTEXT = typed('(SELECT c.context FROM context_flags AS c WHERE c.flags = e.flags)', 'TEXT');

/**
 * The run of an event follows from its id. Joined rather than computed, so that `run_id = 3` becomes a range of ids: SQLite leaves the join out
 * where nothing asks for the run. All arms of the view of all events must agree in the types of their columns, or it is computed whole before
 * it is sorted (select.c, flattenSubquery, restriction 17h).
 */
const RUN_OF_EVENT =
  'LEFT JOIN run AS r ON r.run_id = (e.id >> 36) + 1 AND e.id > (r.run_id - 1) << 36 AND e.id <= r.run_id << 36';

function eventArm(relation: EventRelation): string {
  const name = typed(`'${relation.eventName.replaceAll("'", "''")}'`, 'TEXT');
  return `SELECT e.id AS id, r.run_id AS run_id, e.ts_ns AS ts_ns, e.cpu AS cpu, e.tid AS tid, ${COMM} AS comm, ${name} AS name, ${FLAGS} AS flags, ${CONTEXT} AS context, ${stackOf(relation)} AS stack_id FROM ${quoted(relation.table)} AS e ${RUN_OF_EVENT}`;
}

function stackOf({ hasStack }: EventRelation): string {
  return hasStack ? 'e.stack_id' : typed('NULL', 'INTEGER');
}

function eventView(relation: EventRelation): string {
  const shown: string[] = [
    'e.id',
    'r.run_id',
    'e.ts_ns',
    'e.cpu',
    'e.tid',
    `${COMM} AS comm`,
    `${FLAGS} AS flags`,
    `${CONTEXT} AS context`,
    `${stackOf(relation)} AS stack_id`,
  ];
  const fields = new Set(relation.columns.map((column) => column.field));
  for (const field of fields) {
    const same = relation.columns.filter((column) => column.field === field);
    const values = same.map(columnExpression);
    // A field that runs type differently has no type of its own.
    const value = values.length === 1 ? values[0] : `coalesce(${values.join(', ')})`;
    shown.push(`${value} AS ${quoted(same[0].columnName)}`);
  }
  return `SELECT ${shown.join(',\n  ')}\nFROM ${quoted(relation.table)} AS e ${RUN_OF_EVENT}`;
}

function columnExpression(column: EventColumn): string {
  const value = `e.${quoted(column.columnName)}`;
  if (column.class === 'string')
    return typed(
      `CASE typeof(${value}) WHEN 'integer' THEN (SELECT text FROM string WHERE string_id = ${value}) ELSE ${value} END`,
      'TEXT',
    );
  if (column.display === 'int') return value;
  return typed(`CASE typeof(${value}) WHEN 'integer' THEN printf('0x%x', ${value}) ELSE ${value} END`, 'TEXT');
}
