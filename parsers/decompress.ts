/** Transparent decompression of captures: gzip by node:zlib, zstd by fzstd; chosen by magic number. */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { CaptureError } from '../schema/index.ts';
import { WIDEST_WINDOW_BYTES, zstdWindowBytes } from './zstd-window.ts';

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
    throw new CaptureError(
      `${name}: damaged gzip data (${(error as Error).message}); decompress it by hand to see how much is left`,
    );
  }
}

/** fzstd pushes output through a callback; a raw megabyte can expand a hundredfold, so input goes in small pieces. */
async function* unzstd(raw: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const PIECE_BYTES = 1 << 16;
  let ready: Uint8Array[] = [];
  const stream = new Decompress((chunk) => {
    if (chunk.length) ready.push(chunk);
  });
  let first = true;
  try {
    for await (const chunk of raw) {
      if (first) refuseWideWindow(chunk, name);
      first = false;
      for (let i = 0; i < chunk.length; i += PIECE_BYTES) {
        stream.push(chunk.slice(i, i + PIECE_BYTES));
        const out = ready;
        ready = [];
        yield* out;
      }
    }
    stream.push(new Uint8Array(0), true);
    yield* ready;
  } catch (error) {
    if (error instanceof CaptureError) throw error;
    throw new CaptureError(
      `${name}: damaged zstd data (${(error as Error).message}); decompress it by hand to see how much is left`,
    );
  }
}

/** @throws CaptureError when the decoder would not give the bytes that were compressed */
function refuseWideWindow(head: Uint8Array, name: string): void {
  const windowBytes = zstdWindowBytes(head);
  if (windowBytes === undefined || windowBytes <= WIDEST_WINDOW_BYTES) return;
  throw new CaptureError(
    `${name}: zstd data with a window of ${Math.ceil(windowBytes / 2 ** 20)} MiB, ${WIDEST_WINDOW_BYTES >> 20} MiB are read; decompress it by hand: zstd -d --long=31`,
  );
}

/** @throws CaptureError on damaged data. */
export function decompressed(
  raw: AsyncIterable<Uint8Array>,
  compression: Compression,
  name: string,
): AsyncIterable<Uint8Array> {
  return compression === 'gzip' ? gunzip(raw, name) : unzstd(raw, name);
}
