/** SQL names made from names in captures, which may hold anything. */

const MAX_LENGTH = 80;

/** A quoted SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A name that needs no quoting in most shells: letters, digits and underscores. `cycles:u` → `cycles_u`, `work struct` →
 * `work_struct`. @param fallback used when nothing is left.
 */
export function plainName(name: string, fallback: string): string {
  const plain = name.slice(0, MAX_LENGTH).replace(/[^A-Za-z0-9_]+/g, '_');
  return /[A-Za-z0-9]/.test(plain) ? plain : fallback;
}

/** The name, or the name with the first free number behind it. SQL names differ by more than case. */
export function freeName(name: string, isTaken: (lowerCase: string) => boolean): string {
  if (!isTaken(name.toLowerCase())) return name;
  for (let n = 2; ; n++) if (!isTaken(`${name}_${n}`.toLowerCase())) return `${name}_${n}`;
}

/** The text as it comes back out of UTF-8: unpaired surrogates, which JSON captures may hold, become U+FFFD. */
export function storedText(text: string): string {
  return Buffer.from(text).toString();
}
