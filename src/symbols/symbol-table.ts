/** Addresses of the functions of an object file, as `nm` lists them. */
import { runTool, SymbolsError } from './tools.ts';

export interface FunctionSymbol {
  readonly address: bigint;
  /** 0 when the table does not tell. */
  readonly size: bigint;
}

/** Text symbols, defined ones: t, T, w, W, i. */
const LINE = /^([0-9a-f]+) (?:([0-9a-f]+) )?[tTwWi] (\S+)$/;

/**
 * Functions by name; of several of one name all of them, because only the size in `func+0xoff/0xsize` tells them apart.
 * @throws SymbolsError when the file has no symbols
 */
export function readFunctions(path: string): ReadonlyMap<string, readonly FunctionSymbol[]> {
  const functions = new Map<string, FunctionSymbol[]>();
  for (const line of runTool(['nm', 'llvm-nm'], ['-S', '--defined-only', path], '').split('\n')) {
    const match = LINE.exec(line);
    if (!match) continue;
    const symbol = { address: BigInt(`0x${match[1]}`), size: match[2] === undefined ? 0n : BigInt(`0x${match[2]}`) };
    const known = functions.get(match[3]);
    if (known) known.push(symbol);
    else functions.set(match[3], [symbol]);
  }
  if (functions.size === 0)
    throw new SymbolsError(`${path}: has no symbols; the file with debug information is needed`);
  return functions;
}
