/**
 * All reports of the lock validator (MODEL 7.2; kernel/locking/lockdep.c print_circular_bug, print_bad_irq_dependency,
 * print_irq_inversion_bug, print_usage_bug, print_deadlock_bug, print_lock_invalid_wait_context and the smaller ones).
 *
 * The reports share their parts, so one reader collects parts by the phrase that introduces each, and the title decides
 * which of them make the report.
 */
import type { LogFrames, LogLock, LogStack, LogTask } from '../../../schema/index.ts';
import { HeldListReader, LockJoiner } from '../text/held-list.ts';
import { parseChainEntry, parseClassName, parseHeldHeader, taskBefore } from '../text/lock-text.ts';
import { irqOf, type LockdepTitle } from '../text/lockdep-title.ts';
import { StackReader } from '../text/stack-text.ts';
import { isTraceHeading, parseCpuHeader } from './backtrace-builder.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

/** lockdep's search finds the shortest cycle: real chains have up to a dozen entries. */
const MAX_CHAIN = 128;

/** Which part the next lock line fills. */
type Part = 'acquiring' | 'holding' | 'safe' | 'unsafe' | 'other';

/** Printed by process_one_work() and register_lock_class(). */
const PLAIN_TITLE = /^(?:workqueue leaked|trying to register non-static key)/;

interface ChainPart {
  readonly index: number;
  readonly lock: LogLock;
  readonly stack: StackReader;
}

export class LockdepBuilder implements ReportBuilder {
  readonly family = 'lockdep';
  readonly #title: LockdepTitle;
  /** The report has no `stack backtrace:` line: its trace follows the header of the CPU. */
  readonly #plain: boolean;
  #task: LogTask | undefined;
  readonly #parts = new Map<Part, LogLock>();
  #due: Part | undefined;
  readonly #joiner = new LockJoiner();
  readonly #chain: ChainPart[] = [];
  readonly #held = new HeldListReader();
  #inHeld = false;
  #context: number | undefined;
  #irq: 'hardirq' | 'softirq' | undefined;
  #direction: 'took' | 'taken-by' | undefined;
  #usage: { from: string; to: string } | undefined;
  #detail: string | undefined;
  #cpu: number | undefined;
  readonly #stack = new StackReader();
  readonly #safeStack = new StackReader();
  readonly #unsafeStack = new StackReader();
  readonly #registered = new StackReader();
  /** Takes the frames that follow; undefined: they are part of a listing that is not kept. */
  #sink: StackReader | undefined;
  #path: string[] | undefined;
  readonly #safePath: string[] = [];
  readonly #unsafePath: string[] = [];
  #backtrace = false;

  constructor(title: LockdepTitle) {
    this.#title = title;
    this.#plain = PLAIN_TITLE.test(title.title);
    this.#backtrace = this.#plain;
    this.#irq = title.irq;
    // `WARNING: syz-fuzzer/4398 still has locks held!`
    this.#task = taskBefore(title.title, ' still has locks held!');
    // `workqueue leaked atomic, lock or RCU: kworker/0:1[12]`, `workqueue leaked lock or atomic: kworker/u4:2/0x00000000/1234`
    const worker = /^workqueue leaked .*: (\S.*?)(?:\[|\/0x[0-9a-f]+\/)(\d{1,10})\]?$/.exec(title.title);
    if (worker) this.#task = { comm: worker[1], tid: Number(worker[2]) };
  }

  get done(): boolean {
    return this.#backtrace && this.#stack.complete;
  }

  suspend(): void {
    this.#sink?.suspend();
  }

