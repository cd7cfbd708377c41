/**
 * Locks and RCU used against their rules, as lockdep reported it (MODEL 7.2; kernel/locking/lockdep.c print_unlock_imbalance_bug,
 * print_freed_lock_bug, lockdep_sys_exit, debug_check_no_locks_held, register_lock_class, lockdep_rcu_suspicious; kernel/workqueue.c
 * process_one_work).
 */

import type { Finding, LockMisuseKind } from '../../../../../schema/index.ts';
import { background, notesOf } from '../../../core/note.ts';
import type { MisuseReport } from '../../../model/log/log.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { identified } from '../../finding-id.ts';
import { reportEvidence } from '../evidence.ts';
import { callers } from './locks.ts';

interface MisuseRule {
  readonly title: RegExp;
  readonly misuse: LockMisuseKind;
  /** What the task did, behind its name. */
  readonly did: string;
  readonly rule: string;
}

/** By the report's title. */
const MISUSES: readonly MisuseRule[] = [
  {
    title: /^bad (?:unlock balance|contention)/,
    misuse: 'unbalanced-unlock',
    did: 'releases a lock that it does not hold',
    rule: 'a lock is released by the task that acquired it, once',
  },
  {
    title: /^held lock freed/,
    misuse: 'freed-held',
    did: 'frees memory that contains a held lock',
    rule: 'a lock is released before its memory is freed',
  },
  {
    title: /^lock held when returning to user/,
    misuse: 'held-in-user',
    did: 'returns to user mode with a lock held',
    rule: 'a system call releases every lock that it acquires',
  },
  {
    title: /still has locks held|^lock held at task exit/,
    misuse: 'held-at-exit',
    did: 'exits or freezes with a lock held',
    rule: 'a task releases its locks before it exits',
  },
  {
    title: /^Nested lock was not taken/,
    misuse: 'not-nested',
    did: 'acquires a nested lock without the lock that it nests in',
    rule: 'nest_lock names a lock that the task already holds',
  },
  {
    title: /^trying to register non-static key/,
    misuse: 'non-static-key',
    did: 'acquires a lock whose key is not in static memory',
    rule: 'a lock is initialised before use, and its key is static or registered',
  },
  {
    title: /^workqueue leaked/,
    misuse: 'leaked-by-work',
    did: 'ran a work item that returned with a lock, a preemption count or an RCU reader held',
    rule: 'a work item leaves no lock, preemption count or reader behind',
  },
];

/** What must protect an access, by the words of the check. */
const READERS: readonly (readonly [RegExp, string])[] = [
  [/Illegal context switch/, 'no sleep inside an RCU read-side section: the reader must end before'],
  [/srcu_dereference/, 'srcu_read_lock() of the struct is missing'],
  [/rcu_dereference_bh|rcu_bh/, 'rcu_read_lock_bh() is missing'],
  [/rcu_dereference_sched/, 'rcu_read_lock_sched(), or preemption disabled, is missing'],
  [/rcu_dereference_protected/, 'the lock of the update side is missing'],
  [/RCU-list traversed|rcu_dereference/, 'rcu_read_lock(), or the lock that the check names, is missing'],
];

export function detectLogMisuse(log: LogRecord): Finding[] {
  const findings = new Map<string, Finding>();
  for (const report of log.misuses) {
    const finding = isRcuUsage(report) ? rcuUsage(log, report) : lockMisuse(log, report);
    if (!finding) continue;
    const known = findings.get(finding.id);
    findings.set(
      finding.id,
      known
        ? {
            ...known,
            end_ns: Math.max(known.end_ns, finding.end_ns),
            evidence: [...known.evidence, ...finding.evidence],
          }
        : finding,
    );
  }
  return [...findings.values()];
}

const isRcuUsage = ({ title }: MisuseReport): boolean => /^suspicious (?:RCU usage|rcu_)/.test(title);

const taskOf = ({ task }: MisuseReport): string =>
  task ? `${task.comm}:${task.tid}` : 'a task that the report does not name';

function common(log: LogRecord, report: MisuseReport) {
  const { task, tsNs } = report;
  return {
    severity: 'error' as const,
    confidence: 'reported' as const,
    start_ns: tsNs,
    end_ns: tsNs,
    evidence: reportEvidence(log, [report], `lockdep reports it, ${taskOf(report)}`),
    ...(task && { task: task.comm, tid: task.tid }),
  };
}

function rcuUsage(log: LogRecord, report: MisuseReport): Finding {
  const detail = /^(\S+:\d+) (.*?)[!.]*$/.exec(report.detail ?? '');
  const at = callers(report.stack);
  const site = detail?.[1] ?? (at.split(' ')[0] || 'unknown');
  const message = detail?.[2] ?? report.detail ?? report.title;
  const held = (report.held ?? []).map((lock) => lock.name);
  const reader = READERS.find(([words]) => words.test(message))?.[1];
  return identified({
    kind: 'rcu-usage',
    ...common(log, report),
    title: `lockdep: ${message} at ${site}${report.task ? ` in ${taskOf(report)}` : ''}`,
    notes: notesOf([
      `headline: ${report.title}`,
      ...(reader === undefined ? [] : [reader]),
      held.length > 0 ? `held: ${held.join(', ')}` : 'the report lists no lock as held',
      ...(at === '' ? [] : [at]),
    ]),
    site,
    message,
    held,
  });
}

function lockMisuse(log: LogRecord, report: MisuseReport): Finding | undefined {
  const row = MISUSES.find(({ title }) => title.test(report.title));
  if (!row) return undefined;
  const held = report.held ?? [];
  const locks = (report.locks.length > 0 ? report.locks : held).map((lock) => lock.name).filter((name) => name !== '');
  const at = callers(report.stack);
  return identified({
    kind: 'lock-misuse',
    ...common(log, report),
    title: `lockdep: ${taskOf(report)} ${row.did}${locks.length > 0 ? `: ${locks.join(', ')}` : ''}`,
    notes: notesOf([
      `headline: ${report.title}`,
      background(`what lockdep checks: ${row.rule}`),
      ...(report.detail === undefined ? [] : [report.detail]),
      ...(at === '' ? [] : [at]),
    ]),
    locks,
    misuse: row.misuse,
  });
}
