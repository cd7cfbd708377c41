/** When the events of a run become rows: pages hold every event from the start, and replay needs nothing else. */
import type { EventType } from '../../../schema/index.ts';

/** `now`: with the pages · `later`: when a statement, or `quiesce rows`, asks for them. */
export const ROW_CHOICES = ['now', 'later'] as const;
export type RowChoice = (typeof ROW_CHOICES)[number];

export const DEFAULT_ROWS: RowChoice = 'later';

/** Kinds whose rows are written at once: few, and evidence names log lines by their numbers, which pages do not know. */
const ALWAYS_ROWS: ReadonlySet<string> = new Set(['console']);

/** Whether the rows of a kind can wait. Markers are what `lost_event` is made of. */
export function mayWait({ name, shape }: EventType): boolean {
  return shape !== 'marker' && !ALWAYS_ROWS.has(name);
}
