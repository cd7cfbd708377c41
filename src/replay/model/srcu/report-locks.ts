/** Every lock that a report of the kernel log names: what is held, wanted, or part of a chain. */
import type { LogLock, LogReport } from '../../../../schema/index.ts';

export function locksIn(report: LogReport): LogLock[] {
  switch (report.kind) {
    case 'lockdep-circular':
      return [report.acquiring, report.holding, ...report.held, ...report.chain.map(({ lock }) => lock)];
    case 'lockdep-irq-order':
    case 'lockdep-recursion':
      return [report.acquiring, report.holding, ...report.held];
    case 'lockdep-irq-inversion':
    case 'lockdep-irq-state':
    case 'lockdep-wait-context':
      return [report.lock, ...report.held];
    case 'held-locks':
      return report.tasks.flatMap(({ locks }) => locks);
    case 'hung-task':
      return [...(report.held ?? [])];
    default:
      return [];
  }
}
