/**
 * Where bytes come from: a file, standard input, a buffer; plain or compressed. Text parsers read the stream of chunks;
 * binary parsers also need random access, which only a plain file or a buffer gives ({@link ByteSource.random}).
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CaptureError } from '../schema/index.ts';
import { compressionOf, decompressed } from './decompress.ts';

const CHUNK_BYTES = 1 << 20;

/** Random access to a capture of known size. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /** Reads up to `length` bytes at `offset`; fewer at the end of the file. The result is valid until the next read. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface ByteSource {
  /** As the user named it. */
  readonly name: string;
  /** Compressed or plain bytes of the file, when known: for progress. */
  readonly sizeBytes: number | undefined;
  /** Raw bytes taken from the file so far: for progress. */
  readonly consumedBytes: number;
  /** First decompressed bytes, up to `length`; does not consume them. */
  head(length: number): Promise<Uint8Array>;
  /** All decompressed bytes from the start. May be called once. A chunk is valid until the next one is asked for. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Random access, or undefined when the capture is compressed or a pipe. */
  random(): Promise<RandomAccess | undefined>;
  close(): Promise<void>;
}

function explain(path: string, error: unknown): CaptureError {
  const code = (error as NodeJS.ErrnoException).code;
  const reason =
    code === 'ENOENT'
      ? 'no such file'
      : code === 'EACCES'
        ? 'permission denied'
        : code === 'EISDIR'
          ? 'is a directory'
          : String((error as Error).message);
  return new CaptureError(`${path}: ${reason}`);
}

/** Reads ahead by `head` and replays those bytes in `chunks`. */
class StreamSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number | undefined;
  #raw: AsyncIterator<Uint8Array>;
  #plain: AsyncIterator<Uint8Array> | undefined;
  #ahead: Uint8Array[] = [];
  #consumed = 0;
  #file: FileHandle | undefined;
  #compressed = false;
  #close: () => void;

  constructor(
    name: string,
    raw: AsyncIterable<Uint8Array>,
    sizeBytes: number | undefined,
    file: FileHandle | undefined,
    close: () => void,
  ) {
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.#raw = raw[Symbol.asyncIterator]();
    this.#file = file;
    this.#close = close;
  }

  get consumedBytes(): number {
    return this.#consumed;
  }

  async *#counted(first: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
    if (first) yield first;
    for (;;) {
      const chunk = await this.#nextRaw();
      if (!chunk) return;
      yield chunk;
    }
  }

  async #nextRaw(): Promise<Uint8Array | undefined> {
    try {
      const next = await this.#raw.next();
      if (next.done) return undefined;
      this.#consumed += next.value.length;
      return next.value;
    } catch (error) {
      throw explain(this.name, error);
    }
  }

  async #open(): Promise<AsyncIterator<Uint8Array>> {
    if (!this.#plain) {
      // A pipe may deliver fewer bytes than a magic number at first.
      let first = await this.#nextRaw();
      while (first && first.length < 8) {
        const more = await this.#nextRaw();
        if (!more) break;
        first = Buffer.concat([first, more]);
      }
      const compression = first ? compressionOf(first) : undefined;
      this.#compressed = compression !== undefined;
      const raw = this.#counted(first);
      this.#plain = (compression ? decompressed(raw, compression, this.name) : raw)[Symbol.asyncIterator]();
    }
    return this.#plain;
  }

  async head(length: number): Promise<Uint8Array> {
    const plain = await this.#open();
    let have = this.#ahead.reduce((sum, chunk) => sum + chunk.length, 0);
    while (have < length) {
      const next = await plain.next();
      if (next.done) break;
      this.#ahead.push(Uint8Array.from(next.value));
      have += next.value.length;
    }
    const all = this.#ahead.length === 1 ? this.#ahead[0] : Buffer.concat(this.#ahead);
    this.#ahead = all.length ? [all] : [];
    return all.subarray(0, length);
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const plain = await this.#open();
    const ahead = this.#ahead;
    this.#ahead = [];
    yield* ahead;
    for (;;) {
      const next = await plain.next();
      if (next.done) return;
      yield next.value;
    }
  }

  async random(): Promise<RandomAccess | undefined> {
    await this.#open();
    const file = this.#file;
    if (!file || this.#compressed) return undefined;
    const { size } = await file.stat();
    const name = this.name;
    const source = this;
    return {
      sizeBytes: size,
      async read(offset, length) {
        const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - offset)));
        let done = 0;
        try {
          while (done < buffer.length) {
            const { bytesRead } = await file.read(buffer, done, buffer.length - done, offset + done);
            if (bytesRead === 0) break;
            done += bytesRead;
          }
        } catch (error) {
          throw explain(name, error);
        }
        source.#consumed = Math.max(source.#consumed, Math.min(size, source.#consumed + done));
        return buffer.subarray(0, done);
      },
    };
  }

  async close(): Promise<void> {
    this.#close();
    await this.#file?.close().catch(() => undefined);
  }
}

/**
 * Opens a capture by path; `-` is standard input.
 * @throws CaptureError when the file cannot be opened.
 */
export async function openSource(path: string): Promise<ByteSource> {
  if (path === '-') {
    // Not process.stdin: in a worker thread that is a pipe from the main thread. Blocking reads of 1 MiB take a quarter of
    // the CPU time that a non-blocking socket on the same pipe takes.
    const stdin = createReadStream('', { fd: 0, autoClose: false, highWaterMark: CHUNK_BYTES });
    stdin.on('error', () => undefined);
    return new StreamSource('standard input', stdin, undefined, undefined, () => stdin.destroy());
  }
  try {
    const file = await open(path, 'r');
    const stat = await file.stat();
    if (stat.isDirectory()) {
      await file.close();
      throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
    }
    const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES });
    // An unread stream that fails later must not bring the process down; a read one reports through its iterator.
    stream.on('error', () => undefined);
    return new StreamSource(path, stream, stat.isFile() ? stat.size : undefined, stat.isFile() ? file : undefined, () =>
      stream.destroy(),
    );
  } catch (error) {
    throw explain(path, error);
  }
}

/** A capture in memory. @param chunkBytes size of the chunks it delivers, to test chunk boundaries. */
export function bufferSource(bytes: Uint8Array, name = 'buffer', chunkBytes: number = CHUNK_BYTES): ByteSource {
  async function* chunked(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < bytes.length; i += chunkBytes) yield bytes.subarray(i, i + chunkBytes);
  }
  const source = new StreamSource(name, chunked(), bytes.length, undefined, () => undefined);
  source.random = async () =>
    compressionOf(bytes)
      ? undefined
      : {
          sizeBytes: bytes.length,
          read: async (offset, length) => bytes.subarray(offset, Math.min(bytes.length, offset + length)),
        };
  return source;
}
