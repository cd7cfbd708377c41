/** Durations and shares as people type them. */
import { UsageError } from './exit-status.ts';

const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  min: 60e9,
  h: 3600e9,
};

/** `21s`, `500ms`, `2m`; a bare number is seconds. @returns nanoseconds @throws UsageError */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-zµ]*)$/.exec(text.trim());
  const unit = UNIT_NS[match?.[2] || 's'];
  if (!match || unit === undefined) throw new UsageError(`${text}: not a duration; write 21s, 500ms or 2m`);
  return Math.round(Number(match[1]) * unit);
}

/** `50%` or `0.5`. @returns 0…1 @throws UsageError */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(\s*%)?$/.exec(text.trim());
  const share = match ? Number(match[1]) / (match[2] ? 100 : 1) : Number.NaN;
  if (!(share >= 0 && share <= 1)) throw new UsageError(`${text}: not a share; write 50% or 0.5`);
  return share;
}
