/** Durations and shares as people type them. */
import { UsageError } from '../exit-status.ts';

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

const AGE_MS: Readonly<Record<string, number>> = { m: 60e3, h: 3600e3, d: 86_400e3, w: 7 * 86_400e3 };

/** `7d`, `12h`, `2w`: how long ago; or a day or time of the calendar. @returns UTC, ISO 8601 @throws UsageError */
export function parseAge(text: string, nowMs = Date.now()): string {
  const match = /^(\d+)([mhdw])$/.exec(text.trim());
  const atMs = match ? nowMs - Number(match[1]) * AGE_MS[match[2]] : dateMs(text.trim());
  if (!Number.isFinite(atMs)) throw new UsageError(`${text}: not an age; write 7d, 12h, 2w or 2026-12-01`);
  return new Date(atMs).toISOString();
}

function dateMs(text: string): number {
  return /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
}

/** `50%` or `0.5`. @returns 0…1 @throws UsageError */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(\s*%)?$/.exec(text.trim());
  const share = match ? Number(match[1]) / (match[2] ? 100 : 1) : Number.NaN;
  if (!(share >= 0 && share <= 1)) throw new UsageError(`${text}: not a share; write 50% or 0.5`);
  return share;
}
