/** Quantities in words, as findings print them. */
import { note } from './note.ts';

/** `13.69 s`, `41.2 ms`, `870 µs`, `12 ns`. */
export function seconds(ns: number): string {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(ns >= 1e11 ? 0 : 2)} s`;
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(ns >= 1e8 ? 0 : 1)} ms`;
  if (ns >= 1e3) return `${Math.round(ns / 1e3)} µs`;
  return `${Math.round(ns)} ns`;
}

/** `99.7 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** The name and the tid of a `comm:tid`; names may hold colons (`kworker/0:1:9`). */
export function splitLabel(label: string): { readonly task: string; readonly tid: number } {
  const colon = label.lastIndexOf(':');
  return { task: label.slice(0, colon), tid: Number(label.slice(colon + 1)) };
}

/** Note on anything that crosses a gap. */
export const CENSORED = note('events were lost meanwhile: its end may be among them', 'E0.4');
