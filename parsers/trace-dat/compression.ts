/** Blocks that trace-cmd compressed: `u32 compressed size, u32 plain size, data`, by zlib or zstd as a whole. */
import { inflateSync } from 'node:zlib';
import { decompress as unzstd } from 'fzstd';

/** @returns the plain bytes, exactly `plainBytes` of them; throws on damaged data. */
export type Decompressor = (data: Uint8Array, plainBytes: number) => Uint8Array;

/**
 * An output buffer for fzstd, which compares it with 1: for a plain array that means joining all its bytes to a string, two
 * thirds of the time of a 40 KiB chunk.
 */
function outputBuffer(bytes: number): Uint8Array {
  return Object.defineProperty(new Uint8Array(bytes), 'valueOf', { value: () => 0 });
}

const DECOMPRESSORS: Record<string, Decompressor> = {
  none: (data) => data,
  // The buffer bounds the result: a frame header that claims more cannot make it larger.
  zstd: (data, plainBytes) => exactly(unzstd(data, outputBuffer(plainBytes)), plainBytes),
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