  accept(line: LogLine): boolean {
    if (this.#sink?.accept(line)) return true;
    const { text } = line;
    // Usage dumps of the dependency listings: who took which class where, thousands of frames that nobody needs.
    if (line.frame !== undefined)
      return this.#inHeld ? this.#held.accept(text) : this.#path !== undefined && this.#sink === undefined;
    if (this.#phrase(text)) return true;
    const lock = this.#joiner.offer(text);
    if (lock === true) return true;
    if (lock === false) return this.#inHeld && this.#held.accept(text);
    if (this.#due) this.#parts.set(this.#due, lock);
    this.#due = undefined;
    return true;
  }

  #expect(part: Part): true {
    this.#due = part;
    this.#joiner.begin();
    this.#sink = undefined;
    return true;
  }

  #read(stack: StackReader | undefined): true {
    this.#sink = stack;
    stack?.resume();
    this.#joiner.cancel();
    return true;
  }

  #phrase(text: string): boolean {
    if (this.#subject(text) || this.#listing(text)) return true;
    if (text.startsWith('but task is already holding') || text.startsWith('and this task is already holding'))
      return this.#expect('holding');
    if (text.startsWith('but this task is not holding')) return this.#expect('holding');
    if (this.#irqPhrase(text)) return true;
    if (text.startsWith('stack backtrace:')) {
      this.#backtrace = true;
      this.#inHeld = false;
      this.#path = undefined;
      return this.#read(this.#stack);
    }
    if (this.#backtrace) {
      const header = /^(?:CPU: (\d+)\s.*\bPID: |Pid: )\d+,?\s/.exec(text);
      if (header && !this.#stack.started) {
        if (header[1] !== undefined) this.#cpu = Number(header[1]);
        this.#task ??= parseCpuHeader(text)?.task;
        return true;
      }
      if (isTraceHeading(text) && !this.#stack.started) return this.#read(this.#stack);
    }
    const context = /^context-\{(\d+)(?::\d+)?\}/.exec(text);
    if (context) {
      this.#context = Number(context[1]);
      return true;
    }
    return (this.#plain && this.#plainLine(text)) || this.#layout(text);
  }

  /**
   *     BUG: workqueue leaked atomic, lock or RCU: kworker/0:1[12]
   *          preempt=0x00000000 lock=0->1 RCU=0->0 workfn=leaky_fn
   *     the code is fine but needs lockdep annotation, or maybe
   */
  #plainLine(text: string): boolean {
    if (/\b(?:workfn=|last function: )/.test(text)) {
      this.#detail ??= text;
      return true;
    }
    const header = this.#task ? undefined : parseCpuHeader(text);
    if (header) this.#task = header.task;
    return header !== undefined || /^(?:the code is fine|you didn't initialize|turning off the locking)/.test(text);
  }

  /** The line that names the task and says what it does. */
  #subject(text: string): boolean {
    for (const phrase of [
      ' is trying to',
      ' takes:',
      ' just changed the state of lock:',
      ' is freeing memory ',
      ' is leaving the kernel ',
      ' is exiting with locks ',
    ]) {
      const task = text.includes(phrase) ? taskBefore(text, phrase) : undefined;
      if (!task) continue;
      this.#task = task;
      const misuse = this.#title.kind === 'lockdep-misuse';
      const released = misuse && / is trying to (?:release|contend) lock \((.*)\) at:/.exec(text);
      if (released) this.#parts.set('acquiring', { name: released[1] });
      else if (!misuse || phrase !== ' is leaving the kernel ') this.#expect('acquiring');
      // The line that names a lock without its usage is the one to keep.
      if (misuse && (released || this.#detail === undefined)) this.#detail = text.trim();
      return true;
    }
    const held = parseHeldHeader(text);
    if (!held) return false;
    // Lists of other tasks are a report of their own (`Showing all locks held`).
    if (this.#task && held.task.tid !== this.#task.tid) return false;
    this.#task ??= held.task;
    this.#inHeld = true;
    return this.#read(undefined);
  }

  /** `-> #k (class):` and the dependency listings of the irq reports. */
  #listing(text: string): boolean {
    const entry = text.includes('-> #') ? parseChainEntry(text) : undefined;
    if (entry) {
      const stack = new StackReader();
      if (this.#chain.length < MAX_CHAIN) this.#chain.push({ ...entry, stack });
      return this.#read(stack);
    }
    if (text.startsWith('the dependencies between') || text.startsWith('the shortest dependencies between')) {
      const safe = text.includes('-safe lock and the holding lock');
      const unsafe = text.startsWith('the dependencies between the lock to be acquired');
      this.#path = safe ? this.#safePath : unsafe ? this.#unsafePath : [];
      this.#inHeld = false;
      return this.#read(undefined);
    }
    const name =
      this.#path && /^\s*-> \(.*\{\s*$/.test(text) ? parseClassName(text.slice(text.indexOf('('))) : undefined;
    if (name === undefined || !this.#path) return false;
    if (this.#path.length < MAX_CHAIN) this.#path.push(name);
    return true;
  }

  #irqPhrase(text: string): boolean {
    if (text.startsWith('but this new dependency connects a ')) {
      this.#irq ??= irqOf(text);
      return this.#expect('safe');
    }
    if (/^\.\.\. which became \S+-safe at:/.test(text)) return this.#read(this.#safeStack);
    if (/^\.\.\. which became \S+-unsafe at:/.test(text)) return this.#read(this.#unsafeStack);
    if (/^to a \S+-unsafe lock:/.test(text)) return this.#expect('unsafe');
    const past = /^but this lock (took|was taken by) another, (\S+) lock in the past:/.exec(text);
    if (past) {
      this.#direction = past[1] === 'took' ? 'took' : 'taken-by';
      this.#irq ??= irqOf(past[2]);
      return this.#expect('other');
    }
    const usage = /^inconsistent \{([A-Z -]+)\} -> \{([A-Z -]+)\} usage/.exec(text);
    if (usage) {
      this.#usage = { from: usage[1], to: usage[2] };
      return true;
    }
    return /^\{[A-Z -]*\} state was registered at:/.test(text) && this.#read(this.#registered);
  }

  /** Lines that carry nothing further, so that they do not count as somebody else's. */
  #layout(text: string): boolean {
    if (this.#title.kind === 'lockdep-misuse' && this.#detail === undefined && / usage!$|!\s*$/.test(text)) {
      this.#detail = text.trim();
      return true;
    }
    if (/^other info that might/.test(text)) {
      this.#joiner.cancel();
      return true;
    }
    return /^(?:$|which |the existing dependency|Chain exists|Possible |CPU0|-{4}|r?lock\(|\*\*\*|May be|but there are no more|irq event stamp|(?:hard|soft)irqs last|rcu_scheduler_active|[=-]{10,}$|\.\.\.$)/.test(
      text,
    );
  }

  finish(): ReportBody | undefined {
    const title = this.#title;
    const task = this.#task;
    const held = this.#held.locks;
    const { stack, printed } = this.#stack;
    const cpu = this.#cpu === undefined ? {} : { cpu: this.#cpu };
    if (title.kind === 'lockdep-misuse') {
      const locks = [this.#parts.get('acquiring'), this.#parts.get('holding')].filter((lock) => lock !== undefined);
      const detail = this.#detail;
      return {
        kind: title.kind,
        title: title.title,
        ...(detail !== undefined && { detail }),
        ...(task && { task }),
        locks,
        ...(held.length > 0 && { held }),
        stack,
        ...printed,
        ...cpu,
      };
    }
    const lock = this.#parts.get('acquiring');
    if (!task || !lock) return undefined;
    const common = { task, held, stack, ...printed, ...cpu };
    const holding = this.#parts.get('holding') ?? { name: '' };
    switch (title.kind) {
      case 'lockdep-circular':
        return { kind: title.kind, ...common, acquiring: lock, holding, chain: this.#sortedChain() };
      case 'lockdep-recursion':
        return { kind: title.kind, ...common, acquiring: lock, holding };
      case 'lockdep-wait-context':
        return {
          kind: title.kind,
          ...common,
          lock,
          ...(this.#context !== undefined && { context: this.#context }),
        };
      case 'lockdep-irq-state': {
        const { from, to } = this.#usage ?? { from: '', to: '' };
        const registered = this.#registered.stack;
        return {
          kind: title.kind,
          ...common,
          irq: irqOf(from),
          lock,
          from,
          to,
          ...(registered.length > 0 && { registered, registeredFrames: this.#registered.printed.frames }),
        };
      }
      case 'lockdep-irq-inversion': {
        const other = this.#parts.get('other')?.name ?? '';
        const direction = this.#direction ?? 'took';
        return { kind: title.kind, ...common, irq: this.#irq ?? 'hardirq', lock, other, direction };
      }
      case 'lockdep-irq-order': {
        const safeStack = this.#safeStack.stack;
        const unsafeStack = this.#unsafeStack.stack;
        return {
          kind: title.kind,
          ...common,
          irq: this.#irq ?? 'hardirq',
          acquiring: lock,
          holding,
          safe: this.#parts.get('safe')?.name ?? holding.name,
          unsafe: this.#parts.get('unsafe')?.name ?? lock.name,
          ...(this.#safePath.length > 0 && { safePath: this.#safePath }),
          // Printed from the leaf of the search back to its root (print_shortest_lock_dependencies).
          ...(this.#unsafePath.length > 0 && { unsafePath: this.#unsafePath.toReversed() }),
          ...(safeStack.length > 0 && { safeStack, safeFrames: this.#safeStack.printed.frames }),
          ...(unsafeStack.length > 0 && { unsafeStack, unsafeFrames: this.#unsafeStack.printed.frames }),
        };
      }
    }
  }

  /** Entries by index; a replayed or broken entry does not appear twice. */
  #sortedChain(): { lock: LogLock; stack: LogStack; frames?: LogFrames }[] {
    const byIndex = new Map<number, ChainPart>();
    for (const entry of this.#chain) if (!byIndex.has(entry.index)) byIndex.set(entry.index, entry);
    return [...byIndex.values()]
      .sort((a, b) => a.index - b.index)
      .map(({ lock, stack }) => ({ lock, stack: stack.stack, ...stack.printed }));
  }
}
