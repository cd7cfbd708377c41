/**
 * Lock findings that lockdep reported (MODEL 7.2, §5), each with the rule that was broken in words that need no knowledge of its
 * notation.
 */
import type { Finding, LogLock } from '../../../../../schema/index.ts';
import { background, inferred, note, notesOf } from '../../../core/note.ts';
import { lockNameRule } from '../../../knowledge/lock/names.ts';
import type { LockdepReport } from '../../../model/log/log.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { identified } from '../../finding-id.ts';
import { reportEvidence } from '../evidence.ts';

/** Frames of lockdep and of the lock functions: the caller that a reader looks for comes after them. */
const LOCK_MACHINERY =
  /^(dump_stack(_lvl)?|show_stack|dump_backtrace|unwind_backtrace|_{0,2}print_.*|check_.*|mark_.*|validate_chain|__lock_acquire|lock_acquire|lock_sync|lock_release|_?_?raw_(spin|read|write)_.*|rt_(spin|read|write)_lock.*|down_(read|write).*|_{0,2}(ww_)?mutex_.*|percpu_.*|_+might_.*|__schedule_bug|panic|check_panic_on_warn)(\..*)?$/;

/** `srcu_gp_start_if_needed ← call_srcu ← chain_probe`. */
export function callers(stack: readonly string[], depth = 3): string {
  // The unwinder prints a frame twice where it is not sure.
  const frames = stack.filter((symbol, i) => symbol !== '' && symbol !== stack[i - 1]);
  const from = frames.findIndex((symbol) => !LOCK_MACHINERY.test(symbol));
  return frames.slice(Math.max(0, from), Math.max(0, from) + depth).join(' ← ');
}

const STOPPED = note(
  'lockdep switched itself off with this report: what came after it in this boot was not checked for lock orders and wait contexts',
  'L5.1',
  'G2.6',
  'T22',
);

/** One finding per thing; the same report twice (a replayed log, two captures) is one. */
export function detectLogLocks(log: LogRecord): Finding[] {
  const findings = new Map<string, Finding>();
  for (const report of log.complaints) {
    const finding = judge(log, report);
    const known = findings.get(finding.id);
    if (!known) findings.set(finding.id, finding);
    else
      findings.set(finding.id, {
        ...known,
        end_ns: Math.max(known.end_ns, finding.end_ns),
        evidence: [
          ...known.evidence,
          ...finding.evidence.filter((item) => !known.evidence.some((other) => same(item, other))),
        ],
      });
  }
  return [...findings.values()];
}

function same(a: Finding['evidence'][number], b: Finding['evidence'][number]): boolean {
  return 'line' in a ? 'line' in b && a.line === b.line : 'event' in b && a.event === b.event;
}

function judge(log: LogRecord, report: LockdepReport): Finding {
  const base = {
    severity: 'error' as const,
    confidence: 'reported' as const,
    start_ns: report.tsNs,
    end_ns: report.tsNs,
    evidence: reportEvidence(log, [report], `lockdep reports it, ${report.task.comm}:${report.task.tid}`),
  };
  switch (report.kind) {
    case 'lockdep-circular':
      return identified({ ...base, ...circular(report) });
    case 'lockdep-recursion':
      return identified({ ...base, ...recursion(report) });
    case 'lockdep-irq-state':
      return identified({ ...base, ...irqState(report) });
    case 'lockdep-irq-order':
      return identified({ ...base, ...irqOrder(report) });
    case 'lockdep-irq-inversion':
      return identified({ ...base, ...irqInversion(report) });
    case 'lockdep-wait-context':
      return identified({ ...base, ...waitContext(report) });
  }
}

type Of<K extends LockdepReport['kind']> = Extract<LockdepReport, { kind: K }>;
type Verdict<K extends Finding['kind']> = Omit<
  Extract<Finding, { kind: K }>,
  'id' | 'severity' | 'confidence' | 'start_ns' | 'end_ns' | 'evidence'
>;

/** Class names of a reported cycle in order: each is held while the next one is acquired (G2.1). */
export function reportedCycle(report: Of<'lockdep-circular'>): string[] {
  if (report.chain.length > 1) return report.chain.map(({ lock }) => lock.name);
  return [report.acquiring.name, report.holding.name].filter((name) => name !== '');
}

