/**
 * Where bytes come from: a file, standard input, a buffer; plain or compressed. Text parsers read the stream of chunks;
 * binary parsers also need random access, which only a plain file or a buffer gives ({@link ByteSource.random}).
 */
import { read, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CaptureError, fileProblem } from '../schema/index.ts';
import { compressionOf, decompressed } from './decompress.ts';
import { doubleBuffered } from './file-chunks.ts';

const CHUNK_BYTES = 1 << 20;
const STDIN = 0;
const STDIN_RETRY_MS = 5;
const readDescriptor = promisify(read);

/** Random access to a capture of known size. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /**
   * Reads up to `length` bytes at `offset`; fewer at the end of the file. Calls may overlap: each result has memory of its own,
   * or is a view of bytes that stay as they are.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Lines of a text that was taken out of a file, as lines of that file. */
export interface TextOrigin {
  /** By line of the text, from 0: its number in the file. Parts that are encoded there have numbers beyond the file's last. */
  readonly fileLines: Uint32Array;
  /** Which those parts are: `dmesg.gz from line 215`; '' when there is none. */
  readonly parts: string;
}

export interface SourceDamage {
  /** Decompressed bytes before it. */
  readonly byteOffset: number;
  readonly text: string;
}

export interface ByteSource {
  /** As the user named it. */
  readonly name: string;
  /** Missing: the lines are the file's. */
  readonly origin?: TextOrigin;
  /** Compressed or plain bytes of the file, when known: for progress. */
  readonly sizeBytes: number | undefined;
  /** Raw bytes taken from the file so far: for progress. */
  readonly consumedBytes: number;
  /** Where and why the bytes end too early, once they did: the compressed data is damaged. What came before is there. */
  readonly damage: SourceDamage | undefined;
  /** First decompressed bytes, up to `length`; does not consume them. */
  head(length: number): Promise<Uint8Array>;
  /** All decompressed bytes from the start. May be called once. A chunk is valid until the next one is asked for. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Random access, or undefined when the capture is compressed or a pipe. */
  random(): Promise<RandomAccess | undefined>;
  close(): Promise<void>;
}

function explain(path: string, error: unknown): CaptureError {
  if (error instanceof CaptureError) return error;
  return new CaptureError(`${path}: ${fileProblem(error)}`);
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
  damage: SourceDamage | undefined;
  readonly #seekable: boolean;

  constructor(
    name: string,
    raw: AsyncIterable<Uint8Array>,
    sizeBytes: number | undefined,
    file: FileHandle | undefined,
    seekable = false,
  ) {
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.#raw = raw[Symbol.asyncIterator]();
    this.#file = file;
    this.#seekable = seekable;
  }

  get consumedBytes(): number {
    return this.#consumed;
  }

  /** Ends where the compressed data is damaged. @throws CaptureError when nothing comes before the damage */
  async *#untilDamage(plain: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let byteOffset = 0;
    try {
      for await (const chunk of plain) {
        byteOffset += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (!(error instanceof CaptureError) || byteOffset === 0) throw error;
      this.damage = { byteOffset, text: error.message };
    }
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
      // Decompressors read ahead: their input must not be overwritten by the next chunk.
      const raw = compression ? copied(this.#counted(first)) : this.#counted(first);
      this.#plain = (compression ? this.#untilDamage(decompressed(raw, compression, this.name)) : raw)[
        Symbol.asyncIterator
      ]();
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
    if (!file || !this.#seekable || this.#compressed) return undefined;
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
    await this.#file?.close().catch(() => undefined);
  }
}

/** Whether a path is standard input, a pipe or a terminal: its bytes come only once. */
export function isReadOnce(path: string): boolean {
  if (path === '-') return true;
  try {
    const found = statSync(path);
    return !found.isFile() && !found.isDirectory();
  } catch {
    return false;
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
    const fill = async (buffer: Uint8Array): Promise<number> => {
      for (;;) {
        try {
          return (await readDescriptor(STDIN, buffer, 0, buffer.length, null)).bytesRead;
        } catch (error) {
          // Another process that shares the pipe may have made it non-blocking.
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
          await setTimeout(STDIN_RETRY_MS);
        }
      }
    };
    return new StreamSource('standard input', doubleBuffered(fill, CHUNK_BYTES), undefined, undefined);
  }
  try {
    const file = await open(path, 'r');
    const stat = await file.stat();
    if (stat.isDirectory()) {
      await file.close();
      throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
    }
    const size = stat.isFile() ? stat.size : undefined;
    let offset = 0;
    const fill = async (buffer: Uint8Array): Promise<number> => {
      // A position of its own: random access to the same file does not move it. Pipes have none.
      const { bytesRead } = await file.read(buffer, 0, buffer.length, stat.isFile() ? offset : null);
      offset += bytesRead;
      return bytesRead;
    };
    return new StreamSource(path, doubleBuffered(fill, CHUNK_BYTES), size, file, stat.isFile());
  } catch (error) {
    throw explain(path, error);
  }
}

async function* copied(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield chunk.slice();
}

/** A capture in memory. @param chunkBytes size of the chunks it delivers, to test chunk boundaries. */
export function bufferSource(bytes: Uint8Array, name = 'buffer', chunkBytes: number = CHUNK_BYTES): ByteSource {
  async function* chunked(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < bytes.length; i += chunkBytes) yield bytes.subarray(i, i + chunkBytes);
  }
  const source = new StreamSource(name, chunked(), bytes.length, undefined);
  source.random = async () =>
    compressionOf(bytes)
      ? undefined
      : {
          sizeBytes: bytes.length,
          read: async (offset, length) => bytes.subarray(offset, Math.min(bytes.length, offset + length)),
        };
  return source;
}
