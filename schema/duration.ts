/** The one form of durations in everything that is printed. */

const UNITS: readonly (readonly [name: string, ns: number])[] = [
  ['s', 1e9],
  ['ms', 1e6],
  ['µs', 1e3],
];

/** Lengths on a clock whose rate is unknown: `1 tick`, `7,329 ticks`. */
export function formatTicks(ticks: number): string {
  return `${String(Math.round(ticks)).replace(/\B(?=(\d{3})+$)/g, ',')} tick${Math.round(ticks) === 1 ? '' : 's'}`;
}

/** `1.27 s`, `48.1 ms`, `930 ns`: three significant digits, whole from a hundred on. */
export function formatDuration(ns: number): string {
  if (ns < 0) return `-${formatDuration(-ns)}`;
  for (const [name, size] of UNITS) {
    const value = ns / size;
    // Rounded first: 999.6 ms is a second.
    if (value < 0.9995) continue;
    const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return `${value.toFixed(digits)} ${name}`;
  }
  return `${Math.round(ns)} ns`;
}
