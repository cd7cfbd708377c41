/** A result that goes to a file: the whole of it, or the file is as it was. */
import { closeSync, fsyncSync, openSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { fileProblem } from '../../../schema/index.ts';
import { inert, OutputError } from './outlet.ts';

/** Takes a result piece by piece: text, of which nothing but text passes, or bytes as they are. */
export type Sink = (piece: string | Uint8Array) => void;

/** @throws OutputError */
export function writeOutput(path: string, text: string): void {
  writeOutputWith(path, (sink) => sink(text));
}

/**
 * The same for a result that is made piece by piece.
 * @param produce whatever it throws leaves the file as it was
 * @throws OutputError
 */
export function writeOutputWith(path: string, produce: (sink: Sink) => void): void {
  const found = guarded(path, () => statSync(path, { throwIfNoEntry: false }));
  // Nothing can take the place of a pipe or a device.
  if (found !== undefined && !found.isFile()) writeTo(path, path, 'w', produce);
  else replaceFile(path, produce);
}

function guarded<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new OutputError(`${path}: cannot be written: ${fileProblem(error)}`);
  }
}

function writeTo(named: string, path: string, flags: string, produce: (sink: Sink) => void): void {
  const file = guarded(named, () => openSync(path, flags));
  try {
    produce((piece) => {
      const bytes = typeof piece === 'string' ? Buffer.from(inert(piece)) : piece;
      guarded(named, () => {
        for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
      });
    });
    if (flags === 'wx') guarded(named, () => fsyncSync(file));
  } finally {
    closeSync(file);
  }
}

function replaceFile(path: string, produce: (sink: Sink) => void): void {
  const fresh = `${path}.${process.pid}.new`;
  let made = false;
  try {
    writeTo(path, fresh, 'wx', (sink) => {
      made = true;
      produce(sink);
    });
    guarded(path, () => renameSync(fresh, path));
  } catch (error) {
    if (made) unlinkSync(fresh);
    throw error;
  }
}
