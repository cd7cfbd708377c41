/** A result that goes to a file: the whole of it, or the file is as it was. */
import { closeSync, fsyncSync, openSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { fileProblem } from '../../schema/index.ts';
import { inert, OutputError } from './outlet.ts';

/** @throws OutputError */
export function writeOutput(path: string, text: string): void {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    // Nothing can take the place of a pipe or a device.
    if (found !== undefined && !found.isFile()) writeFileSync(path, inert(text));
    else replaceFile(path, inert(text));
  } catch (error) {
    throw new OutputError(`${path}: cannot be written: ${fileProblem(error)}`);
  }
}

function replaceFile(path: string, text: string): void {
  const fresh = `${path}.${process.pid}.new`;
  const file = openSync(fresh, 'wx');
  try {
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(fresh, path);
  } catch (error) {
    unlinkSync(fresh);
    throw error;
  }
}
