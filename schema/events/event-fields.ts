/**
 * Fields of an event by name. A name is looked up once, where a module is loaded or an event type is subscribed to; what a
 * handler passes to the cursor per event is a number.
 *
 * The types come from the rows of event-catalog.ts: a wrong event, a wrong field, or a reader that does not fit the field
 * (a pointer read as a string) does not compile, and neither does a bare number.
 */
import type { EventType } from './dictionary.ts';
import {
  type EventField,
  type EventRow,
  type FieldType,
  KNOWN_EVENTS,
  type KnownEventName,
  KPROBE_FIELDS,
  KRETPROBE_FIELDS,
} from './event-catalog.ts';

declare const fieldType: unique symbol;

/** Position of a field among the cells of its event. `never` as type: whatever the capture made of it. */
export type FieldPosition<T extends FieldType = FieldType> = number & { readonly [fieldType]: T };

/** A row of the table, word by word with its number: `1 rcuname:str` | `2 gp_seq:int` … */
type Cells<Row extends string, Before extends unknown[] = []> = Row extends `${infer Word} ${infer Rest}`
  ? `${Before['length']} ${Word}` | Cells<Rest, [...Before, Word]>
  : `${Before['length']} ${Row}`;

type CellsOf<N extends KnownEventName> = N extends KnownEventName ? Cells<EventRow<N>> : never;

/** The cells that every one of the events has. */
type SharedCells<N extends KnownEventName, Cell extends string = CellsOf<N>> = Cell extends string
  ? { [M in N]: Cell extends CellsOf<M> ? never : M }[N] extends never
    ? Cell
    : never
  : never;

/** Fields by name; of several events, those that all of them have at the same position. */
export type EventFields<N extends KnownEventName> = {
  readonly [Cell in SharedCells<N> as Cell extends `${number} ${infer Name}:${string}`
    ? Name
    : never]: Cell extends `${string}:${infer Type extends FieldType}` ? FieldPosition<Type> : never;
};

/**
 * The fields of a known event. With several events: the fields that all of them have at the same position, for a handler
 * that reads them all.
 */
export function fieldsOf<N extends KnownEventName>(...events: readonly [N, ...N[]]): EventFields<N> {
  const [first = [], ...others] = events.map((event) => namesOf(event));
  const shared = first
    .map((name, position) => [name, position] as const)
    .filter(([name, position]) => others.every((names) => names[position] === name));
  return Object.freeze(Object.fromEntries(shared)) as EventFields<N>;
}

function namesOf(event: KnownEventName): readonly string[] {
  return KNOWN_EVENTS.get(event)?.fields.map((field) => field.name) ?? [];
}

type ProbeFields<F extends readonly EventField[]> = {
  readonly [Field in F[number] as Field['name']]: FieldPosition<Field['type']>;
};

/** The leading fields of every probe on a function's entry; its own arguments follow and only {@link positionWhere} knows them. */
export const kprobeFields = leading(KPROBE_FIELDS);
/** The same for probes on a function's return. */
export const kretprobeFields = leading(KRETPROBE_FIELDS);

function leading<const F extends readonly EventField[]>(fields: F): ProbeFields<F> {
  return Object.freeze(Object.fromEntries(fields.map((field, index) => [field.name, index]))) as ProbeFields<F>;
}

/** Name of the event type if the catalog knows it: then its fields are where {@link fieldsOf} says. */
export function knownName(type: EventType): KnownEventName | undefined {
  const known = (type.shape === 'tracepoint' || type.shape === 'marker') && KNOWN_EVENTS.get(type.name);
  return known ? known.name : undefined;
}

/** Position of the first field whose name fits, where only the capture knows the fields (arguments of a probe, keys of a newer kernel). */
export function positionWhere(type: EventType, fits: (name: string) => boolean): FieldPosition<never> | undefined {
  const index = type.fields.findIndex((field) => fits(field.name));
  return index < 0 ? undefined : (index as FieldPosition<never>);
}
