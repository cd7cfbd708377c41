/** Whether an interrupt came from user mode, by the stack inside it. */
import { type Dictionary, FRAME_WIDTH, FrameAt } from '../../../../schema/index.ts';
import { INTERRUPT_ENTRY, plainSymbol } from './interrupt-frames.ts';

/**
 * A kernel stack that ends with the entry code of the interrupt, or goes on in user frames (perf call chains), interrupted user mode.
 * @returns false when the kernel was interrupted, or no entry code is in the stack
 */
export function interruptsUserMode(dictionary: Dictionary, stack: number): boolean {
  const frames = dictionary.stackFrames(stack);
  const symbols = dictionary.stackSymbols(stack);
  const entry = symbols.findLastIndex((symbol) => INTERRUPT_ENTRY.test(plainSymbol(symbol)));
  if (entry < 0) return false;
  const outer = entry + 1;
  return (
    outer === frames.length ||
    isUserFrame(dictionary.string(dictionary.frames[frames[outer] * FRAME_WIDTH + FrameAt.module]))
  );
}

/** Modules of user frames are paths, `[vdso]`, or unknown; those of the kernel are bare names. */
function isUserFrame(module: string): boolean {
  return module === 'unknown' || module.startsWith('/') || (module.startsWith('[') && !module.startsWith('[kernel'));
}
