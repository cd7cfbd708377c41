/** The parts of the metadata that versions 6 and 7 share: lists of format files and sized texts. */
import { type ByteReader, MetadataError } from './byte-reader.ts';
import type { FormatFile } from './metadata.ts';

const MAX_NAME_BYTES = 4096;
/** Event ids have 16 bits; lists longer than this are damage. */
const MAX_FORMATS = 1 << 17;
/** Symbol tables of distribution kernels have some 10 MiB. */
export const MAX_KALLSYMS_BYTES = 32 << 20;
export const MAX_TEXT_BYTES = 16 << 20;

function countOf(reader: ByteReader, most: number): number {
  const at = reader.origin + reader.at;
  const count = reader.u32();
  if (count > most) throw new MetadataError(`a list of ${count}`, at);
  return count;
}

/** `u32 count`, then per event `u64 size` and the format file. */
export function readFtraceFormats(reader: ByteReader, formats: FormatFile[]): void {
  const count = countOf(reader, MAX_FORMATS);
  for (let i = 0; i < count; i++) formats.push({ system: 'ftrace', bytes: reader.take(reader.u64()) });
}

/** `u32 systems`; per system its name, `u32 count`, and per event `u64 size` and the format file. */
export function readEventFormats(reader: ByteReader, formats: FormatFile[]): void {
  const systems = countOf(reader, MAX_FORMATS);
  for (let i = 0; i < systems; i++) {
    const system = reader.string(MAX_NAME_BYTES);
    const count = countOf(reader, MAX_FORMATS - formats.length);
    for (let k = 0; k < count; k++) formats.push({ system, bytes: reader.take(reader.u64()) });
  }
}

/**
 * A size and that many bytes.
 * @param sizeBytes of the size: 4 for kallsyms and printk formats, 8 for the saved command lines
 */
export function readSized(reader: ByteReader, sizeBytes: 4 | 8, most: number): Uint8Array {
  const at = reader.origin + reader.at;
  const size = sizeBytes === 4 ? reader.u32() : reader.u64();
  if (size > reader.left) throw new MetadataError(`a text of ${size} bytes`, at, true);
  if (size > most) throw new MetadataError(`a text of ${size} bytes`, at);
  return reader.take(size);
}

const decoder = new TextDecoder('utf-8');

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
