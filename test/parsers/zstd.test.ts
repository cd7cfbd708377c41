/** zstd as the zstd tool reads it: any window up to 128 MiB, checksums verified, memory bounded whatever a header declares. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { decompressed } from '../../parsers/decompress.ts';
import { loadZstd } from '../../parsers/zstd/libzstd.ts';
import { ZstdBlocks } from '../../parsers/zstd/zstd-block.ts';
import { ZstdStream } from '../../parsers/zstd/zstd-stream.ts';

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../fixtures/zstd/${name}`, import.meta.url));

/** As a capture is read, in chunks of a given size. */
async function read(data: Uint8Array, chunkBytes: number = data.length): Promise<Uint8Array> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < data.length; i += chunkBytes) yield data.subarray(i, i + chunkBytes);
  }
  const plain: Uint8Array[] = [];
  for await (const chunk of decompressed(chunks(), 'zstd', 'big.zst')) plain.push(chunk);
  return Buffer.concat(plain);
}

const FAR_MATCH_SHA256 = 'ab3c432de3614b8e20f5294b40d788b3447b7acf7bddeb3295164c2e6699f05f';

describe('A zstd stream', () => {
  beforeAll(loadZstd);

  it('gives the same bytes whatever the chunks, frames one behind the other, and skippable frames', async () => {
    const frame = fixture('checked.trace.txt.zst');
    const plain = await read(frame);
    expect(plain.length).toBe(5299);
    for (const chunkBytes of [1, 7, 100]) expect(await read(frame, chunkBytes)).toEqual(plain);
    const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9);
    expect(await read(Buffer.concat([frame, skippable, frame]))).toEqual(Buffer.concat([plain, plain]));
  });

  it('reaches back 100 MiB: the last kilobyte repeats the first', async () => {
    const stream = new ZstdStream();
    const hash = createHash('sha256');
    let bytes = 0;
    for (const piece of stream.push(fixture('far-match.zst'))) {
      hash.update(piece);
      bytes += piece.length;
    }
    stream.finish();
    expect(bytes).toBe((100 << 20) + 2048);
    expect(hash.digest('hex')).toBe(FAR_MATCH_SHA256);
  });

  it('with a flipped bit is refused, or the bit carries nothing', async () => {
    const frame = fixture('checked.trace.txt.zst');
    const plain = await read(frame);
    let refused = 0;
    for (let bit = 0; bit < frame.length * 8; bit += 13) {
      const flipped = Uint8Array.from(frame);
      flipped[bit >> 3] ^= 1 << (bit & 7);
      try {
        expect(await read(flipped)).toEqual(plain);
      } catch (error) {
        expect((error as Error).message).toMatch(/^big\.zst: (damaged zstd data \(.+\)|zstd data with a window)/);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(frame.length / 2);
  });

  it('that ends early is refused', async () => {
    const frame = fixture('checked.trace.txt.zst');
    await expect(read(frame.subarray(0, frame.length - 1))).rejects.toThrow('it ends in the middle of a frame');
    await expect(read(frame.subarray(0, frame.length - 4))).rejects.toThrow('it ends in the middle of a frame');
  });

  it('with a wrong checksum is refused', async () => {
    const frame = Uint8Array.from(fixture('checked.trace.txt.zst'));
    frame[frame.length - 1] ^= 1;
    await expect(read(frame)).rejects.toThrow('big.zst: damaged zstd data (the checksum is wrong)');
  });

  it('that declares a window of 1 GiB in 193 bytes is refused before memory is taken for it', async () => {
    const before = process.memoryUsage().arrayBuffers;
    await expect(read(fixture('window-1GiB.zst'))).rejects.toThrow(
      'big.zst: zstd data with a window of more than 128 MiB; decompress it by hand: zstd -d --long=31',
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
  });
});

describe('A zstd block of known size', () => {
  it('gives no more than was declared, and is checked', () => {
    const frame = fixture('checked.trace.txt.zst');
    const blocks = new ZstdBlocks();
    expect(blocks.decompress(frame, 5299).length).toBe(5299);
    expect(blocks.decompress(frame, 100_000).length).toBe(5299);
    expect(() => blocks.decompress(frame, 5298)).toThrow('more data than declared');
    const flipped = Uint8Array.from(frame);
    flipped[frame.length - 2] ^= 1;
    expect(() => blocks.decompress(flipped, 5299)).toThrow('the checksum is wrong');
    expect(blocks.decompress(frame, 5299).length).toBe(5299);
  });
});
