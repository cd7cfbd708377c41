/**
 * Puts lines together again that the kernel printed in pieces (KERN_CONT): in a log the pieces are one line, as printk:console
 * events each is an event of its own (MODEL G0.3; kernel/locking/lockdep.c print_lock, print_circular_bug_entry).
 *
 *     -> #3
 *      (
 *     &rq->__lock
 *     ){-.-.}-{2:2}
 *     :
 */

/** A piece that a lock's name follows. */
const OPENS = /^(?:-> #\d+|[0-9a-f]{8,16}|\s*#\d+:\s*(?:[0-9a-f]{8,16})?)$/;
/** A piece that belongs behind what came before it, whatever that was. */
const FOLLOWS = /^(?: \($|\)\{|\)$|, at: |:$|#\d+$|\/\d+$)/;
/**
 * Lines that go on piece by piece until an empty piece, the line end, comes (kernel/workqueue.c wq_watchdog_timer_fn, show_pwq,
 * show_one_worker_pool).
 */
const LISTS = /^\s*(?:BUG: workqueue lockup - pool|pwq \d+:|pool \d+:|(?:in-flight|pending|inactive|delayed):)/;
/** The line of a task's dump, up to where it goes on, and how (kernel/sched/core.c sched_show_task). */
const TASK_LINE = /^task:.{1,64}\sstate:\S(?: +running task *)?$/;
const TASK_PIECE = /^ +(?:running task|stack:)/;
/** Begins a line of its own, whatever was pending. */
const NEW_LINE =
  /^(?:workqueue \S+:|pool \d+:|Showing |BUG: |INFO: |rcu: |CPU: |task:|NMI |Call [Tt]race:|\s*(?:pwq \d+:|(?:in-flight|pending|inactive|delayed):))/;
const ADDRESS = /^[0-9a-f]{8,16}$/;
const NUMBER_ONLY = /^\s*#\d+:\s*$/;

/** Longer than any lock line; a name that never ends is given up. */
const MAX_LENGTH = 1024;

/** One caller's stream of pieces. */
export class FragmentJoiner {
  #pending = '';

  /** The lines that are complete now that `piece` has come. */
  push(piece: string): string[] {
    const pending = this.#pending;
    if (piece.trim() === '' && !(LISTS.test(pending) && piece !== '')) return this.finish();
    if (pending !== '' && pending.length < MAX_LENGTH && belongs(pending, piece)) {
      this.#pending = pending + piece;
      return [];
    }
    const complete = pending === '' ? [] : [pending];
    if (OPENS.test(piece) || LISTS.test(piece) || TASK_LINE.test(piece)) {
      this.#pending = piece;
      return complete;
    }
    this.#pending = '';
    complete.push(piece);
    return complete;
  }

  /** What is left when the stream ends. */
  finish(): string[] {
    const pending = this.#pending;
    this.#pending = '';
    return pending === '' ? [] : [pending];
  }
}

function belongs(pending: string, piece: string): boolean {
  if (pending.endsWith(' (')) return true;
  if (LISTS.test(pending)) return !NEW_LINE.test(piece);
  if (NUMBER_ONLY.test(pending)) return ADDRESS.test(piece);
  if (TASK_LINE.test(pending)) return TASK_PIECE.test(piece);
  return FOLLOWS.test(piece);
}
