/** Names like the one that was mistyped. */

/** Up to three of `names`, the most similar first; none when nothing is similar. */
export function nearestNames(mistyped: string, names: readonly string[]): string[] {
  const wanted = mistyped.toLowerCase();
  return names
    .map((name) => ({ name, distance: editDistance(name.toLowerCase(), wanted) }))
    .filter(({ name, distance }) => distance <= 3 || name.toLowerCase().includes(wanted))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein distance. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let k = 1; k <= b.length; k++)
      next[k] = Math.min(row[k] + 1, next[k - 1] + 1, row[k - 1] + (a[i - 1] === b[k - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}
