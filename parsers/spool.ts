/** Random access for captures that have none: compressed ones and pipes are copied out once, to memory or a temporary file. */
import { constants } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureError } from '../schema/index.ts';
import type { ByteSource, RandomAccess } from './source.ts';

/** Decompressed bytes kept in memory; beyond this they go to a file. */
const MEMORY_BYTES = 32 << 20;

export interface SpooledCapture extends RandomAccess {
  /** Frees the copy. Must be called. */
  close(): Promise<void>;
}

/**
 * Random access to a capture: its own, or a copy of its decompressed bytes.
 * @throws CaptureError when the source cannot be read, or there is no room for the copy
 */
export async function openRandomAccess(source: ByteSource): Promise<SpooledCapture> {
  const direct = await source.random();
  if (direct) {
    return {
      sizeBytes: direct.sizeBytes,
      read: (offset, length) => direct.read(offset, length),
      close: async () => undefined,
    };
  }
  const spool = new Spool(source.name);
  try {
    for await (const chunk of source.chunks()) await spool.append(chunk);
  } catch (error) {
    await spool.close();
    throw error;
  }
  return {
    sizeBytes: spool.sizeBytes,
    read: (offset, length) => spool.read(offset, length),
    close: () => spool.close(),
  };
}

/** Linux: a file that never has a name (open(2), O_TMPFILE). */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** A file that is gone when it is closed, however the process ends. */
async function unnamedFile(folder: string): Promise<FileHandle> {
  try {
    return await open(folder, O_TMPFILE | constants.O_RDWR, 0o600);
  } catch {
    // Not on this file system: a name for a moment.
    const own = await mkdtemp(join(folder, 'quiesce-'));
    try {
      return await open(join(own, 'capture'), 'w+', 0o600);
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  }
}

class Spool {
  sizeBytes = 0;
  readonly #name: string;
  #memory: Uint8Array[] = [];
  #joined: Uint8Array | undefined;
  #file: FileHandle | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (!this.#file && this.sizeBytes + chunk.length > MEMORY_BYTES) await this.#moveToFile();
    if (this.#file) await this.#write(chunk, this.sizeBytes);
    else this.#memory.push(Uint8Array.from(chunk));
    this.sizeBytes += chunk.length;
  }

  async #moveToFile(): Promise<void> {
    try {
      this.#file = await unnamedFile(tmpdir());
    } catch (error) {
      throw this.#explain(error);
    }
    let offset = 0;
    for (const chunk of this.#memory) {
      await this.#write(chunk, offset);
      offset += chunk.length;
    }
    this.#memory = [];
  }

  async #write(chunk: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await (this.#file as FileHandle).write(
          chunk,
          done,
          chunk.length - done,
          offset + done,
        );
        done += bytesWritten;
      }
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): CaptureError {
    return new CaptureError(
      `${this.#name}: no room for its decompressed bytes in ${tmpdir()} (${(error as Error).message}); decompress it by hand, or set TMPDIR`,
    );
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const count = Math.max(0, Math.min(length, this.sizeBytes - offset));
    if (!this.#file) {
      this.#joined ??= this.#memory.length === 1 ? this.#memory[0] : Buffer.concat(this.#memory);
      this.#memory = [this.#joined];
      return this.#joined.subarray(offset, offset + count);
    }
    const buffer = Buffer.allocUnsafe(count);
    let done = 0;
    while (done < count) {
      const { bytesRead } = await this.#file.read(buffer, done, count - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return buffer.subarray(0, done);
  }

  async close(): Promise<void> {
    this.#memory = [];
    this.#joined = undefined;
    await this.#file?.close();
    this.#file = undefined;
  }
}
