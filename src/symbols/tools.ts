/** binutils and LLVM, whichever is installed. */
import { spawnSync } from 'node:child_process';
import { QuiesceError } from '../../schema/index.ts';

/** Symbols were asked for and cannot be had. */
export class SymbolsError extends QuiesceError {
  override readonly name = 'SymbolsError';
}

const MAX_OUTPUT = 1 << 30;

/**
 * Runs the first tool that is installed, once, with all of its input.
 * @throws SymbolsError when none is, or it fails
 */
export function runTool(names: readonly string[], args: readonly string[], input: string): string {
  for (const name of names) {
    const { error, status, stdout, stderr } = spawnSync(name, args, { input, encoding: 'utf8', maxBuffer: MAX_OUTPUT });
    if (error !== undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') continue;
    if (error !== undefined) throw new SymbolsError(`${name}: ${error.message}`);
    if (status !== 0) throw new SymbolsError(`${name}: ${stderr.trim().split('\n')[0].replace(`${name}: `, '')}`);
    return stdout;
  }
  throw new SymbolsError(`${names.join(' and ')} are not installed: install binutils or LLVM`);
}
