/** What the records of a run cover: the trace as a whole and each CPU. Lines of a kernel log beside a trace extend nothing. */
import { type EventBatch, EventCursor, type EventType, NO_CPU } from '../../../schema/index.ts';
import { isLogLine, mayBeLogLine } from '../../replay/core/log-line.ts';
import type { CpuSpan } from '../../store/run-summary.ts';

export interface TimeSpan {
  readonly firstNs: number;
  readonly lastNs: number;
}

export class RecordedSpan {
  readonly #isMarker: boolean[] = [];
  readonly #mayBeLog: boolean[] = [];
  /** By CPU: time of its first record; NaN without one. */
  #cpuFirstNs = new Float64Array(64).fill(Number.NaN);
  #first = Number.NaN;
  #last = Number.NaN;
  #logFirst = Number.NaN;
  #logLast = Number.NaN;
  /** Rows, and those that quiesce made itself. */
  records = 0;
  markers = 0;

  /** Some type is one of those. */
  #special = false;

  define(type: EventType): void {
    this.#isMarker[type.typeId] = type.shape === 'marker';
    this.#mayBeLog[type.typeId] = mayBeLogLine(type);
    this.#special ||= this.#isMarker[type.typeId] || this.#mayBeLog[type.typeId];
  }

  /** @param strings dictionary of the batch */
  append(batch: EventBatch, strings: readonly string[]): void {
    this.records += batch.length;
    if (this.#special) this.#appendEach(batch, strings);
    else if (batch.length > 0) this.#appendAll(batch);
  }

  #appendAll({ length, tsNs, cpu }: EventBatch): void {
    if (Number.isNaN(this.#first)) this.#first = tsNs[0];
    this.#last = tsNs[length - 1];
    for (let i = 0; i < length; i++) this.#noteCpu(cpu[i], tsNs[i]);
  }

  #appendEach(batch: EventBatch, strings: readonly string[]): void {
    const { length, type, tsNs, cpu } = batch;
    let cursor: EventCursor | undefined;
    for (let i = 0; i < length; i++) {
      const typeId = type[i];
      if (this.#isMarker[typeId]) this.markers++;
      if (this.#mayBeLog[typeId]) {
        cursor ??= new EventCursor(batch, strings);
        cursor.index = i;
        if (isLogLine(cursor)) {
          if (Number.isNaN(this.#logFirst)) this.#logFirst = tsNs[i];
          this.#logLast = tsNs[i];
          continue;
        }
      }
      if (Number.isNaN(this.#first)) this.#first = tsNs[i];
      this.#last = tsNs[i];
      if (!this.#isMarker[typeId]) this.#noteCpu(cpu[i], tsNs[i]);
    }
  }

  #noteCpu(cpu: number, tsNs: number): void {
    if (cpu < this.#cpuFirstNs.length ? Number.isNaN(this.#cpuFirstNs[cpu]) : cpu !== NO_CPU) this.#firstOf(cpu, tsNs);
  }

  #firstOf(cpu: number, tsNs: number): void {
    if (cpu >= this.#cpuFirstNs.length) {
      const grown = new Float64Array(Math.max(cpu + 1, this.#cpuFirstNs.length * 2)).fill(Number.NaN);
      grown.set(this.#cpuFirstNs);
      this.#cpuFirstNs = grown;
    }
    this.#cpuFirstNs[cpu] = tsNs;
  }

  /** Of the trace; of the log where there is no trace; 0 to 0 without any record. */
  get run(): TimeSpan {
    if (!Number.isNaN(this.#first)) return { firstNs: this.#first, lastNs: this.#last };
    return Number.isNaN(this.#logFirst)
      ? { firstNs: 0, lastNs: 0 }
      : { firstNs: this.#logFirst, lastNs: this.#logLast };
  }

  /** CPUs with records. They reach to the end of the trace: a CPU that records nothing more is idle. */
  get cpus(): CpuSpan[] {
    const spans: CpuSpan[] = [];
    this.#cpuFirstNs.forEach((firstNs, cpu) => {
      if (!Number.isNaN(firstNs)) spans.push({ cpu, firstNs, lastNs: this.#last });
    });
    return spans;
  }
}
