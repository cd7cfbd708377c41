/**
 * What can be wrong with an input, as one list: every skipped line or record has a code of this list, is counted, and its
 * first example is kept with its place. Stored in `import_issue`, printed at the end of an ingest, `--json` `import.issues`.
 */

export interface DiagnosticSpec {
  /** `data-loss`: conclusions near it are marked incomplete · `skipped`: the record was left out · `note`: nothing is missing. */
  readonly severity: 'data-loss' | 'skipped' | 'note';
  /** What the user can do, one sentence. */
  readonly advice: string;
}

export const DIAGNOSTICS = {
  'line-unreadable': {
    severity: 'skipped',
    advice: 'Lines that fit no known layout are left out; a cut last line is usual when the recorder was killed.',
  },
  'line-too-long': {
    severity: 'skipped',
    advice: 'A text line of more than 1 MiB is no trace record; check that the file is not binary.',
  },
  truncated: {
    severity: 'data-loss',
    advice: 'The capture ends in the middle of a record; copy it again if it should be complete.',
  },
  'data-damaged': {
    severity: 'data-loss',
    advice:
      'The compressed data is damaged: what comes after the damage is missing, and where a checksum is wrong some of what comes before is wrong; copy the capture again.',
  },
  'record-malformed': {
    severity: 'skipped',
    advice: 'A record contradicts its own header; the file is damaged there.',
  },
  'page-malformed': {
    severity: 'data-loss',
    advice: 'A ring-buffer page is damaged; the rest of the page is left out.',
  },
  'events-lost': {
    severity: 'data-loss',
    advice:
      'The recorder overwrote or dropped events: record again with a larger buffer (trace-cmd record -b, perf record -m).',
  },
  'names-too-many': {
    severity: 'note',
    advice:
      'More names of fields or events than any kernel has: values of further fields are in the field text, further events are print records or samples under one name.',
  },
  'left-out': {
    severity: 'note',
    advice: 'Records that --from, --to, --cpu and --event leave out: what they would show counts as not recorded.',
  },
  'loss-unsized': {
    severity: 'note',
    advice: 'Gaps of which nothing says how many events they lost count as one event each: the count is a lower bound.',
  },
  'time-backwards': {
    severity: 'note',
    advice:
      'Records are out of time order; they are kept in the order of the file. Record with a global clock (trace-cmd record -C mono).',
  },
  'unknown-event-id': {
    severity: 'skipped',
    advice: 'The capture has no format for this event id; record with trace-cmd or perf of the same kernel.',
  },
  'field-unreadable': {
    severity: 'note',
    advice: 'A field did not have the form that its event prints; the event is kept without it.',
  },
  'format-unparsable': {
    severity: 'note',
    advice: 'An embedded event format could not be read; its events are kept with their raw size only.',
  },
  'symbols-missing': {
    severity: 'note',
    advice:
      'Addresses could not be turned into function names; give --kallsyms with the symbols of the recorded kernel.',
  },
  'clock-unaligned': {
    severity: 'note',
    advice: 'The captures share no record that would align their clocks; they stay on timelines of their own.',
  },
  'aux-undecoded': {
    severity: 'note',
    advice:
      'AUX records (Intel PT, Arm ETM) need an instruction decoder: what they recorded is in `perf script --itrace=… | quiesce replay -` only.',
  },
  'aux-truncated': {
    severity: 'note',
    advice:
      'The AUX buffer was full, and what the CPU traced in the meantime is lost (no events: those have a buffer of their own); record with a larger one (perf record -m ,64M).',
  },
  'clock-ticks': {
    severity: 'note',
    advice:
      'The trace clock counts ticks, not time, so nothing that depends on durations is concluded; record with a clock that counts nanoseconds (trace-cmd record -C mono).',
  },
  unsupported: { severity: 'skipped', advice: 'This part of the capture is of a kind that is not read.' },
  'line-repeated': {
    severity: 'note',
    advice: 'The console printed messages a second time (a late console, a panic); the second printing is left out.',
  },
  'report-unread': {
    severity: 'skipped',
    advice:
      'Lines look like kernel reports but could not be read: paste the log as text, unbroken (dmesg > FILE), and report the form if it is a usual one.',
  },
  'report-not-judged': {
    severity: 'note',
    advice: 'The kernel also reported things that are not about RCU, locks or stalls: they are named here, not judged.',
  },
  'log-report-cut': {
    severity: 'note',
    advice: 'A kernel report ends early or is mixed with other output; what could be read of it is used.',
  },
} as const satisfies Record<string, DiagnosticSpec>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;

/** Where in a capture: exactly one of line and byte. */
export type Place = { readonly line: number } | { readonly byte: number };

/** One code as counted over a capture. */
export interface ImportIssue {
  readonly kind: DiagnosticCode;
  readonly capture: string;
  count: number;
  readonly first: Place & { readonly text: string };
}

/** Whether the number of lost events is a lower bound: there are gaps of unknown size. */
export function isLowerBound(issues: readonly ImportIssue[]): boolean {
  return issues.some(({ kind }) => kind === 'loss-unsized');
}

/** Counts problems of one capture; parsers write to it, ingest reads it. */
export class DiagnosticSink {
  readonly capture: string;
  readonly issues = new Map<DiagnosticCode, ImportIssue>();

  constructor(capture: string) {
    this.capture = capture;
  }

  /** @param text excerpt of the offending input; cut to 160 characters. */
  report(kind: DiagnosticCode, place: Place, text: string, count = 1): void {
    const issue = this.issues.get(kind);
    if (issue) issue.count = Math.min(issue.count + count, Number.MAX_SAFE_INTEGER);
    else this.issues.set(kind, { kind, capture: this.capture, count, first: { ...place, text: text.slice(0, 160) } });
  }
}
