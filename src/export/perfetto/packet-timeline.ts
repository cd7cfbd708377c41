/** A timeline as packets of track events (protos/perfetto/trace/track_event/*.proto). Names are interned: slices repeat them. */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { SliceArgs, SliceDetails, Timeline, TrackId } from '../timeline.ts';
import { FIXED64, LENGTH, type Output, PacketSequence, TRACE_PACKET, VARINT } from './packets.ts';
import { writeInteger } from './varint.ts';

const DESCRIPTOR = { uuid: 1, name: 2, parent: 5, counter: 8, childOrdering: 11, rank: 12, description: 14 } as const;
const ORDER_EXPLICIT = 3;
const COUNTER_UNIT_NAME = 6;

const EVENT = {
  categoryIids: 3,
  annotations: 4,
  type: 9,
  nameIid: 10,
  track: 11,
  name: 23,
  doubleValue: 44,
  flows: 47,
} as const;
const TYPE = { begin: 1, end: 2, instant: 3, counter: 4 } as const;

const ANNOTATION = { nameIid: 1, bool: 2, int: 4, double: 5, string: 6, array: 12 } as const;
const INTERNED = { categories: 1, eventNames: 2, annotationNames: 3 } as const;

const TRACK_SEQUENCE = 2;
/** Names beyond that many are written out: memory does not grow with the run. */
const MOST_NAMES = 65_536;

export class PacketTimeline implements Timeline {
  readonly #sequence: PacketSequence;
  readonly #categories = new Interner(INTERNED.categories);
  readonly #eventNames = new Interner(INTERNED.eventNames);
  readonly #annotationNames = new Interner(INTERNED.annotationNames);
  #tracks = 0;

  constructor(out: Output) {
    this.#sequence = new PacketSequence(TRACK_SEQUENCE, out);
  }

  close(): void {
    this.#sequence.flush();
  }

