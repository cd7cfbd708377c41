/** What the models know of srcu_structs together: whose runs those of a work item are, and readers that only the kernel's log names. */
import type { LogModel } from '../model/log/log.ts';
import { domainOfWork, plainName, type SrcuIdentity } from '../model/srcu/identity.ts';
import type { SyncWait } from '../model/sync/sync-wait.ts';
import type { WorkExecution } from '../model/work/workqueue.ts';

/** A task that the kernel's list of held locks shows inside a read-side section. */
export interface LoggedReader {
  readonly tid: number;
  readonly label: string;
  /** Name of the lock class, which is that of the srcu_struct. */
  readonly lock: string;
  readonly tsNs: number;
  /** The console event of the list, 0 for a line of a log. */
  readonly event: number;
}

/**
 * Runs of process_srcu; those without a named struct, when somebody waits for the struct of their work item, are that struct's (a caller that
 * is woken by its callbacks shows it, S3.16).
 */
export function namedRuns(
  runs: readonly WorkExecution[],
  waits: readonly SyncWait[],
  identity: SrcuIdentity,
): WorkExecution[] {
  const awaited = new Set(waits.map((wait) => wait.domain));
  return runs.map((run) => {
    if (run.domain !== undefined || run.implied) return run;
    const domain = identity.resolve(domainOfWork(run.work));
    return awaited.has(domain) ? { ...run, domain } : run;
  });
}

/** Everybody in the log's lists of held locks, with the locks that are named as a srcu_struct is. */
export function loggedReaders(log: LogModel): LoggedReader[] {
  return [...log.held.values()].flatMap(({ task, locks, tsNs, line }) =>
    locks.map((lock) => ({
      tid: task.tid,
      label: `${task.comm}:${task.tid}`,
      lock: lock.name,
      tsNs,
      event: line > 0 ? 0 : (log.consoleEvents.get(tsNs) ?? 0),
    })),
  );
}

/** Whether the lock is held by readers of that struct: lockdep names the map after it (include/linux/srcu.h, S3.3). */
export function isReaderOf(reader: LoggedReader, domain: string): boolean {
  return domain !== '' && reader.lock === plainName(domain);
}
