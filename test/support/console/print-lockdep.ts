/** Lock reports in the kernel's wording; the counterpart of LockdepBuilder (parsers/console). */
import type { LogFrames, LogLock, LogReport, LogStack } from '../../../schema/index.ts';
import { formatLock, formatStack } from './print-parts.ts';

type LockdepReport = Extract<LogReport, { kind: `lockdep-${string}` }>;

/** Every lockdep report but `lockdep-off`, which is one line. */
export function formatLockdep(report: Exclude<LockdepReport, { kind: 'lockdep-off' }>): string[] {
  const lines = ['', '======================================================', title(report)];
  lines.push('------------------------------------------------------');
  lines.push(...body(report), ...ending(report));
  return lines;
}

function title(report: Exclude<LockdepReport, { kind: 'lockdep-off' }>): string {
  switch (report.kind) {
    case 'lockdep-circular':
      return 'WARNING: possible circular locking dependency detected';
    case 'lockdep-recursion':
      return 'WARNING: possible recursive locking detected';
    case 'lockdep-irq-order': {
      const irq = report.irq.toUpperCase();
      return `WARNING: ${irq}-safe -> ${irq}-unsafe lock order detected`;
    }
    case 'lockdep-irq-inversion':
      return 'WARNING: possible irq lock inversion dependency detected';
    case 'lockdep-irq-state':
      return 'WARNING: inconsistent lock state';
    case 'lockdep-wait-context':
      return '[ BUG: Invalid wait context ]';
    case 'lockdep-misuse':
      return `${/^(?:spinlock|rwlock|workqueue) /.test(report.title) ? 'BUG' : 'WARNING'}: ${report.title}`;
  }
}

const frames = (stack: LogStack | undefined, printed: LogFrames | undefined) =>
  printed ?? (stack ?? []).map((symbol) => `       ${symbol}+0x0/0x1`);

/** A class listed without its usage letters. */
const named = (name: string) => ` (${name}){....}-{0:0}`;

function body(report: Exclude<LockdepReport, { kind: 'lockdep-off' }>): string[] {
  const name = report.task ? `${report.task.comm}/${report.task.tid}` : '';
  switch (report.kind) {
    case 'lockdep-circular':
      return [
        `${name} is trying to acquire lock:`,
        formatLock(report.acquiring),
        ...held('but task is already holding lock:', report.holding),
        'which lock already depends on the new lock.',
        'the existing dependency chain (in reverse order) is:',
        ...report.chain
          .map((entry, k) => ['', `-> #${k}${formatLock(entry.lock)}:`, ...frames(entry.stack, entry.frames)])
          .toReversed()
          .flat(),
        '',
        'other info that might help us debug this:',
      ];
    case 'lockdep-recursion':
      return [
        `${name} is trying to acquire lock:`,
        formatLock(report.acquiring),
        ...held('but task is already holding lock:', report.holding),
        'other info that might help us debug this:',
      ];
    case 'lockdep-wait-context':
      return [
        `${name} is trying to lock:`,
        formatLock(report.lock),
        'other info that might help us debug this:',
        ...(report.context === undefined ? [] : [`context-{${report.context}:${report.context}}`]),
      ];
    case 'lockdep-irq-state':
      return [
        ...(report.from ? [`inconsistent {${report.from}} -> {${report.to}} usage.`] : []),
        `${name} [HC0[0]:SC0[0]:HE1:SE1] takes:`,
        formatLock(report.lock),
        ...(report.registered
          ? [`{${report.from}} state was registered at:`, ...frames(report.registered, report.registeredFrames)]
          : []),
        'other info that might help us debug this:',
      ];
    case 'lockdep-irq-inversion': {
      const irq = report.irq.toUpperCase();
      const past = report.direction === 'took' ? `took another, ${irq}-unsafe` : `was taken by another, ${irq}-safe`;
      return [
        `${name} just changed the state of lock:`,
        formatLock(report.lock),
        `but this lock ${past} lock in the past:`,
        ...(report.other ? [named(report.other)] : []),
        'other info that might help us debug this:',
      ];
    }
    case 'lockdep-irq-order': {
      const irq = report.irq.toUpperCase();
      return [
        `${name} [HC0[0]:SC0[0]:HE0:SE1] is trying to acquire:`,
        formatLock(report.acquiring),
        ...held('and this task is already holding:', report.holding),
        `but this new dependency connects a ${irq}-irq-safe lock:`,
        named(report.safe),
        `... which became ${irq}-irq-safe at:`,
        ...frames(report.safeStack, report.safeFrames),
        `to a ${irq}-irq-unsafe lock:`,
        named(report.unsafe),
        `... which became ${irq}-irq-unsafe at:`,
        ...frames(report.unsafeStack, report.unsafeFrames),
        'other info that might help us debug this:',
        ...(report.safePath ? [`the dependencies between ${irq}-irq-safe lock and the holding lock:`] : []),
        ...(report.safePath ?? []).map((lock) => `->${named(lock)} {`),
        ...(report.unsafePath ? ['the dependencies between the lock to be acquired'] : []),
        ...(report.unsafePath ?? []).map((lock) => `->${named(lock)} {`).toReversed(),
      ];
    }
    case 'lockdep-misuse':
      return [
        ...(report.detail === undefined ? [] : [report.detail]),
        // `release lock (name) at:` has named it; a lock line has usage letters.
        ...report.locks
          .filter((lock) => lock.usage !== undefined)
          .flatMap((lock, i) => [
            ...(i > 0 || report.detail === undefined ? ['but this task is not holding:'] : []),
            formatLock(lock),
          ]),
      ];
  }
}

/** In a cut report nobody holds anything yet. */
function held(phrase: string, lock: LogLock): string[] {
  return lock.name ? [phrase, formatLock(lock)] : [];
}

function ending(report: Exclude<LockdepReport, { kind: 'lockdep-off' }>): string[] {
  const { task, stack, cpu } = report;
  const lines: string[] = [];
  const locks = report.held ?? [];
  if (task && locks.length > 0) {
    lines.push(`${locks.length} lock${locks.length === 1 ? '' : 's'} held by ${task.comm}/${task.tid}:`);
    lines.push(...locks.map((lock, i) => ` #${i}: ${formatLock(lock)}`));
  }
  // A suspicious-RCU report names its task in this list only.
  else if (task && report.kind === 'lockdep-misuse') lines.push(`no locks held by ${task.comm}/${task.tid}.`);
  if (stack.length === 0 && cpu === undefined) return lines;
  lines.push('stack backtrace:');
  if (cpu !== undefined) lines.push(`CPU: ${cpu} PID: ${task?.tid ?? 0} Comm: ${task?.comm ?? 'swapper'} Not tainted`);
  if (stack.length > 0) lines.push(...formatStack(stack, 0, undefined, false, report.frames));
  return lines;
}
