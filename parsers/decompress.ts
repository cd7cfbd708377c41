/** Transparent decompression of captures: gzip by node:zlib, zstd by libzstd; chosen by magic number. */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CaptureError } from '../schema/index.ts';
import { loadZstd, ZstdError } from './zstd/libzstd.ts';
import { ZstdStream } from './zstd/zstd-stream.ts';

export type Compression = 'gzip' | 'zstd';

/** Compression of bytes that begin like this, or undefined. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  return undefined;
}

async function* gunzip(raw: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const stream = Readable.from(raw, { objectMode: false }).pipe(createGunzip());
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw new CaptureError(`${name}: damaged gzip data (${(error as Error).message})`);
  }
}

async function* unzstd(raw: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  await loadZstd();
  const stream = new ZstdStream();
  try {
    for await (const chunk of raw) yield* stream.push(chunk);
    stream.finish();
  } catch (error) {
    if (error instanceof CaptureError) throw error;
    if (error instanceof ZstdError && error.windowTooLarge)
      throw new CaptureError(
        `${name}: zstd data with a window of more than 128 MiB; decompress it by hand: zstd -d --long=31`,
      );
    throw new CaptureError(`${name}: damaged zstd data (${(error as Error).message})`);
  }
}

/** @throws CaptureError on damaged data. */
export function decompressed(
  raw: AsyncIterable<Uint8Array>,
  compression: Compression,
  name: string,
): AsyncIterable<Uint8Array> {
  return compression === 'gzip' ? gunzip(raw, name) : unzstd(raw, name);
}
