/** Where the readers of JSON traces put their events: batches, with the times counted from a common base. */
import { BatchWriter, EventBatch } from '../../schema/index.ts';
import type { ParseContext } from '../format.ts';

const SAFE_NS = BigInt(Number.MAX_SAFE_INTEGER) / 2n;
const HOUR_NS = 3_600_000_000_000n;

export class EventOutput {
  readonly context: ParseContext;
  readonly writer = new BatchWriter(new EventBatch());
  /** Full batches, to be taken by the driver. */
  readonly ready: EventBatch[] = [];
  #baseNs: bigint | undefined;

  constructor(context: ParseContext) {
    this.context = context;
  }

  /**
   * Nanoseconds from the base; a wall clock moves the base to a whole hour before the first event.
   * @returns undefined for a time that is too far from the base to be counted
   */
  relative(timeNs: bigint): number | undefined {
    if (this.#baseNs === undefined) {
      const isSafe = timeNs < SAFE_NS && timeNs > -SAFE_NS;
      this.#baseNs = isSafe ? 0n : (timeNs / HOUR_NS - 1n) * HOUR_NS;
      this.context.facts.baseNs = this.#baseNs;
    }
    const tsNs = Number(timeNs - this.#baseNs);
    return Number.isSafeInteger(tsNs) ? tsNs : undefined;
  }

  /** Call after each event. */
  rotate(): void {
    if (this.writer.batch.full) this.flush();
  }

  /** Hands over what is there. */
  flush(): void {
    const { batch } = this.writer;
    if (batch.length === 0) return;
    batch.delta = this.context.dictionary.takeDelta();
    this.ready.push(batch);
    this.writer.reset(new EventBatch());
  }
}
