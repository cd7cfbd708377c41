/** Blocks that trace-cmd compressed: `u32 compressed size, u32 plain size, data`, by zlib or zstd as a whole. */
import { inflateSync } from 'node:zlib';
import { decompress as unzstd } from 'fzstd';

/** trace-cmd makes chunks of a few pages to 512 KiB, and sections as large as a symbol table; more is damage. */
export const MAX_BLOCK_BYTES = 256 << 20;

/** @returns the plain bytes, exactly `plainBytes` of them; throws on damaged data. */
export type Decompressor = (data: Uint8Array, plainBytes: number) => Uint8Array;

const DECOMPRESSORS: Record<string, Decompressor> = {
  none: (data) => data,
  // The buffer bounds the result: a frame header that claims more cannot make it larger.
  zstd: (data, plainBytes) => unzstd(data, new Uint8Array(plainBytes)),
  zlib: (data, plainBytes) => exactly(inflateSync(data, { maxOutputLength: Math.max(plainBytes, 1) }), plainBytes),
};

function exactly(data: Uint8Array, plainBytes: number): Uint8Array {
  if (data.length < plainBytes) throw new Error(`${data.length} bytes instead of ${plainBytes}`);
  return data.subarray(0, plainBytes);
}

/** The decompressor that a file header names, undefined when it is not known. */
export function decompressorOf(name: string): Decompressor | undefined {
  return Object.hasOwn(DECOMPRESSORS, name) ? DECOMPRESSORS[name] : undefined;
}
