/** Quantities in words, as findings print them. */
import { note } from './note.ts';

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
export const LOST_EVENTS_NOTE = note('events were lost during it: its end may be among them', 'E0.4');