  group(name: string, description: string): TrackId {
    return this.#describe(name, (writer, id) => {
      writer.tag(DESCRIPTOR.childOrdering, VARINT).int32(ORDER_EXPLICIT);
      // Above what Perfetto makes of the events.
      writer.tag(DESCRIPTOR.rank, VARINT).int32(id - FIRST_RANK);
      writer.tag(DESCRIPTOR.description, LENGTH).string(description);
    });
  }

  track(parent: TrackId, name: string): TrackId {
    return this.#describe(name, (writer, id) => {
      writer.tag(DESCRIPTOR.parent, VARINT).uint64(parent);
      writer.tag(DESCRIPTOR.rank, VARINT).int32(id);
      writer.tag(DESCRIPTOR.childOrdering, VARINT).int32(ORDER_EXPLICIT);
    });
  }

  counter(parent: TrackId, name: string, unit: string): TrackId {
    return this.#describe(name, (writer, id) => {
      writer.tag(DESCRIPTOR.parent, VARINT).uint64(parent);
      writer.tag(DESCRIPTOR.rank, VARINT).int32(id);
      writer.tag(DESCRIPTOR.counter, LENGTH).fork().tag(COUNTER_UNIT_NAME, LENGTH).string(unit).join();
    });
  }

  #describe(name: string, more: (writer: BinaryWriter, id: TrackId) => void): TrackId {
    const id = ++this.#tracks;
    const writer = this.#sequence.begin();
    writer.tag(TRACE_PACKET.trackDescriptor, LENGTH).fork();
    writer.tag(DESCRIPTOR.uuid, VARINT).uint64(id);
    writer.tag(DESCRIPTOR.name, LENGTH).string(name);
    more(writer, id);
    writer.join();
    this.#sequence.end();
    return id;
  }

  begin(track: TrackId, tsNs: number, name: string, details: SliceDetails = {}): void {
    this.#event(TYPE.begin, track, tsNs, name, details);
  }

  end(track: TrackId, tsNs: number): void {
    this.#event(TYPE.end, track, tsNs, undefined, {});
  }

  instant(track: TrackId, tsNs: number, name: string, details: SliceDetails = {}): void {
    this.#event(TYPE.instant, track, tsNs, name, details);
  }

  count(track: TrackId, tsNs: number, value: number): void {
    const writer = this.#beginEvent(TYPE.counter, track, tsNs);
    writer.tag(EVENT.doubleValue, FIXED64).double(value);
    writer.join();
    this.#sequence.end();
  }

  #event(type: number, track: TrackId, tsNs: number, name: string | undefined, details: SliceDetails): void {
    const { category, args, flows } = details;
    const writer = this.#beginEvent(type, track, tsNs);
    if (category !== undefined)
      writer.tag(EVENT.categoryIids, VARINT).uint32(this.#categories.number(category) as number);
    if (name !== undefined) {
      const id = this.#eventNames.number(name);
      if (id === undefined) writer.tag(EVENT.name, LENGTH).string(name);
      else writer.tag(EVENT.nameIid, VARINT).uint32(id);
    }
    if (flows !== undefined) for (const flow of flows) writer.tag(EVENT.flows, FIXED64).fixed64(flow);
    for (const key in args) this.#annotate(writer, key, args[key]);
    writer.join();
    this.#internNew(writer);
    this.#sequence.end();
  }

  #annotate(writer: BinaryWriter, key: string, value: SliceArgs[string]): void {
    if (value === undefined || value === null) return;
    writer.tag(EVENT.annotations, LENGTH).fork();
    writer.tag(ANNOTATION.nameIid, VARINT).uint32(this.#annotationNames.number(key) as number);
    if (typeof value === 'object') {
      for (const text of value)
        writer.tag(ANNOTATION.array, LENGTH).fork().tag(ANNOTATION.string, LENGTH).string(text).join();
    } else annotateValue(writer, value);
    writer.join();
  }

  /** The names that the packet is the first to use. */
  #internNew(writer: BinaryWriter): void {
    const interners = [this.#categories, this.#eventNames, this.#annotationNames];
    if (interners.every(({ fresh }) => fresh.length === 0)) return;
    writer.tag(TRACE_PACKET.internedData, LENGTH).fork();
    for (const { field, fresh } of interners)
      for (const [id, name] of fresh.splice(0))
        writer.tag(field, LENGTH).fork().tag(1, VARINT).uint32(id).tag(2, LENGTH).string(name).join();
    writer.join();
  }

  #beginEvent(type: number, track: TrackId, tsNs: number): BinaryWriter {
    const writer = this.#sequence.begin();
    writeInteger(writer.tag(TRACE_PACKET.timestamp, VARINT), Math.max(0, tsNs));
    writer.tag(TRACE_PACKET.trackEvent, LENGTH).fork();
    writer.tag(EVENT.type, VARINT).int32(type);
    writer.tag(EVENT.track, VARINT).uint32(track);
    return writer;
  }
}

const FIRST_RANK = 1_000_000;

/** Numbers of names of one kind, in a sequence of packets. */
class Interner {
  readonly field: number;
  /** Not yet in the trace. */
  readonly fresh: [id: number, name: string][] = [];
  readonly #ids = new Map<string, number>();

  constructor(field: number) {
    this.field = field;
  }

  /** Undefined: there are too many, the name is to be written out. */
  number(name: string): number | undefined {
    const found = this.#ids.get(name);
    if (found !== undefined || this.#ids.size >= MOST_NAMES) return found;
    const id = this.#ids.size + 1;
    this.#ids.set(name, id);
    this.fresh.push([id, name]);
    return id;
  }
}

function annotateValue(writer: BinaryWriter, value: string | number | boolean): void {
  if (typeof value === 'string') writer.tag(ANNOTATION.string, LENGTH).string(value);
  else if (typeof value === 'boolean') writer.tag(ANNOTATION.bool, VARINT).bool(value);
  else if (Number.isSafeInteger(value)) writeInteger(writer.tag(ANNOTATION.int, VARINT), value);
  else writer.tag(ANNOTATION.double, FIXED64).double(value);
}
