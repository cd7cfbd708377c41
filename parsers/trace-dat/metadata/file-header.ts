/**
 * The first bytes of a trace.dat (trace-cmd.dat.v6(5), trace-cmd.dat.v7(5)):
 *
 *     17 08 44 "tracing" "7\0" 00 08 00100000 "zstd\0" "1.5.4\0" a852080000000000
 *     magic              version | |  |       compression        offset of the first options section
 *                   byte order __| |  |__ page size
 *                   size of long __|
 *
 * Version 6 ends behind the page size; its metadata follows at once. trace-cmd before 1.1 wrote an empty version string.
 */
import { CaptureError } from '../../../schema/index.ts';
import { ByteReader, MetadataError } from './byte-reader.ts';

const MAGIC = Uint8Array.of(0x17, 0x08, 0x44, ...Buffer.from('tracing'));
const MAX_NAME_BYTES = 64;
/** Bytes that the header can take at most. */
export const FILE_HEADER_BYTES = 256;
/** Sub-buffers of the ring buffer are one page to 2^COMMIT bits; real ones are 4 KiB to 64 KiB. */
const MAX_PAGE_BYTES = 1 << 24;

export interface FileHeader {
  readonly version: number;
  readonly littleEndian: boolean;
  /** `long` of the recording user space; the kernel's own is in header_page. */
  readonly longBytes: number;
  readonly pageBytes: number;
  /** `none`, `zlib`, `zstd`; undefined before version 7. */
  readonly compression: string | undefined;
  /** Offset of the first options section, version 7. */
  readonly optionsOffset: number;
  /** Bytes of the header. */
  readonly sizeBytes: number;
}

export function isTraceDat(head: Uint8Array): boolean {
  return head.length >= MAGIC.length && MAGIC.every((byte, index) => head[index] === byte);
}

/** Page sizes come from the file: only ones that can hold records are accepted. */
export function isPageSize(bytes: number): boolean {
  return bytes >= 64 && bytes <= MAX_PAGE_BYTES && bytes % 4 === 0;
}

/**
 * @param head the first {@link FILE_HEADER_BYTES} bytes, or fewer when the file is shorter
 * @throws CaptureError when the file cannot be read with such a header
 */
export function parseFileHeader(head: Uint8Array, name: string): FileHeader {
  const refuse = (what: string, at: number) => new CaptureError(`${name}: byte ${at}: ${what}`);
  try {
    // The magic has no byte order; the order comes before the first number.
    const probe = new ByteReader(head, true);
    probe.at = MAGIC.length;
    const versionText = probe.string(MAX_NAME_BYTES);
    const version = versionText === '' ? 6 : Number(versionText);
    if (!(version >= 1 && version <= 7)) {
      throw refuse(`trace.dat version "${versionText}" is not known; versions 6 and 7 are read`, MAGIC.length);
    }
    const order = probe.u8();
    const longBytes = probe.u8();
    if (order > 1) throw refuse(`byte order ${order} is neither 0 (little) nor 1 (big)`, probe.at - 2);
    const reader = new ByteReader(head, order === 0);
    reader.at = probe.at;
    const pageBytes = reader.u32();
    if (!isPageSize(pageBytes)) throw refuse(`page size of ${pageBytes} bytes is impossible`, reader.at - 4);
    const common = { version, littleEndian: order === 0, longBytes, pageBytes };
    if (version < 7) return { ...common, compression: undefined, optionsOffset: 0, sizeBytes: reader.at };
    const compression = reader.string(MAX_NAME_BYTES);
    reader.string(MAX_NAME_BYTES);
    const optionsOffset = reader.u64();
    return { ...common, compression, optionsOffset, sizeBytes: reader.at };
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    throw refuse(`the trace.dat ends inside its header (${error.message})`, error.byteOffset);
  }
}
