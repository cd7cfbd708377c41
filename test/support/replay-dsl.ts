/**
 * Recordings on one screen: tests of models write them as ftrace lines or as little lock programs.
 *
 * ```ts
 * await replayText(trace`
 *   task-1  [000] d..1.  1.000: lock_acquire: 00000000000000a0 a
 *   task-1  [000] d..1.  1.001: lock_release: 00000000000000a0 a`)
 * ```
 */
import { type CaptureReplay, type CaptureReplayOptions, replayText } from './replay-capture.ts';

const HEADER = '# tracer: nop\n#\n# entries-in-buffer/entries-written: 0/0   #P:4\n#\n';

/** ftrace text: lines are trimmed and given a header; times may be short (`1.5`). */
export function trace(strings: TemplateStringsArray, ...values: readonly unknown[]): string {
  const body = String.raw({ raw: strings.raw }, ...values)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) =>
      line.startsWith('=>')
        ? ` ${line}`
        : line.replace(/ (\d+)\.(\d{1,6}): /, (_, s: string, f: string) => ` ${s}.${f.padEnd(6, '0')}: `),
    )
    .join('\n');
  return `${HEADER}${body}\n`;
}

/** `sched_switch` from one `comm:tid` to another; priorities as the kernel counts them. */
export function to(prev: string, state: string, next: string, nextPrio = 120, prevPrio = 120): string {
  const [prevComm, prevTid] = named(prev);
  const [nextComm, nextTid] = named(next);
  return `sched_switch: prev_comm=${prevComm} prev_pid=${prevTid} prev_prio=${prevPrio} prev_state=${state} ==> next_comm=${nextComm} next_pid=${nextTid} next_prio=${nextPrio}`;
}

/** `sched_wakeup` of a `comm:tid`. */
export function wakeup(task: string, cpu = 0): string {
  const [comm, tid] = named(task);
  return `sched_wakeup: comm=${comm} pid=${tid} prio=120 target_cpu=00${cpu}`;
}

/** `sched_waking` of a `comm:tid`. */
export function waking(task: string, cpu = 0): string {
  return wakeup(task, cpu).replace('wakeup', 'waking');
}

/** Names may hold colons: `kworker/0:1:9`. */
function named(task: string): [comm: string, tid: string] {
  const colon = task.lastIndexOf(':');
  return [task.slice(0, colon), task.slice(colon + 1)];
}

/** One step of a lock program. */
export interface LockStep {
  readonly tid: number;
  readonly cpu?: number;
  /**
   * `+a` acquire (with lock_acquired) · `?a` trylock · `r+a`, `r?a` the same for reading · `!a` ask, find it taken, never get it · `~a` ask only ·
   * `-a` release · `sleep` sched_switch in S · `fork N` · `wake N` · `lost` events lost on this CPU · `tick` local_timer_entry
   * and exit · `pause N` N µs of silence. A lock may name an address: `a@10`.
   */
  readonly op: string;
  /** Flag columns; default `.....`. */
  readonly flags?: string;
  /** Function names of the acquisition's stack, innermost first. */
  readonly stack?: readonly string[];
}

export interface ProgramOptions extends CaptureReplayOptions {
  /** Without lock_acquired events (no LOCK_STAT). */
  readonly noLockStat?: boolean;
  /** lock_acquired events stop with this step (0-based). */
  readonly noAcquiredFrom?: number;
  /** Without the flags column. */
  readonly noFlags?: boolean;
}

/** Address of a lock in programs: its own, or the one after `@`. */
function addressOf(lock: string): { readonly name: string; readonly address: string } {
  const [name, explicit] = lock.split('@');
  const hash = explicit ? Number(explicit) * 8 : [...name].reduce((h, c) => (h * 33 + c.charCodeAt(0)) >>> 0, 5381) * 8;
  return { name, address: hash.toString(16).padStart(16, '0') };
}

/** The ftrace text of a lock program. One record every 10 µs. */
export function programText(steps: readonly LockStep[], options: ProgramOptions = {}): string {
  const lines: string[] = [];
  let us = 1_000_000;
  const put = (step: LockStep, payload: string): void => {
    const cpu = step.cpu ?? step.tid % 4;
    const flags = options.noFlags ? '' : ` ${step.flags ?? '.....'}`;
    const time = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
    us += 10;
    const name = step.tid === 0 ? '<idle>' : `t${step.tid}`;
    lines.push(`${`${name}-${step.tid}`.padStart(22)} [00${cpu}]${flags} ${time.padStart(13)}: ${payload}`);
  };
  for (const [index, step] of steps.entries()) {
    const [, read, kind, lock] = /^(r?)([+?!~-])(.+)$/.exec(step.op) ?? [];
    if (lock !== undefined) {
      const { name, address } = addressOf(lock);
      if (kind === '-') put(step, `lock_release: ${address} ${name}`);
      else {
        put(step, `lock_acquire: ${address} ${kind === '?' ? 'try ' : ''}${read ? 'read ' : ''}${name}`);
        if (step.stack) {
          put(step, '<stack trace>');
          lines.push(...step.stack.map((symbol) => ` => ${symbol}`));
        }
        if (kind === '!') put(step, `lock_contended: ${address} ${name}`);
        else if (kind === '+' && !options.noLockStat && index < (options.noAcquiredFrom ?? steps.length))
          put(step, `lock_acquired: ${address} ${name}`);
      }
      continue;
    }
    const [word, argument] = step.op.split(' ');
    const comm = `t${step.tid}`;
    switch (word) {
      case 'fork':
        put(step, `sched_process_fork: comm=${comm} pid=${step.tid} child_comm=t${argument} child_pid=${argument}`);
        break;
      case 'wake':
        put(step, `sched_waking: comm=t${argument} pid=${argument} prio=120 target_cpu=000`);
        break;
      case 'sleep':
        put(
          step,
          `sched_switch: prev_comm=${comm} prev_pid=${step.tid} prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120`,
        );
        break;
      case 'tick':
        put(step, 'local_timer_entry: vector=236');
        put(step, 'local_timer_exit: vector=236');
        break;
      case 'pause':
        us += Number(argument);
        break;
      case 'lost':
        lines.push(`CPU:${step.cpu ?? step.tid % 4} [LOST 7 EVENTS]`);
        break;
      default:
        throw new Error(`no such step: ${step.op}`);
    }
  }
  return `${HEADER}${lines.join('\n')}\n`;
}

/** Replays a lock program. */
export async function replayProgram(steps: readonly LockStep[], options: ProgramOptions = {}): Promise<CaptureReplay> {
  return replayText(programText(steps, options), options);
}

/** Steps of one thread from a line: `T(1, '+a +b -b -a')`. */
export function thread(tid: number, ops: string, more: Partial<LockStep> = {}): LockStep[] {
  return ops
    .split(' ')
    .reduce<string[]>((list, word) => {
      if (/^(fork|wake|pause)$/.test(list.at(-1) ?? '')) list[list.length - 1] += ` ${word}`;
      else list.push(word);
      return list;
    }, [])
    .map((op) => ({ tid, op, ...more }));
}

/** `a→b` for every edge of the graph, sorted. */
export function edgesOf(replay: CaptureReplay): string[] {
  const { events, classes } = replay.engine.models.locks;
  return events.graph.edges.map((edge) => `${classes[edge.from].name}→${classes[edge.to].name}`).sort();
}