function circular(report: Of<'lockdep-circular'>): Verdict<'lock-inversion'> {
  const locks = reportedCycle(report);
  const holder = `${report.task.comm}:${report.task.tid}`;
  const instances = new Set(
    [report.acquiring, report.holding].map((lock) => lock.address).filter((address) => address),
  );
  return {
    kind: 'lock-inversion',
    title:
      locks.length > 1
        ? `lockdep: ${[...locks, locks[0]].join(' → ')}: each is held while the next is acquired`
        : `lockdep: a cycle of locks that ${locks[0]} closes; the report is cut`,
    notes: notesOf([
      background(
        'what lockdep checks: locks must always be taken in one order. Here the orders that it has seen form a cycle: tasks that each hold one of these locks and ask for the next would wait for each other forever',
      ),
      `${holder} holds ${report.holding.name || '?'} and acquires ${report.acquiring.name}${where(report.stack)}`,
      ...report.chain
        .slice(1)
        .map(
          ({ lock, stack }, i) =>
            `earlier, ${report.chain[i].lock.name} was held while ${lock.name} was acquired${where(stack)}`,
        ),
      ...(report.chain.length === 0
        ? ['the report is cut before its chain: locks between these two may be missing']
        : []),
      ...(instances.size > 0
        ? [
            note(
              'the cycle is one of lock classes; the report does not say whether one set of lock instances closes it',
              'L5.11',
            ),
          ]
        : []),
      STOPPED,
    ]),
    locks,
    feasible: 'unknown',
  };
}

function where(stack: readonly string[]): string {
  const text = callers(stack);
  return text ? ` (${text})` : '';
}

function recursion(report: Of<'lockdep-recursion'>): Verdict<'lock-recursion'> {
  const { acquiring, holding } = report;
  const one = acquiring.address !== undefined && acquiring.address === holding.address;
  return {
    kind: 'lock-recursion',
    title: `lockdep: ${report.task.comm}:${report.task.tid} acquires ${acquiring.name} while it holds ${one ? 'that very lock' : 'a lock of the same class'}`,
    notes: notesOf([
      background(
        'what lockdep checks: a task that holds a lock must not ask for it again, because it would wait for itself',
      ),
      one
        ? inferred(`both addresses are ${acquiring.address}: the task waits for itself`)
        : note(
            'two locks of one class: a deadlock when two tasks take them in different order, legal when an order among them is kept and annotated (mutex_lock_nested() and related calls)',
            'L5.29',
          ),
      `held since ${holding.site ?? '?'}, acquired in ${acquiring.site ?? '?'}${where(report.stack)}`,
      STOPPED,
    ]),
    locks: [acquiring.name],
  };
}

function irqState(report: Of<'lockdep-irq-state'>): Verdict<'irq-lock-state'> {
  const { irq, lock, from, to } = report;
  return {
    kind: 'irq-lock-state',
    title: `lockdep: ${lock.name} is taken inside ${irq} and elsewhere with ${irq}s enabled`,
    notes: notesOf([
      background(
        `what lockdep checks: a lock that a ${irq} handler takes must be held with ${irq}s disabled everywhere else. Otherwise the interrupt can hit the holder on its own CPU and spin for a lock that can never be released`,
      ),
      note(`usage {${from}} met {${to}}${where(report.stack)}`, 'G2.5'),
      ...(report.registered && report.registered.length > 0 ? [`first seen${where(report.registered)}`] : []),
      STOPPED,
    ]),
    locks: [lock.name],
    irq,
  };
}

function irqOrder(report: Of<'lockdep-irq-order'>): Verdict<'irq-lock-order'> {
  const { irq, safe, unsafe, holding, acquiring } = report;
  const path = [...(report.safePath ?? [safe, holding.name]), ...(report.unsafePath ?? [acquiring.name, unsafe])];
  const locks = path.filter((name, i) => name !== '' && path.indexOf(name) === i);
  return {
    kind: 'irq-lock-order',
    title: `lockdep: ${irq}-safe ${safe} is held while ${irq}-unsafe ${unsafe} is acquired${locks.length > 2 ? ` (via ${locks.slice(1, -1).join(', ')})` : ''}`,
    notes: notesOf([
      background(
        `what lockdep checks: ${safe} is taken inside ${irq}, ${unsafe} is held with ${irq}s enabled. If a ${irq} hits a holder of ${unsafe} and spins for ${safe}, while the holder of ${safe} waits for ${unsafe}, neither goes on`,
      ),
      `${report.task.comm}:${report.task.tid} holds ${holding.name} and acquires ${acquiring.name}${where(report.stack)}`,
      ...(report.safeStack ? [`${safe} in ${irq}${where(report.safeStack)}`] : []),
      ...(report.unsafeStack ? [`${unsafe} with ${irq}s on${where(report.unsafeStack)}`] : []),
      STOPPED,
    ]),
    locks,
    irq,
  };
}

function irqInversion(report: Of<'lockdep-irq-inversion'>): Verdict<'irq-lock-order'> {
  const { irq, lock, other, direction } = report;
  // The lock that was taken in the interrupt is the safe one, and comes first.
  const locks = (direction === 'took' ? [lock.name, other] : [other, lock.name]).filter((name) => name !== '');
  return {
    kind: 'irq-lock-order',
    title: `lockdep: ${locks[0]}, taken inside ${irq}, is held while ${locks.at(-1)} is acquired, which is held with ${irq}s enabled`,
    notes: notesOf([
      direction === 'took'
        ? background(
            `what lockdep checks: ${lock.name} has now been taken inside ${irq}. It was once held while ${other} was acquired, and ${other} is held with ${irq}s enabled: the ${irq} can hit a holder of ${other} and spin for a lock whose holder waits for ${other}`,
          )
        : background(
            `what lockdep checks: ${lock.name} has now been held with ${irq}s enabled. It was once acquired under ${other}, which is taken inside ${irq}: the ${irq} can hit a holder of ${lock.name} and spin for a lock whose holder waits for it`,
          ),
      `${report.task.comm}:${report.task.tid}${where(report.stack)}`,
      STOPPED,
    ]),
    locks,
    irq,
  };
}

