/** Counts the events of a run that is kept without them. */
import type { EventBatch, EventType } from '../../../schema/index.ts';
import type { EventRelation } from './event-relations.ts';

/** What becomes of the events of a run: written to tables, or counted only. */
export interface EventRows {
  /** Events per type. */
  readonly counts: readonly number[];
  /** Context flags that occurred. */
  readonly flagsSeen: Uint8Array;
  /** A type is new, or has more fields than before. */
  define(type: EventType): void;
  append(batch: EventBatch): void;
  /** False when the events of a type are in pages alone, until somebody asks for their rows. */
  hasRows(type: EventType): boolean;
  /** The view that shows a type; null when it has none. */
  viewOf(type: EventType): EventRelation | null;
  flush(): void;
}

export class EventCounter implements EventRows {
  readonly counts: number[] = [];
  readonly flagsSeen = new Uint8Array(0);

  define(type: EventType): void {
    this.counts[type.typeId] ??= 0;
  }

  append({ length, type }: EventBatch): void {
    for (let i = 0; i < length; i++) this.counts[type[i]]++;
  }

  hasRows(): boolean {
    return true;
  }

  viewOf(): null {
    return null;
  }

  flush(): void {
    // Nothing is collected.
  }
}
