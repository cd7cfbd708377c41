/** What the file of a viewer has to take of a run. */
import type { Dictionary, EventBatch } from '../../schema/index.ts';
import type { Timeline } from './timeline.ts';

/** What is told before the first event. */
export interface RunHead {
  readonly name: string;
  readonly release?: string;
  readonly cpus: number;
  /** Events that the recorder says it lost, also those before the recording begins. */
  readonly lost: number;
  readonly firstNs: number;
  readonly lastNs: number;
  readonly baseNs: string;
  readonly clock?: string;
  readonly captures: readonly string[];
}

/** A viewer's file in the making. */
export interface RunTarget {
  readonly timeline: Timeline;
  /** Whether the viewer draws interrupts from the events, or wants them as tracks. */
  readonly drawsInterrupts: boolean;
  /** @param dictionary of the whole run */
  begin(head: RunHead, dictionary: Dictionary): void;
  /** A selected event. @returns false when the file has no place for it */
  event(batch: EventBatch, index: number): boolean;
  /** Events of a CPU are missing before this point. */
  lose(cpu: number): void;
  /** A task is called that from now on. */
  name(tsNs: number, tid: number, name: string): void;
  close(): void;
}
