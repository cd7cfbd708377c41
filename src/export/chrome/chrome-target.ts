/** A run in Chrome's trace event format: what runs on each CPU, and the tracks. Single events have no place there. */
import { type Dictionary, type EventBatch, EventCursor, fieldsOf } from '../../../schema/index.ts';
import type { RunHead, RunTarget } from '../run-target.ts';
import type { TrackId } from '../timeline.ts';
import { ChromeTimeline } from './chrome-timeline.ts';

const SWITCH = fieldsOf('sched_switch');

export class ChromeTarget implements RunTarget {
  readonly timeline: ChromeTimeline;
  readonly drawsInterrupts = false;
  #cursor: EventCursor | undefined;
  #switchType = -1;
  #group: TrackId | undefined;
  #lastNs = 0;
  /** Tracks of CPUs, and whether something runs there. */
  readonly #cpus = new Map<number, { readonly track: TrackId; running: boolean }>();

  constructor(out: (text: string) => void) {
    this.timeline = new ChromeTimeline(out);
  }

  begin(head: RunHead, dictionary: Dictionary): void {
    this.#cursor = new EventCursor(undefined as unknown as EventBatch, dictionary.strings);
    this.#switchType = dictionary.types.findIndex((type) => type?.name === 'sched_switch');
    this.#lastNs = head.lastNs;
    this.timeline.open({
      run: head.name,
      captures: head.captures.join(', '),
      release: head.release ?? '',
      clock: head.clock ?? '',
      lost_events: String(head.lost),
      base_ns: head.baseNs,
    });
  }

  event(batch: EventBatch, index: number): boolean {
    if (batch.type[index] !== this.#switchType || this.#cursor === undefined) return true;
    const event = this.#cursor;
    event.batch = batch;
    event.index = index;
    const cpu = this.#cpu(event.cpu);
    if (cpu.running) this.timeline.end(cpu.track, event.tsNs);
    const tid = event.int(SWITCH.next_pid);
    cpu.running = tid !== 0;
    if (cpu.running)
      this.timeline.begin(cpu.track, event.tsNs, event.text(SWITCH.next_comm), {
        category: 'running',
        args: { tid, prio: event.int(SWITCH.next_prio) },
      });
    return true;
  }

  lose(): void {
    // The mark of the loss stands on a track of its own.
  }

  name(): void {
    // Slices carry the names.
  }

  close(): void {
    for (const { track, running } of this.#cpus.values()) if (running) this.timeline.end(track, this.#lastNs);
    this.timeline.close();
  }

  #cpu(cpu: number): { readonly track: TrackId; running: boolean } {
    let known = this.#cpus.get(cpu);
    if (known === undefined) {
      this.#group ??= this.timeline.group('CPUs');
      known = { track: this.timeline.track(this.#group, `CPU ${cpu}`), running: false };
      this.#cpus.set(cpu, known);
    }
    return known;
  }
}