/** Wait types by number: with and without CONFIG_PROVE_RAW_LOCK_NESTING (L5.31). */
const WAIT_WORDS = {
  yes: ['unchecked', 'lock-free', 'raw spinlock', 'spinlock_t', 'sleeping lock'],
  no: ['unchecked', 'lock-free', 'spinlock', 'sleeping lock'],
} as const;

/** Whether the numbers are those of a kernel with raw-nesting checks; undefined when they do not tell (L5.31). */
export function rawNumbering(report: Of<'lockdep-wait-context'>): boolean | undefined {
  if (report.context === 5) return true;
  for (const lock of [report.lock, ...report.held]) {
    if (lock.inner === undefined) continue;
    if (lock.inner >= 4) return true;
    if (/^rcu_read_lock(_bh)?$/.test(lock.name)) return lock.inner === 3;
    if (lock.inner === 3 && lockNameRule(lock.name).inner === 'sleep') return false;
  }
  return report.context === 4 ? false : undefined;
}

/** The limit that the acquisition broke: the context's, lowered by every held lock (L5.32). */
export function waitLimit(context: number | undefined, held: readonly LogLock[]): number | undefined {
  const limits = held.flatMap((lock) => (lock.inner ? [lock.inner] : []));
  if (context !== undefined) limits.push(context);
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

function waitContext(report: Of<'lockdep-wait-context'>): Verdict<'wait-context'> {
  const { lock, context, held } = report;
  const raw = rawNumbering(report);
  const words = WAIT_WORDS[raw === false ? 'no' : 'yes'];
  const limit = waitLimit(context, held);
  const binding = held.filter((other) => other.inner === limit && limit !== undefined);
  const most = raw === false ? 4 : 5;
  const contextWords =
    context === undefined
      ? []
      : [
          context === most
            ? note(
                `context-{${context}:${context}}: ordinary task context, which sets no limit of its own; it does not mean atomic`,
                'T20',
              )
            : `context-{${context}:${context}}: ${context === 2 ? 'a hard interrupt' : 'a softirq or a threaded interrupt'}, where at most a ${words[context] ?? context} may be taken`,
        ];
  return {
    kind: 'wait-context',
    title: `lockdep: ${lock.name}${lock.outer === undefined ? '' : ` (${words[lock.outer] ?? lock.outer})`} is acquired ${binding.length > 0 ? `while ${binding.map((other) => other.name).join(', ')} ${binding.length > 1 ? 'are' : 'is'} held` : 'in a context that forbids it'}`,
    notes: notesOf([
      background(
        'what lockdep checks: under a lock that spins nobody may take one that may sleep, because the CPU cannot be given away there',
      ),
      ...contextWords,
      ...held.map(
        (other) =>
          `held: ${other.name}${numbers(other)}${other.inner === undefined ? '' : `, ${words[other.inner] ?? other.inner}`}`,
      ),
      limit === undefined || lock.outer === undefined
        ? note('the report is cut: the limit cannot be computed', 'L5.32')
        : note(
            `limit = min of these = ${limit} (${words[limit] ?? 'none'}), acquired ${lock.name}${numbers(lock)} = ${lock.outer || lock.inner} (${words[lock.outer || (lock.inner ?? 0)] ?? '?'}): ${(lock.outer || (lock.inner ?? 0)) > limit ? 'above it' : 'not above it, a class override must be in force'}`,
            'L5.32',
          ),
      raw === undefined
        ? note('the numbers do not tell whether the kernel has PROVE_RAW_LOCK_NESTING', 'L5.31')
        : raw
          ? note(
              'numbering of a kernel with PROVE_RAW_LOCK_NESTING: 2 raw spinlock, 3 spinlock_t, 4 sleeping lock, 5 no limit; that alone does not make it PREEMPT_RT',
              'L5.31',
              'T21',
            )
          : note(
              'numbering of a kernel without PROVE_RAW_LOCK_NESTING: 2 any spinlock, 3 sleeping lock, 4 no limit',
              'L5.31',
            ),
      ...(report.stack.length > 0 ? [`${report.task.comm}:${report.task.tid}${where(report.stack)}`] : []),
      STOPPED,
    ]),
    locks: [lock.name],
    held: held.map((other) => other.name),
    forbidden_by: binding.map((other) => other.name),
  };
}

function numbers(lock: LogLock): string {
  return lock.outer === undefined ? '' : ` {${lock.outer}:${lock.inner}}`;
}
