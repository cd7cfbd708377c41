/** The recorded events, and to which of them a record belongs (tools/perf/util/evlist.c evlist__event2evsel). */

import { type SampleLayout, sampleLayout, type TrailerLayout, trailerLayout } from '../samples/layout.ts';
import type { EventAttribute } from './event-attribute.ts';

const TWO_32 = 4294967296;
/** Ids are counted from 1 in each boot; those below this one are looked up in an array. */
const DENSE_IDS = 1 << 16;

export class AttributeTable {
  readonly attributes: EventAttribute[] = [];
  readonly samples: SampleLayout[] = [];
  readonly trailers: TrailerLayout[] = [];
  /** Attribute index + 1 by id, 0 = unknown id. */
  readonly #dense = new Int32Array(DENSE_IDS);
  readonly #sparse = new Map<number, number>();
  /** CPU by event id, as ID_INDEX tells it. */
  readonly #cpuOfId = new Map<number, number>();

  add(attribute: EventAttribute): void {
    this.attributes.push(attribute);
    this.samples.push(sampleLayout(attribute));
    this.trailers.push(trailerLayout(attribute));
  }

  addId(id: number, index: number): void {
    if (id < DENSE_IDS) this.#dense[id] = index + 1;
    else this.#sparse.set(id, index + 1);
  }

  setCpuOfId(id: number, cpu: number): void {
    this.#cpuOfId.set(id, cpu);
  }

  cpuOfId(id: number): number | undefined {
    return this.#cpuOfId.get(id);
  }

  /** Attribute index of an id; −1 when the recording does not announce it. Id 0 marks records that perf made up itself. */
  indexOfId(id: number): number {
    if (id === 0) return 0;
    return (id < DENSE_IDS ? this.#dense[id] : (this.#sparse.get(id) ?? 0)) - 1;
  }

  /**
   * Attribute index of a SAMPLE record; −1 when its id is unknown or beyond the record. All events of a recording have their id
   * at the same place, otherwise it could not be found.
   */
  indexOfSample(view: DataView, at: number, sizeBytes: number, littleEndian: boolean): number {
    if (this.attributes.length <= 1) return this.attributes.length - 1;
    const offset = this.samples[0].id;
    if (offset < 0) return 0;
    return offset + 8 > sizeBytes ? -1 : this.indexOfId(idAt(view, at + offset, littleEndian));
  }

  /** Attribute index of another record of the kernel, by the id in its trailer. */
  indexOfTrailer(view: DataView, at: number, sizeBytes: number, littleEndian: boolean): number {
    if (this.attributes.length <= 1) return this.attributes.length - 1;
    const fromEnd = this.trailers[0].id;
    if (fromEnd < 0) return 0;
    return fromEnd + 8 > sizeBytes ? -1 : this.indexOfId(idAt(view, at + sizeBytes - fromEnd, littleEndian));
  }
}

function idAt(view: DataView, at: number, littleEndian: boolean): number {
  const lo = view.getUint32(littleEndian ? at : at + 4, littleEndian);
  const hi = view.getUint32(littleEndian ? at + 4 : at, littleEndian);
  return hi * TWO_32 + lo;
}
