/** What a kernel image says of itself, its banner and its build id: whether it is the kernel that was recorded. */
import { closeSync, openSync, readSync } from 'node:fs';
import { fileProblem } from '../../schema/index.ts';
import { runTool, SymbolsError } from './tools.ts';

const CHUNK_BYTES = 8 << 20;
/** More than the banner's beginning takes. */
const OVERLAP_BYTES = 256;
const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1');
const BANNER = /Linux version (\d\S*)/;

/** @throws SymbolsError when it cannot be read */
export function isElf(path: string): boolean {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const head = Buffer.alloc(ELF_MAGIC.length);
    return readSync(file, head, 0, head.length, 0) === head.length && head.equals(ELF_MAGIC);
  } catch (error) {
    throw new SymbolsError(`${path}: ${fileProblem(error)}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** `6.12.117-labA`; undefined when the image has no banner. @throws SymbolsError */
export function releaseOfImage(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new SymbolsError(`${path}: ${fileProblem(error)}`);
  }
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES + OVERLAP_BYTES);
    let kept = 0;
    for (;;) {
      const read = readSync(file, chunk, kept, CHUNK_BYTES, null);
      if (read === 0) return undefined;
      const found = BANNER.exec(chunk.toString('latin1', 0, kept + read));
      // The format string of the banner has a %s there.
      if (found) return found[1];
      const end = kept + read;
      kept = Math.min(OVERLAP_BYTES, end);
      chunk.copy(chunk, 0, end - kept, end);
    }
  } finally {
    closeSync(file);
  }
}

/** Build id of an ELF image, hex digits; undefined when it has none. @throws SymbolsError */
export function buildIdOfImage(path: string): string | undefined {
  return /Build ID: ([0-9a-f]+)/.exec(runTool(['readelf', 'llvm-readelf'], ['-n', path], ''))?.[1];
}
