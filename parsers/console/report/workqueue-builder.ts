/** Workqueue lockups with their pool dumps (MODEL 7.5; kernel/workqueue.c wq_watchdog_timer_fn, show_one_workqueue, show_pwq). */
import type { LogBacktrace, LogReport } from '../../../schema/index.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

type Lockup = Extract<LogReport, { kind: 'workqueue-lockup' }>;
type Busy = Lockup['busy'][number];

const MAX_BUSY = 512;
const MAX_DUMPS = 64;

/** `BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 36s!` */
export function openWorkqueueLockup(text: string): WorkqueueLockupBuilder | undefined {
  const match = /^BUG: workqueue lockup - pool (.{1,200}?) stuck for (\d{1,9})s!/.exec(text);
  return match ? new WorkqueueLockupBuilder(match[1], Number(match[2])) : undefined;
}

export class WorkqueueLockupBuilder implements ReportBuilder {
  readonly family = 'workqueue';
  readonly done = false;
  readonly #pool: string;
  readonly #seconds: number;
  readonly #busy: Busy[] = [];
  readonly #dumps: LogBacktrace[] = [];
  #workqueue = '';
  #pwqPool: string | undefined;
  #state: Busy['state'] | undefined;

  constructor(pool: string, seconds: number) {
    this.#pool = pool;
    this.#seconds = seconds;
  }

  suspend(): void {
    // Stacks are dumps of their own.
  }

  accept({ text }: LogLine): boolean {
    const workqueue = /^workqueue (\S+): flags=0x/.exec(text);
    if (workqueue) {
      this.#workqueue = workqueue[1];
      this.#state = undefined;
      return true;
    }
    // `  pwq 0: cpus=0 node=0 flags=0x0 nice=0 active=2/256 refcnt=3`
    const pwq = /^pwq \d+: (.*?) active=/.exec(text);
    if (pwq) {
      this.#pwqPool = pwq[1];
      this.#state = undefined;
      return true;
    }
    const works = /^(in-flight|pending|inactive|delayed): (.*)$/.exec(text);
    if (works && this.#workqueue) {
      this.#state = works[1] === 'delayed' ? 'inactive' : (works[1] as Busy['state']);
      this.#works(works[2]);
      return true;
    }
    // A long list continues where a piece was printed apart (G0.3).
    if (this.#state && /^, /.test(text)) {
      this.#works(text.slice(2));
      return true;
    }
    return /^(?:Showing (?:busy workqueues|backtraces of)|pool \d+: )/.test(text);
  }

  /** `3691:do_bad_fn for 31s ,4(RESCUER):b BAR(5)`, `2*vmstat_shepherd, check_corruption` */
  #works(list: string): void {
    const state = this.#state;
    if (!state) return;
    for (const item of list.split(',')) {
      const match =
        /^\s*(?:BAR\((\d{1,10})\) )?(?:(\d{1,10})(?:\(RESCUER\))?:)?(?:\d+\*)?([^\s:(]\S*)(?: BAR\((\d{1,10})\))?(?: for (\d{1,9})s)?/.exec(
          item,
        );
      if (!match || this.#busy.length >= MAX_BUSY) continue;
      const tid = match[2] ?? match[1] ?? match[4];
      this.#busy.push({
        workqueue: this.#workqueue,
        fn: match[3],
        ...(tid !== undefined && { tid: Number(tid) }),
        state,
        ...(this.#pwqPool !== undefined && { pool: this.#pwqPool }),
        ...(match[5] !== undefined && { seconds: Number(match[5]) }),
      });
    }
  }

  adopt(dump: LogBacktrace): boolean {
    if (this.#dumps.length < MAX_DUMPS) this.#dumps.push(dump);
    return true;
  }

  finish(): ReportBody {
    return {
      kind: 'workqueue-lockup',
      pool: this.#pool,
      seconds: this.#seconds,
      busy: this.#busy,
      ...(this.#dumps.length > 0 && { dumps: this.#dumps }),
    };
  }
}
