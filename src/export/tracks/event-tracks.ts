/** Events that are drawn as marks: lines of the kernel log, and losses. */
import { type Dictionary, type EventBatch, EventCursor, fieldsOf } from '../../../schema/index.ts';
import type { Timeline, TrackId } from '../timeline.ts';

const CONSOLE = fieldsOf('console');
const LOST = fieldsOf('quiesce_lost');

export interface EventGroups {
  readonly lost: TrackId | undefined;
  readonly log: TrackId | undefined;
}

export class EventTracks {
  readonly #timeline: Timeline;
  readonly #groups: EventGroups;
  readonly #cursor: EventCursor;
  readonly #consoleType: number;
  readonly #lostType: number;
  #log: TrackId | undefined;
  readonly #lost = new Map<number, TrackId>();

  constructor(dictionary: Dictionary, timeline: Timeline, groups: EventGroups) {
    const typeOf = (name: string): number => dictionary.types.findIndex((type) => type?.name === name);
    this.#timeline = timeline;
    this.#groups = groups;
    this.#cursor = new EventCursor(undefined as unknown as EventBatch, dictionary.strings);
    this.#consoleType = typeOf('console');
    this.#lostType = typeOf('quiesce_lost');
  }

  /** The CPU of which events are lost before this one; undefined when it is no such mark. */
  lostCpu(batch: EventBatch, index: number): number | undefined {
    return batch.type[index] === this.#lostType ? this.#at(batch, index).int(LOST.lost_cpu) : undefined;
  }

  /** @returns whether a mark was made of it */
  write(batch: EventBatch, index: number): boolean {
    const type = batch.type[index];
    if (type === this.#consoleType) return this.#line(this.#at(batch, index));
    return type === this.#lostType && this.#loss(this.#at(batch, index));
  }

  #line(event: EventCursor): boolean {
    if (this.#groups.log === undefined) return false;
    this.#log ??= this.#timeline.track(this.#groups.log, 'console');
    this.#timeline.instant(this.#log, event.tsNs, event.text(CONSOLE.msg).trim(), {
      category: 'log',
      args: { event: event.eventId },
    });
    return true;
  }

  #loss(event: EventCursor): boolean {
    if (this.#groups.lost === undefined) return false;
    const cpu = event.int(LOST.lost_cpu);
    const count = event.int(LOST.count);
    let track = this.#lost.get(cpu);
    if (track === undefined) {
      track = this.#timeline.track(this.#groups.lost, `CPU ${cpu}`);
      this.#lost.set(cpu, track);
    }
    this.#timeline.instant(track, event.tsNs, count > 0 ? `${count} events lost` : 'events lost', {
      category: 'lost',
      args: { cpu, count: count > 0 ? count : null },
    });
    return true;
  }

  #at(batch: EventBatch, index: number): EventCursor {
    this.#cursor.batch = batch;
    this.#cursor.index = index;
    return this.#cursor;
  }
}
