/** Which symbol table belongs to a recording: the user's, the embedded one, or this machine's when the kernel is the same. */
import { closeSync, openSync, readSync } from 'node:fs';
import { release } from 'node:os';
import { CaptureError, fileProblem } from '../../../schema/index.ts';
import { KernelSymbols } from '../../kernel-symbols.ts';
import type { KernelReference } from '../records/side-band.ts';

const OWN_KALLSYMS = '/proc/kallsyms';
const FIRST_BYTES = 8 << 20;

/**
 * @param reference where the recorded kernel had its text; a table made for another address is shifted
 * @returns undefined when there is no table that fits
 * @throws CaptureError when the file that the user named cannot be read
 */
export function loadKernelSymbols(
  path: string | undefined,
  embedded: Uint8Array,
  recordedRelease: string | undefined,
  reference: KernelReference | undefined,
): KernelSymbols | undefined {
  const symbols = tableFor(path, embedded, recordedRelease);
  if (!symbols?.usable || !reference) return symbols;
  const own = symbols.addressOf(reference.symbol);
  if (own && (own.hi !== reference.hi || own.lo !== reference.lo)) symbols.relocate(own, reference);
  return symbols;
}

function tableFor(path: string | undefined, embedded: Uint8Array, recordedRelease: string | undefined) {
  if (path !== undefined) {
    try {
      return new KernelSymbols(readWhole(path));
    } catch (error) {
      throw new CaptureError(`${path}: the kernel symbols cannot be read: ${fileProblem(error)}`);
    }
  }
  if (embedded.length > 0) return new KernelSymbols(embedded);
  if (recordedRelease === undefined || recordedRelease !== release()) return undefined;
  try {
    return new KernelSymbols(readWhole(OWN_KALLSYMS));
  } catch {
    return undefined;
  }
}

/**
 * A file of /proc has no size, and each read gives a page of it: readFileSync, which takes a new buffer for each, needs three
 * times as long (135 ms against 43 ms for 122,000 symbols).
 */
function readWhole(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    let bytes = new Uint8Array(FIRST_BYTES);
    let length = 0;
    for (;;) {
      if (length === bytes.length) {
        const grown = new Uint8Array(bytes.length * 2);
        grown.set(bytes);
        bytes = grown;
      }
      const count = readSync(file, bytes, length, bytes.length - length, null);
      if (count === 0) return bytes.subarray(0, length);
      length += count;
    }
  } finally {
    closeSync(file);
  }
}
