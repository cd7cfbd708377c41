/** Instants of a recording as people type them. */
import type { Store } from '../../jobs/store.ts';
import { UsageError } from '../exit-status.ts';
import { parseDuration } from './durations.ts';

export const INSTANTS_HELP =
  'Instants are seconds of the recording (28.75), from its start (+1.5), or after an event (event:2998).';

type Instant = { readonly ns: number; readonly fromStart: boolean } | { readonly event: number };

/** `28.75`, `+1.5` or `event:2998`; undefined for what is none of them. */
export function instantOf(text: string): Instant | undefined {
  const event = /^event:(\d{1,15})$/.exec(text);
  if (event) return { event: Number(event[1]) };
  const match = /^(\+?)(\d+(?:\.\d+)?\s*[a-zµ]*)$/.exec(text.trim());
  if (!match) return undefined;
  try {
    return { ns: parseDuration(match[2]), fromStart: match[1] === '+' };
  } catch {
    return undefined;
  }
}

/**
 * The instant on the run's timeline, ns.
 * @param run default: the latest
 * @throws UsageError, StoreError
 */
export function timeOf(store: Store, text: string, run: number | undefined): number {
  const instant = instantOf(text);
  if (instant === undefined) throw new UsageError(`${text}: not an instant; write 28.75, +1.5 or event:1234`);
  if ('ns' in instant) return instant.fromStart ? store.run(run).first_ns + instant.ns : instant.ns;
  for (const { event, ts_ns } of store.events(run === undefined ? {} : { run }))
    if (event === instant.event) return ts_ns;
  throw new UsageError(`${text}: the run has no such event`);
}
