/** The streams of all CPUs as a binary heap by time; of equal times the stream of lower order comes first. */
import type { CpuStream } from './cpu-stream.ts';

function before(a: CpuStream, b: CpuStream): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

export class StreamHeap {
  readonly #streams: CpuStream[] = [];

  /** Adds a stream that stands on a record; one that has ended is left out. */
  add(stream: CpuStream): void {
    if (stream.time === Number.POSITIVE_INFINITY) return;
    const streams = this.#streams;
    let at = streams.length;
    streams.push(stream);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(stream, streams[parent])) break;
      streams[at] = streams[parent];
      at = parent;
    }
    streams[at] = stream;
  }

  /** The stream whose record is next. */
  get first(): CpuStream | undefined {
    return this.#streams[0];
  }

  /** The stream that comes next after the first one; undefined when there is only one. */
  get second(): CpuStream | undefined {
    const left = this.#streams[1];
    const right = this.#streams[2];
    return right && before(right, left) ? right : left;
  }

  /** Puts the first stream, which has moved on, in its place; takes it out when it has ended. */
  settleFirst(): void {
    const streams = this.#streams;
    let moved = streams[0];
    if (moved.time === Number.POSITIVE_INFINITY) {
      const last = streams.pop() as CpuStream;
      if (streams.length === 0) return;
      moved = last;
    }
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= streams.length) break;
      if (child + 1 < streams.length && before(streams[child + 1], streams[child])) child++;
      if (!before(streams[child], moved)) break;
      streams[at] = streams[child];
      at = child;
    }
    streams[at] = moved;
  }
}
