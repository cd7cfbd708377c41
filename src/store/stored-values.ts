/**
 * Values as they come out of a store, checked once: SQLite keeps any value in any column, and the bytes of a file may change. What is not as
 * it was written is a RangeError, which readers turn into a StoreError.
 */
import {
  DIAGNOSTICS,
  FINDING_KINDS,
  type Finding,
  type KernelProfile,
  type LogReport,
  type Thresholds,
} from '../../schema/index.ts';

/** Tells whether a value is of a kind. */
type Check = (value: unknown) => boolean;

export const INTEGER: Check = (value) => Number.isSafeInteger(value);
export const TEXT: Check = (value) => typeof value === 'string';
export const NUMBER: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const BOOLEAN: Check = (value) => typeof value === 'boolean';
export const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
export const oneOf =
  (values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

/** An object of these keys; one with a `?` may be missing. Further keys are let through: a later version may have written them. */
function objectOf(keys: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(keys).map(([key, check]) => ({
    key: key.replace(/\?$/, ''),
    optional: key.endsWith('?'),
    check,
  }));
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    entries.every(({ key, optional, check }) => {
      const found = (value as Record<string, unknown>)[key];
      return found === undefined ? optional : check(found);
    });
}

/** @throws RangeError naming the table and the column */
export function checkedRow<T>(row: unknown, table: string, columns: Readonly<Record<string, Check>>): T {
  const values = row as Record<string, unknown>;
  for (const [column, check] of Object.entries(columns))
    if (!check(values[column])) throw new RangeError(`table ${table}, column ${column}: a value of another kind`);
  return row as T;
}

/** @throws RangeError */
export function checkedValues<T>(values: unknown[], place: string, check: Check): T[] {
  for (const value of values) if (!check(value)) throw new RangeError(`${place}: a value of another kind`);
  return values as T[];
}

function parsed<T>(text: unknown, place: string, check: Check): T {
  let value: unknown;
  try {
    value = typeof text === 'string' ? JSON.parse(text) : undefined;
  } catch {
    // As any other text that is not what was written.
  }
  if (!check(value)) throw new RangeError(`${place}: not as it was written`);
  return value as T;
}

const PROFILE: Check = objectOf({
  'release?': TEXT,
  'atLeast?': TEXT,
  'hz?': NUMBER,
  'rt?': BOOLEAN,
  'preemptRcu?': BOOLEAN,
  'proveRcu?': BOOLEAN,
  'rawLockNesting?': BOOLEAN,
  'rcuStallTimeoutS?': NUMBER,
  'hungTaskTimeoutS?': NUMBER,
  'wqWatchdogThreshS?': NUMBER,
  'possibleCpus?': NUMBER,
  'x86?': BOOLEAN,
  'timeUnit?': oneOf(['ticks']),
  'srcuUsages?': (value) => objectOf({})(value) && Object.values(value as object).every(TEXT),
});

export function parsedProfile(text: unknown): KernelProfile {
  return parsed(text, 'kernel profile of a run', PROFILE);
}

const OPTIONAL_THRESHOLDS = {
  'rcuStallNs?': NUMBER,
  'irqStormShare?': NUMBER,
  'softirqStormShare?': NUMBER,
  'workqueueStallNs?': NUMBER,
};
const THRESHOLDS: Check = objectOf({
  ...OPTIONAL_THRESHOLDS,
  hungTaskNs: NUMBER,
  blockedSyncNs: NUMBER,
  nmiStormShare: NUMBER,
  nmiStormWindowNs: NUMBER,
});
const GIVEN_THRESHOLDS: Check = objectOf({
  ...OPTIONAL_THRESHOLDS,
  'hungTaskNs?': NUMBER,
  'blockedSyncNs?': NUMBER,
  'nmiStormShare?': NUMBER,
  'nmiStormWindowNs?': NUMBER,
});

export function parsedGivenThresholds(text: unknown): Partial<Thresholds> {
  return parsed(text, 'thresholds given for a run', GIVEN_THRESHOLDS);
}

export function parsedThresholds(text: unknown): Thresholds {
  return parsed(text, 'thresholds of a run', THRESHOLDS);
}

const RANGE = objectOf({ to: INTEGER, 'events?': listOf(TEXT), 'cpu?': INTEGER, 'tid?': INTEGER });
const EVENT_EVIDENCE = objectOf({ event: INTEGER, role: TEXT, 'range?': RANGE });
const LINE_EVIDENCE = objectOf({ line: INTEGER, role: TEXT, 'text?': TEXT, 'stack?': listOf(TEXT) });
const LINK = objectOf({
  kind: TEXT,
  name: TEXT,
  blame_ns: NUMBER,
  'note?': TEXT,
  'parent?': INTEGER,
  'rules?': listOf(TEXT),
});
/** What all kinds have, and the chain that many have. */
const FINDING: Check = objectOf({
  id: TEXT,
  kind: oneOf(FINDING_KINDS),
  severity: oneOf(['error', 'warning', 'info']),
  confidence: oneOf(['reported', 'observed', 'inferred', 'predicted']),
  title: TEXT,
  start_ns: NUMBER,
  end_ns: NUMBER,
  evidence: listOf((value) => EVENT_EVIDENCE(value) || LINE_EVIDENCE(value)),
  notes: listOf(objectOf({ text: TEXT, rules: listOf(TEXT) })),
  'chain?': listOf(LINK),
});

export function parsedFinding(text: unknown): Finding {
  return parsed(text, 'a finding', FINDING);
}

export function parsedTexts(text: unknown, place: string): string[] {
  return parsed(text, place, listOf(TEXT));
}

/** Ids of frames. */
export function parsedIds(text: unknown): number[] {
  return parsed(text, 'a stack', listOf(INTEGER));
}

const REPORT: Check = objectOf({
  kind: TEXT,
  tsNs: NUMBER,
  line: INTEGER,
  endLine: INTEGER,
  'cpu?': INTEGER,
  'headline?': TEXT,
  'stack?': listOf(TEXT),
  'frames?': listOf(TEXT),
  'task?': objectOf({ comm: TEXT, tid: NUMBER }),
});

export function parsedReport(text: unknown): LogReport {
  return parsed(text, 'a report of the kernel log', REPORT);
}

export const EVENT_SHAPE: Check = oneOf(['tracepoint', 'kprobe', 'kretprobe', 'syscall', 'sample', 'marker']);
export const FIELD_TYPE: Check = oneOf(['int', 'hex', 'ptr', 'str']);
export const FINDING_KIND: Check = oneOf(FINDING_KINDS);
export const ASSESSMENT_STATUS: Check = oneOf(['assessed', 'partial', 'not-assessed']);
export const DIAGNOSTIC_CODE: Check = (value) => typeof value === 'string' && Object.hasOwn(DIAGNOSTICS, value);
