/**
 * How lockdep writes locks, tasks and held lists (MODEL G7.1; kernel/locking/lockdep.c print_lock, print_lock_class_header,
 * lockdep_print_held_locks).
 */
import type { LogLock, LogTask } from '../../../schema/index.ts';

const HIDDEN = '(____ptrval____)';
const HEX_WORD = /^(?:0x)?[0-9a-f]{8,16}$/;

/**
 * Reads a lock line:
 *
 *     ffffffffa0005a78 (lab_srcu_srcu_usage.lock){....}-{2:2}, at: srcu_gp_start_if_needed+0xb3/0x540
 *      (console_lock){+.+.}, at: [<00000000ec170b5b>] vcs_write+0x14d/0xca0
 *      (&dev->event_lock){-.-.}-{2:2} {
 *
 * Names contain spaces and brackets, therefore the name ends at the last `){`. Undefined when the text is no lock.
 */
export function parseLock(text: string): LogLock | undefined {
  // Kernels that hide addresses print this one early in the boot.
  if (text.includes(HIDDEN)) return parseLock(text.replace(HIDDEN, ''));
  const open = text.indexOf('(');
  const at = text.indexOf(', at:', open);
  const close = text.lastIndexOf('){', at < 0 ? text.length : at);
  if (open < 0 || close <= open) return undefined;
  const brace = text.indexOf('}', close);
  if (brace < 0) return undefined;
  const before = text.slice(0, open).trim();
  if (before && !HEX_WORD.test(before)) return undefined;
  const usage = text.slice(close + 2, brace);
  if (!/^[.+?-]{2,12}$/.test(usage)) return undefined;
  const wait = /^-\{(\d+):(\d+)\}/.exec(text.slice(brace + 1, brace + 12));
  const site = at < 0 ? undefined : parseSite(text.slice(at + 5));
  return {
    name: text.slice(open + 1, close),
    ...(before && { address: before.replace(/^0x/, '') }),
    usage,
    ...(wait && { outer: Number(wait[1]), inner: Number(wait[2]) }),
    ...(site && { site }),
  };
}

/** `[<00000000ec170b5b>] vcs_write+0x14d/0xca0` → `vcs_write+0x14d/0xca0`. Undefined when nothing is left. */
export function parseSite(text: string): string | undefined {
  return text.replace(/^\s*\[<\s*[0-9a-f]+>\]/, '').trim() || undefined;
}

/** `-> #2 (&p->pi_lock){-.-.}-{2:2}:` → the lock with its position in the chain. */
export function parseChainEntry(text: string): { index: number; lock: LogLock } | undefined {
  const match = /^\s*-> #(\d{1,4})(?=[ (:])/.exec(text);
  const lock = match ? parseLock(text.slice(match[0].length)) : undefined;
  return match && lock ? { index: Number(match[1]), lock } : undefined;
}

/** `(&dev->event_lock){-.-.}-{2:2}`: a class named in a listing, without instance. */
export function parseClassName(text: string): string | undefined {
  return parseLock(text)?.name;
}

/** `<comm>/<pid>`: the comm may hold slashes, spaces and colons, so the pid is what follows the last slash. */
export function parseTask(text: string): LogTask | undefined {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return undefined;
  const digits = text.slice(slash + 1);
  return /^\d{1,10}$/.test(digits) ? { comm: text.slice(0, slash), tid: Number(digits) } : undefined;
}

/** The task in front of `phrase`: `lab_irq/2/67 [HC0[0]:SC0[0]:HE0:SE1] is trying to acquire:`. */
export function taskBefore(text: string, phrase: string): LogTask | undefined {
  const end = text.indexOf(phrase);
  if (end <= 0) return undefined;
  return parseTask(
    text
      .slice(0, end)
      .replace(/\[HC\d.*$/, '')
      .trim(),
  );
}

/** `3 locks held by kworker/0:0/7:`, `no locks held by syz-fuzzer/4405.`; the list is empty in the second form. */
export function parseHeldHeader(text: string): { task: LogTask; count: number } | undefined {
  const start = text.indexOf(' held by ');
  if (start < 0 || start > 12) return undefined;
  const match = /^\s*(?:(\d{1,3}) locks?|no locks)$/.exec(text.slice(0, start));
  const task = match ? parseTask(text.slice(start + 9).replace(/[:.]\s*$/, '')) : undefined;
  return match && task ? { task, count: match[1] === undefined ? 0 : Number(match[1]) } : undefined;
}

/** ` #1: ffff… (name){..}, at: …` → position and what follows it. */
export function parseHeldEntry(text: string): { index: number; rest: string } | undefined {
  const match = /^\s*#(\d{1,2}):/.exec(text);
  return match ? { index: Number(match[1]), rest: text.slice(match[0].length) } : undefined;
}
