/** Blocks that trace-cmd compressed: `u32 compressed size, u32 plain size, data`, by zlib or zstd as a whole. */
import { inflateSync } from 'node:zlib';
import { loadZstd } from '../../zstd/libzstd.ts';
import { ZstdBlocks } from '../../zstd/zstd-block.ts';

/** @returns the plain bytes, exactly `plainBytes` of them; throws on damaged data. */
export type Decompressor = (data: Uint8Array, plainBytes: number) => Uint8Array;

/** One per thread: it keeps nothing from block to block but memory. */
let blocks: ZstdBlocks | undefined;

const DECOMPRESSORS: Readonly<Record<string, () => Promise<Decompressor>>> = {
  none: async () => (data) => data,
  zstd: async () => {
    await loadZstd();
    blocks ??= new ZstdBlocks();
    const decoder = blocks;
    return (data, plainBytes) => exactly(decoder.decompress(data, plainBytes), plainBytes);
  },
  zlib: async () => (data, plainBytes) =>
    exactly(inflateSync(data, { maxOutputLength: Math.max(plainBytes, 1) }), plainBytes),
};

function exactly(data: Uint8Array, plainBytes: number): Uint8Array {
  if (data.length < plainBytes) throw new Error(`${data.length} bytes instead of ${plainBytes}`);
  return data.subarray(0, plainBytes);
}

/** The decompressor that a file header names, undefined when it is not known. */
export async function decompressorOf(name: string): Promise<Decompressor | undefined> {
  return Object.hasOwn(DECOMPRESSORS, name) ? DECOMPRESSORS[name]() : undefined;
}
