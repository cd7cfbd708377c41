/** Exit statuses (DESIGN "Command line") and the errors that lead to them. */
import { CaptureError, RequestError } from '../../schema/index.ts';
import { FleetError } from '../fleet/sink.ts';
import { StoreError } from '../store/store-error.ts';
import { SymbolsError } from '../symbols/tools.ts';
import { Interrupted } from './terminal/interrupt.ts';
import { OutputError } from './terminal/outlet.ts';

export const EXIT_OK = 0;
/** Findings at or above --fail-on. */
export const EXIT_FINDINGS = 1;
export const EXIT_USAGE = 2;
/** The input cannot be read, or is no capture. */
export const EXIT_INPUT = 3;
/** The store is damaged or locked, or something cannot be written. */
export const EXIT_STORE = 4;
/** A defect of quiesce itself. */
export const EXIT_INTERNAL = 70;
/** Ended by Ctrl-C, as shells report it; SIGHUP and SIGTERM have their own. */
const EXIT_INTERRUPTED = 130;

/** Wrong arguments. The message names the argument and what was expected. */
export class UsageError extends RequestError {
  override readonly name = 'UsageError';
}

export function exitStatusOf(error: unknown): number {
  if (error instanceof RequestError) return EXIT_USAGE;
  if (error instanceof CaptureError || error instanceof SymbolsError) return EXIT_INPUT;
  if (error instanceof StoreError || error instanceof FleetError || error instanceof OutputError) return EXIT_STORE;
  if (error instanceof Interrupted) return error.status;
  if (error instanceof Error && error.name === 'AbortError') return EXIT_INTERRUPTED;
  return EXIT_INTERNAL;
}
