/** Panics for a stall or a hung task of which the log holds no report: pstore keeps the end of a log only. */
import type { Finding } from '../../../../../schema/index.ts';
import { notesOf } from '../../../core/note.ts';
import type { Panic } from '../../../model/log/log.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { identified } from '../../finding-id.ts';
import { reportEvidence } from '../evidence.ts';

/** Where the report itself is in the log, it says more. */
export function detectLogPanics(log: LogRecord): Finding[] {
  const told = { 'rcu-stall': log.stalls.length > 0, 'hung-task': log.hung.length > 0 };
  return (['rcu-stall', 'hung-task'] as const).flatMap((why) => {
    const panics = log.panics.filter((panic) => panic.why === why);
    return panics.length > 0 && !told[why] ? [panicFinding(log, why, panics)] : [];
  });
}

function panicFinding(log: LogRecord, why: Panic['why'], panics: readonly Panic[]): Finding {
  const common = {
    severity: 'error',
    confidence: 'reported',
    start_ns: panics[0].tsNs,
    end_ns: panics[panics.length - 1].tsNs,
    evidence: reportEvidence(log, panics, 'the kernel panics'),
  } as const;
  if (why === 'rcu-stall')
    return identified({
      ...common,
      kind: 'rcu-stall',
      title: 'a grace period stalled and the kernel panicked; which CPU or reader held it up is not in the log',
      notes: notesOf([
        'kernel.panic_on_rcu_stall is set: the warning above the panic names the holdouts, and this log does not hold it',
      ]),
      flavor: 'rcu',
      gp_seq: null,
      cpus: [],
      tasks: [],
      cause: 'unknown',
    });
  return identified({
    ...common,
    kind: 'hung-task',
    title: 'a task was blocked for longer than the timeout and the kernel panicked; which task is not in the log',
    notes: notesOf([
      'kernel.hung_task_panic is set: the report above the panic names the task and its stack, and this log does not hold it',
    ]),
    task: 'unknown',
    tid: -1,
    blocked_ns: 0,
    chain: [],
  });
}
