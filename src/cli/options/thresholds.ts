/** `--threshold KIND=VALUE`: from when on something is a finding. A kind may come several times; the last of equals wins. */
import type { Thresholds } from '../../../schema/index.ts';
import { UsageError } from '../exit-status.ts';
import { parseDuration, parseShare } from './durations.ts';

type Field = keyof Thresholds;

interface ThresholdKind {
  /** Field that a duration sets; `3s`. */
  readonly duration: Field;
  /** Field that a share sets; `50%`. */
  readonly share?: Field;
  readonly help: string;
}

/** By kind of finding. */
const KINDS: Readonly<Record<string, ThresholdKind>> = {
  'rcu-stall': { duration: 'rcuStallNs', help: "a grace period older than this (default: the kernel's rule)" },
  'hung-task': { duration: 'hungTaskNs', help: "a task blocked for longer (default: the log's, else 120s)" },
  'blocked-sync': { duration: 'blockedSyncNs', help: 'a synchronize_* call blocked for longer (default: 1s)' },
  'workqueue-stall': {
    duration: 'workqueueStallNs',
    help: "a work item that waits longer for a worker (default: the log's, else 30s)",
  },
  'nmi-storm': {
    duration: 'nmiStormWindowNs',
    share: 'nmiStormShare',
    help: 'share of a CPU (default: 50%) over at least that time (default: 1s, one for all storms)',
  },
  'irq-storm': { duration: 'nmiStormWindowNs', share: 'irqStormShare', help: 'the same for interrupts' },
  'softirq-storm': { duration: 'nmiStormWindowNs', share: 'softirqStormShare', help: 'the same for softirqs' },
};

/** The kinds and what they take, for `--help`. */
export const THRESHOLD_HELP = Object.entries(KINDS)
  .map(([kind, { help }]) => `  ${kind.padEnd(16)} ${help}`)
  .join('\n');

/** @throws UsageError naming the kinds there are, or what a kind takes */
export function parseThreshold(text: string, before: Partial<Thresholds> = {}): Partial<Thresholds> {
  const at = text.indexOf('=');
  const name = (at < 0 ? text : text.slice(0, at)).trim();
  const kind = KINDS[name];
  if (kind === undefined || at < 0)
    throw new UsageError(`${text}: KIND=VALUE expected; kinds: ${Object.keys(KINDS).join(', ')}`);
  const value = text.slice(at + 1).trim();
  const isShare = kind.share !== undefined && (value.endsWith('%') || /^(?:0?\.\d+|[01])$/.test(value));
  if (isShare && kind.share !== undefined) return { ...before, [kind.share]: parseShare(value) };
  return { ...before, [kind.duration]: parseDuration(value) };
}
