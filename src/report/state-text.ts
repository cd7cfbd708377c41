/** The state at an instant as text: what runs where, what is in flight, who waits for whom. At most 100 columns. */
import type {
  StateCpu,
  StateGracePeriod,
  StateLink,
  StateLock,
  StateResult,
  StateTask,
  StateWork,
} from '../../schema/index.ts';
import { RECORDER_FRAME } from '../replay/knowledge/stack/recorder-frames.ts';
import { type Style, widthOf } from './text/style.ts';
import { clip, formatCount, printable, type TimeFormat, timeFormat, wrap } from './text/text-format.ts';

/** Entries of a list before the rest is counted only. */
const SHOWN = 24;
/** Frames of a stack in the list of waiting tasks. */
const FRAMES = 6;

export interface StateTextOptions {
  readonly style: Style;
  /** Tasks were asked for by name or number: their stacks are shown in full. */
  readonly fullStacks: boolean;
  /** Source lines by frame. */
  readonly sources?: ReadonlyMap<string, string> | undefined;
}

export function stateText(result: StateResult, options: StateTextOptions): string {
  const text = new StateText(result, options);
  return `${text.lines().join('\n').trimEnd()}\n`;
}

class StateText {
  readonly #result: StateResult;
  readonly #style: Style;
  readonly #time: TimeFormat;
  readonly #fullStacks: boolean;
  readonly #sources: ReadonlyMap<string, string> | undefined;
  readonly #width: number;
  /** Links that were shown with what they wait for. */
  readonly #shown = new Set<string>();

  constructor(result: StateResult, { style, fullStacks, sources }: StateTextOptions) {
    this.#result = result;
    this.#style = style;
    this.#time = timeFormat(result.time_unit);
    this.#fullStacks = fullStacks;
    this.#sources = sources;
    this.#width = widthOf(style);
  }

