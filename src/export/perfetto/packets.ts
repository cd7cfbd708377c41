/** The trace as a sequence of packets: field numbers of `TracePacket` and its parts (protos/perfetto/trace/*.proto), as far as they are written. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;

/** Field of `Trace`. */
const PACKET = 1;

export const TRACE_PACKET = {
  ftraceEvents: 1,
  timestamp: 8,
  sequenceId: 10,
  trackEvent: 11,
  internedData: 12,
  sequenceFlags: 13,
  systemInfo: 45,
  trackDescriptor: 60,
  genericKernelTaskRename: 120,
  traceAttributes: 126,
} as const;

const INCREMENTAL_STATE_CLEARED = 1;
const NEEDS_INCREMENTAL_STATE = 2;

export type Output = (bytes: Uint8Array) => void;

/** Packets of one writer, in its order: what they intern holds from then on. */
export class PacketSequence {
  readonly #id: number;
  readonly #writer = new BinaryWriter();
  #begun = false;
  #packets = 0;
  readonly #out: Output;

  /** @param id from 1, unique in the trace */
  constructor(id: number, out: Output) {
    this.#id = id;
    this.#out = out;
  }

  /** Begins a packet; {@link end} ends it. */
  begin(): BinaryWriter {
    const writer = this.#writer;
    writer.tag(PACKET, LENGTH).fork();
    writer.tag(TRACE_PACKET.sequenceId, VARINT).uint32(this.#id);
    writer
      .tag(TRACE_PACKET.sequenceFlags, VARINT)
      .uint32(this.#begun ? NEEDS_INCREMENTAL_STATE : INCREMENTAL_STATE_CLEARED | NEEDS_INCREMENTAL_STATE);
    this.#begun = true;
    return writer;
  }

  end(): void {
    this.#writer.join();
    if (++this.#packets % PACKETS_AT_ONCE === 0) this.flush();
  }

  flush(): void {
    const bytes = this.#writer.finish();
    if (bytes.length > 0) this.#out(bytes);
  }
}

const PACKETS_AT_ONCE = 256;

/** A packet as its own bytes, of the writer that the caller keeps. */
export function beginPacket(writer: BinaryWriter, sequenceId: number): BinaryWriter {
  writer.tag(PACKET, LENGTH).fork();
  writer.tag(TRACE_PACKET.sequenceId, VARINT).uint32(sequenceId);
  writer.tag(TRACE_PACKET.sequenceFlags, VARINT).uint32(NEEDS_INCREMENTAL_STATE);
  return writer;
}
