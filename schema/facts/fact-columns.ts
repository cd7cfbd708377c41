/** What a column of a fact table holds. */

/** A column whose value in a fact is a T. */
export interface FactColumn<T> {
  /** `number` · `flag`: 0 or 1 · `text` · `event`: position of an event in its run, stored as event.id. */
  readonly holds: 'number' | 'flag' | 'text' | 'event';
  readonly nullable: boolean;
  /** Of a number: ns on the run's timeline or of duration; the name of such a column ends in `Ns`. */
  readonly unit?: 'ns';
  /** Name of a srcu_struct, or of an RCU flavour: stored as `domain_id`, for a later event may tell a better one. A fact has one at most. */
  readonly domain?: true;
  /** What the name does not say; the comment of the column in SQL. */
  readonly doc: string;
  /** Carries the type only. */
  readonly value?: T;
}

const column =
  <T>(holds: FactColumn<T>['holds']) =>
  (doc = ''): FactColumn<T> => ({ holds, nullable: false, doc });

/** Ids, CPUs, counts. */
export const number = column<number>('number');

export const flag = column<boolean>('flag');

export const event = column<number>('event');

export const ns = (doc = ''): FactColumn<number> => ({ ...number(doc), unit: 'ns' });

export const text = <T extends string = string>(doc = ''): FactColumn<T> => column<T>('text')(doc);

/** A flavour, or the name of a srcu_struct as the whole run tells it. */
export const domain = (doc = ''): FactColumn<string> => ({ ...text(doc), domain: true });

/** The same, or null: an end that the capture does not reach, what no event showed. */
export const orNull = <T>(of: FactColumn<T>): FactColumn<T | null> =>
  ({ ...of, nullable: true }) as FactColumn<T | null>;

/** A fact table. */
export interface FactRow {
  /** The comment of the table in SQL. */
  readonly doc: string;
  /** By their names in a fact; in SQL they stand in this order, after run_id and fact_no, under {@link sqlName}. */
  readonly columns: Readonly<Record<string, FactColumn<unknown>>>;
  /** Columns that are unique within a run; missing: the store numbers the facts, `fact_no`. */
  readonly key?: readonly string[];
}

/** Name of a fact or of its column in SQL: `lockHold` is `lock_hold`, `startNs` is `start_ns`. */
export const sqlName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The column that the store has as `domain_id`. */
export const domainColumn = ({ columns }: FactRow): string | undefined =>
  Object.keys(columns).find((name) => columns[name].domain);