  lines(): string[] {
    const { grace_periods, tasks, runnable, locks, readers, work, notes } = this.#result;
    const elsewhere = locks.filter((lock) => !this.#isShownWithTask(lock));
    return [
      ...this.#head(),
      ...this.#section('CPUs', this.#result.cpus, (cpu) => this.#cpu(cpu)),
      ...this.#section('Grace periods in flight', grace_periods, (gp) => this.#gracePeriod(gp)),
      ...this.#section(this.#fullStacks ? 'Tasks' : 'Waiting, the oldest first', tasks, (task) => this.#task(task)),
      ...this.#section('Runnable without a CPU', runnable, ({ task, tid, cpu, since_ns }) => [
        `${this.#age(since_ns)}  ${label(task, tid)}${cpu === null ? '' : `, CPU ${cpu}`}`,
      ]),
      ...this.#section('Locks held by others', elsewhere, (lock) => [
        `${this.#age(lock.since_ns)}  ${label(lock.task, lock.tid)}: ${lockText(lock)}`,
      ]),
      ...this.#section('Readers', readers, ({ task, tid, domain, kind, since_ns }) => [
        kind === 'srcu'
          ? `${this.#age(since_ns)}  ${label(task, tid)} inside srcu_read_lock of ${printable(domain)}`
          : `${this.#age(since_ns)}  ${label(task, tid)} preempted inside rcu_read_lock, on the list of ${printable(domain)}`,
      ]),
      ...this.#section('Work', work, (item) => [this.#work(item)]),
      ...notes.flatMap((note) => wrap(`note: ${printable(note)}`, this.#width)),
    ];
  }

  #head(): string[] {
    const { run, run_id, at_ns, event } = this.#result;
    const lines = [
      `${this.#style.bold(`State of run ${run_id} ${printable(run)} at ${this.#time.at(at_ns)}`)}${event === null ? ', before its first event' : `, after event ${event.event}`}`,
    ];
    if (event !== null) {
      const fields = Object.entries(event.fields).map(([key, value]) => `${key}=${value}`);
      const cpu = event.cpu === null ? '[---]' : `[${String(event.cpu).padStart(3, '0')}]`;
      const who = event.tid === null ? '' : `${event.task}-${event.tid} `;
      const flags = event.flags === null ? '' : `${event.flags} `;
      const line = `${who}${cpu} ${flags}${this.#time.stamp(event.ts_ns)}: ${event.name}: ${fields.join(' ')}`;
      for (const part of wrap(printable(line.trimEnd()), this.#width - 4).slice(0, 4))
        lines.push(`  ${this.#style.dim(part)}`);
    }
    return [...lines, ''];
  }

  #section<T>(title: string, items: readonly T[], lines: (item: T) => string[]): string[] {
    if (items.length === 0) return [];
    const shown = items.slice(0, SHOWN).flatMap((item) => lines(item).map((line) => `  ${line}`));
    const rest = items.length - SHOWN;
    return [
      this.#style.bold(title),
      ...shown,
      ...(rest > 0 ? [`  and ${formatCount(rest)} more (--json has them)`] : []),
      '',
    ];
  }

  /** Time since then, right-aligned; blank when it is not known. */
  #age(sinceNs: number | null): string {
    return (sinceNs === null ? '?' : this.#time.length(this.#result.at_ns - sinceNs)).padStart(8);
  }

  // -- CPUs ------------------------------------------------------------------------------------------------------------

  #cpu(cpu: StateCpu): string[] {
    const number = String(cpu.cpu).padStart(3);
    const task = cpu.task === null ? 'unknown' : cpu.tid === 0 ? 'idle' : label(cpu.task, cpu.tid ?? 0);
    const facts = [
      ...(cpu.since_ns === null ? [] : [`for ${this.#time.length(this.#result.at_ns - cpu.since_ns)}`]),
      ...cpu.contexts.map(
        (c) => `in ${c.kind} ${printable(c.name)} for ${this.#time.length(this.#result.at_ns - c.since_ns)}`,
      ),
      ...(cpu.flags === null ? [] : [`last flags ${cpu.flags}`]),
      ...(cpu.rcu === 'quiescent' ? ['RCU-quiescent'] : []),
      ...(cpu.lost ? ['its events are lost'] : []),
    ];
    const quiet = this.#result.at_ns - cpu.last_event_ns;
    if (quiet >= 1e9 && this.#result.time_unit === undefined) facts.push(`silent for ${this.#time.length(quiet)}`);
    const lines = [`${number}  ${[task, ...facts].join(', ')}`];
    for (const { kind, since_ns } of cpu.storms) {
      const text = `${CONTEXTS[kind]} take ${share(cpu.load[kind])} of it, above the threshold for ${this.#time.length(this.#result.at_ns - since_ns)}`;
      lines.push(`     ${this.#style.severity('warning', text)}`);
    }
    const others = (['nmi', 'hardirq', 'softirq'] as const).filter(
      (kind) => cpu.load[kind] >= 0.05 && !cpu.storms.some((storm) => storm.kind === kind),
    );
    if (others.length > 0)
      lines.push(`     ${others.map((kind) => `${CONTEXTS[kind]} take ${share(cpu.load[kind])}`).join(', ')}`);
    for (const lock of cpu.held) lines.push(`     ${this.#held(lock)}`);
    return lines.map((line) => clip(line, this.#width - 2));
  }

  #held(lock: StateLock): string {
    return `${lock.owned ? 'holds' : 'wants'} ${lockText(lock)} for ${this.#time.length(this.#result.at_ns - lock.since_ns)}`;
  }

  #isShownWithTask({ tid, task }: StateLock): boolean {
    const { cpus, tasks } = this.#result;
    if (tasks.some((shown) => shown.tid === tid && shown.task === task)) return true;
    return cpus.some((cpu) => cpu.held.some((lock) => lock.tid === tid && lock.task === task));
  }

  // -- grace periods ---------------------------------------------------------------------------------------------------

  #gracePeriod(gp: StateGracePeriod): string[] {
    const name = `${printable(gp.flavor)}${gp.expedited ? ' expedited' : ''}${gp.gp_seq === null ? '' : ` ${gp.gp_seq}`}`;
    const reported = gp.reported > 0 ? `, ${gp.reported} reported` : '';
    const waits = gp.holdouts.length === 0 ? 'no quiescent state pending' : `waits for ${gp.holdouts.length}`;
    const lines = [`${this.#age(gp.start_ns)}  ${name}: ${waits}${reported}`];
    for (const holdout of gp.holdouts.slice(0, SHOWN)) {
      const load = (['nmi', 'hardirq', 'softirq'] as const)
        .filter((kind) => holdout.load[kind] >= 0.05)
        .map((kind) => `${CONTEXTS[kind]} took ${share(holdout.load[kind])}`);
      const facts = [
        holdout.kind === 'reader'
          ? 'a preempted reader'
          : holdout.passed_ns === null
            ? 'quiescent state pending'
            : 'not yet reported',
        ...load,
      ];
      lines.push(
        clip(
          `${' '.repeat(10)}${this.#age(holdout.since_ns).trim()}  ${printable(holdout.name)}: ${facts.join(', ')}`,
          this.#width - 2,
        ),
      );
    }
    if (gp.holdouts.length > SHOWN) lines.push(`${' '.repeat(10)}and ${gp.holdouts.length - SHOWN} more`);
    return lines;
  }

  // -- tasks -----------------------------------------------------------------------------------------------------------

  #task(task: StateTask): string[] {
    const state = task.letters === '' || task.state === 'running' ? task.state : `${task.state} (${task.letters})`;
    const where = task.cpu === null ? '' : `, CPU ${task.cpu}`;
    const woken = task.woken_by === undefined ? '' : `, woken by ${printable(task.woken_by)}`;
    const lines = [
      `${this.#age(task.since_ns)}  ${this.#style.bold(label(task.task, task.tid))}, ${state}${where}${woken}`,
    ];
    for (const link of task.waits_for) lines.push(...this.#link(link, 0));
    for (const lock of task.held) lines.push(clip(`          ${this.#held(lock)}`, this.#width - 2));
    lines.push(...this.#stack(task));
    return lines;
  }

  #stack(task: StateTask): string[] {
    const own = [...task.stack.keys()].filter((i) => !RECORDER_FRAME.test(task.stack[i]));
    const frames = own.map((i) => printable(task.stack[i]));
    if (frames.length === 0) return [];
    if (this.#fullStacks) return own.map((i) => `          ${this.#style.dim(printable(this.#frame(task.frames[i])))}`);
    if (task.waits_for.length > 0) return [];
    const telling = frames.filter((symbol) => !GENERIC_FRAME.test(symbol)).slice(0, FRAMES);
    return wrap(`in ${telling.join(' < ')}`, this.#width - 12).map((line) => `          ${this.#style.dim(line)}`);
  }

  /** With its line of the source, where symbols are given. */
  #frame(frame: string): string {
    const line = this.#sources?.get(frame);
    return line === undefined ? frame : `${frame} ${line}`;
  }

  /** A link and what it waits for: the oldest first, siblings below each other (W4.30). */
  #link(link: StateLink, depth: number): string[] {
    const age = link.since_ns === null ? '' : this.#time.length(this.#result.at_ns - link.since_ns);
    const indent = `${'  '.repeat(depth)}└ `;
    const key = `${link.kind} ${link.name}`;
    const isAbove = link.waits_for.length > 0 ? this.#shown.has(key) : link.repeats === 'above';
    this.#shown.add(key);
    const repeats = link.repeats === 'cycle' ? ', which closes a cycle' : isAbove ? ', as above' : '';
    const name = `${link.kind === 'lock' ? 'lock ' : ''}${printable(link.name)}`;
    const first = `${' '.repeat(10)}${indent}${name}${age === '' ? '' : ` for ${age}`}${repeats}`;
    const note = link.note === undefined || isAbove ? '' : printable(link.note);
    const lines: string[] = [];
    if (note === '') lines.push(first);
    else if (first.length + note.length + 2 <= this.#width - 2) lines.push(`${first}, ${this.#style.dim(note)}`);
    else {
      const below = ' '.repeat(10 + indent.length);
      lines.push(
        first,
        ...wrap(note, this.#width - 2 - below.length).map((line) => `${below}${this.#style.dim(line)}`),
      );
    }
    if (!isAbove) for (const next of link.waits_for) lines.push(...this.#link(next, depth + 1));
    return lines;
  }

  #work(work: StateWork): string {
    const queue = work.workqueue === '' ? '' : ` of ${printable(work.workqueue)}`;
    const domain = work.domain === undefined ? '' : ` for ${printable(work.domain)}`;
    const who =
      work.state === 'running'
        ? `runs in ${label(work.worker ?? 'kworker', work.tid ?? 0)}`
        : `${work.state} on CPU ${work.cpu}`;
    return clip(`${this.#age(work.since_ns)}  ${printable(work.function)}${queue}${domain} ${who}`, this.#width - 2);
  }
}

const CONTEXTS = { nmi: 'NMIs', hardirq: 'interrupts', softirq: 'softirqs' } as const;

/** Frames that every sleep has. */
const GENERIC_FRAME =
  /^(__schedule|schedule|schedule_timeout|schedule_preempt_disabled|__wait_for_common|ret_from_fork(_asm)?|entry_SYSCALL_64.*|do_syscall_64|x64_sys_call)$/;

function label(task: string, tid: number): string {
  return printable(`${task}:${tid}`);
}

function lockText(lock: StateLock): string {
  const how = [...(lock.mode === 'shared' ? ['shared'] : []), ...(lock.trylock ? ['trylock'] : [])];
  return `${printable(lock.lock)}${how.length > 0 ? ` (${how.join(', ')})` : ''}`;
}

function share(part: number): string {
  return `${(part * 100).toFixed(part > 0.99 && part < 1 ? 1 : 0)} %`;
}
