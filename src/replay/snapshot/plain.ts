/**
 * Objects of the models as plain data and back. A snapshot keeps every own property of an object, so a property that a model gains
 * is kept without being named here; references to other objects are left out and put back by the model's own file.
 */

/** What a snapshot is made of: what MessagePack can carry exactly. */
export type Plain = null | boolean | number | bigint | string | readonly Plain[] | { readonly [key: string]: Plain };

/** Objects of one kind: their properties by name once, then the values of each. */
export interface Rows {
  readonly keys: readonly string[];
  readonly rows: readonly (readonly Plain[])[];
}

/** The snapshot does not fit the models: damaged, or of another version. It is to be ignored. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/** Lists begin with what they stand for; an empty one is `undefined`. */
const NUMBERS = 1;
const LIST = 2;
const MAP = 3;
const UNDEFINED: readonly Plain[] = [];

/**
 * @param objects whose properties are plain values, Float64Arrays, or lists, maps and records of these
 * @param without properties that refer to other objects
 */
export function saveRows<T extends object>(objects: Iterable<T>, without: readonly (keyof T & string)[] = []): Rows {
  const list = [...objects];
  const names = new Set<keyof T & string>();
  for (const object of list) for (const key of Object.keys(object)) names.add(key as keyof T & string);
  for (const key of without) names.delete(key);
  const keys = [...names];
  return { keys, rows: list.map((object) => keys.map((key) => plainOf(object[key]))) };
}

function plainOf(value: unknown): Plain {
  if (value === undefined) return UNDEFINED;
  if (typeof value !== 'object' || value === null) return value as Plain;
  if (value instanceof Float64Array) return [NUMBERS, ...value];
  if (Array.isArray(value)) return [LIST, ...value.map(plainOf)];
  if (value instanceof Map) return [MAP, ...[...value].flat().map(plainOf)];
  if (Object.getPrototypeOf(value) !== Object.prototype)
    throw new TypeError('an object of a model refers to another one: its snapshot must leave it out and put it back');
  return Object.fromEntries(Object.entries(value).map(([key, content]) => [key, plainOf(content)]));
}

function restored(plain: Plain): unknown {
  if (typeof plain !== 'object' || plain === null) return plain;
  if (!Array.isArray(plain))
    return Object.fromEntries(Object.entries(plain).map(([key, content]) => [key, restored(content)]));
  const [what, ...values] = plain as readonly Plain[];
  switch (what) {
    case undefined:
      return undefined;
    case NUMBERS:
      return Float64Array.from(values as number[]);
    case LIST:
      return values.map(restored);
    case MAP:
      return new Map(
        values.flatMap((key, i) => (i % 2 === 0 ? [[restored(key), restored(values[i + 1])] as const] : [])),
      );
    default:
      throw new SnapshotError('holds a value of an unknown kind');
  }
}

/** Puts a row's values into an object; typed arrays keep their identity. */
export function loadInto<T extends object>(object: T, keys: readonly string[], row: readonly Plain[]): T {
  const target = object as Record<string, unknown>;
  keys.forEach((key, i) => {
    const value = restored(row[i]);
    const known = target[key];
    if (known instanceof Float64Array && value instanceof Float64Array) known.set(value);
    else target[key] = value;
  });
  return object;
}

/**
 * Objects of a class, one per row.
 * @throws SnapshotError when the class has other properties than the rows
 */
export function loadObjects<T extends object>(
  saved: Rows,
  make: (value: (key: keyof T & string) => Plain) => T,
  without: readonly (keyof T & string)[] = [],
): T[] {
  return saved.rows.map((row, i) => {
    const object = make((key) => row[saved.keys.indexOf(key)]);
    if (i === 0) {
      const expected = Object.keys(object).filter((key) => !without.includes(key as keyof T & string));
      if (expected.length !== saved.keys.length || expected.some((key) => !saved.keys.includes(key)))
        throw new SnapshotError('properties differ from those of this version');
    }
    return loadInto(object, saved.keys, row);
  });
}

/** Rows of plain records. The caller puts back what `saveRows` left out. */
export function loadRecords(saved: Rows): Record<string, unknown>[] {
  return saved.rows.map((row) => loadInto({}, saved.keys, row) as Record<string, unknown>);
}
