import { describe, expect, it } from 'vitest';
import { decompressed } from '../../parsers/decompress.ts';
import { zstdWindowBytes } from '../../parsers/zstd-window.ts';

const frame = (...header: number[]): Uint8Array => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, ...header);
const read = async (data: Uint8Array): Promise<number> => {
  const source = (async function* () {
    yield data;
  })();
  let bytes = 0;
  for await (const chunk of decompressed(source, 'zstd', 'big.zst')) bytes += chunk.length;
  return bytes;
};

describe('The window of a zstd frame', () => {
  it('is read from the window descriptor, or is the content of a single segment', () => {
    expect(zstdWindowBytes(frame(0x84, 0x88))).toBe(128 << 20);
    expect(zstdWindowBytes(frame(0x04, 0x60))).toBe(4 << 20);
    expect(zstdWindowBytes(frame(0x04, 0x61))).toBe((4 << 20) + (512 << 10));
    expect(zstdWindowBytes(frame(0xa4, 0x92, 0xc6, 0x1b, 0))).toBe(1_820_306);
    expect(zstdWindowBytes(frame(0x20, 200))).toBe(200);
    expect(zstdWindowBytes(frame(0x60, 1, 0))).toBe(257);
    expect(zstdWindowBytes(frame(0xe0, 0, 0, 0, 64, 0, 0, 0, 0))).toBe(1 << 30);
    expect(zstdWindowBytes(frame(0xe0, 0))).toBeUndefined();
  });

  it('is refused where the decoder would go wrong, with the way out', async () => {
    await expect(read(frame(0x84, 0x88, 0, 0, 0, 0))).rejects.toThrow(
      'big.zst: zstd data with a window of 128 MiB, 32 MiB are read; decompress it by hand: zstd -d --long=31',
    );
  });
});
