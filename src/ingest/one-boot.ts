/**
 * Whether captures belong together: a run is one boot of one machine, and what two boots recorded, put on one timeline, shows waits and stalls that nobody
 * had. Only proof counts: another machine, another kernel release, a kernel that was loaded elsewhere (KASLR), a kthread of the kernel's own under another number, or console
 * lines that a complete log does not have. Times prove nothing: traces of one boot may lie apart, and their clocks may count from elsewhere.
 */
import { CaptureError, type EventBatch, type LogReport } from '../../schema/index.ts';

/** What the user can do. */
const ADVICE = 'captures of one run are of one boot: give them to runs of their own (--separate)';

/** Console lines of a trace that the log does not have: so many are no accident. */
export const FOREIGN_LINES = 3;
/** The clocks of trace and log differ by no more within one boot (E0.5). */
export const CLOCKS_DIFFER_NS = 5e9;

/** `6.12.117-labA+`: the plus says that the source tree was not clean, and some tools leave it out. */
const plain = (release: string): string => release.replace(/\++$/, '');

/** The kernel release that a report of the log states. */
export function releaseIn(report: LogReport): string | undefined {
  if (report.kind === 'banner') return report.release;
  return report.kind === 'kernel-setting' && report.field === 'release' ? report.value : undefined;
}

/** The release of each boot, and which capture says so. */
export class KernelOfBoots {
  readonly #known = new Map<number, { readonly release: string; readonly capture: string }>();

  /** @throws CaptureError when another capture of the boot is of another kernel */
  see(boot: number, release: string, capture: string): void {
    const known = this.#known.get(boot);
    if (known === undefined) this.#known.set(boot, { release, capture });
    else if (known.capture !== capture && plain(known.release) !== plain(release))
      throw new CaptureError(
        `${known.capture} is of kernel ${known.release}, ${capture} of kernel ${release}; ${ADVICE}`,
      );
  }
}

/**
 * Kthreads that the kernel makes once, when it boots or brings a CPU up, and keeps (a CPU that goes offline parks them). None of them is a name that others take. Names
 * are cut at 15 characters by some recorders: those are shorter.
 */
const KTHREAD = /^(?:rcu_preempt|rcu_sched|khungtaskd|oom_reaper|(?:ksoftirqd|migration|cpuhp)\/\d{1,4})$/;

/** What is known of a boot by one of its captures. */
interface Mark {
  readonly value: string;
  readonly capture: string;
}

/** What a machine is called before somebody names it. */
const UNNAMED: ReadonlySet<string> = new Set([
  '',
  '(none)',
  'localhost',
  'linux',
  'debian',
  'ubuntu',
  'fedora',
  'buildroot',
]);

/** Marks of each boot that stay the same until the next one. */
export class MarksOfBoots {
  readonly #marks = new Map<string, Mark>();
  /** By string id: whether it names such a kthread; 0 not looked at, 1 no, 2 yes. */
  #named = new Uint8Array(1024);

  /** @throws CaptureError when another capture of the boot names another machine */
  seeHost(boot: number, hostname: string, capture: string): void {
    const [name] = hostname.toLowerCase().split('.');
    if (UNNAMED.has(name)) return;
    const known = this.#see(boot, 'hostname', name, capture);
    if (known)
      throw new CaptureError(`${known.capture} is of machine ${known.value}, ${capture} of machine ${name}; ${ADVICE}`);
  }

  /** @throws CaptureError when another capture of the boot has the kernel's text elsewhere */
  seeText(boot: number, text: Readonly<Record<string, string>>, capture: string): void {
    for (const [symbol, address] of Object.entries(text)) {
      const known = this.#see(boot, symbol, address, capture);
      if (known)
        throw new CaptureError(
          `${known.capture} and ${capture} are of different boots: the kernel's ${symbol} was at ${known.value} and at ${address}; ${ADVICE}`,
        );
    }
  }

  /**
   * Kthreads among the tasks of a batch. Hot where a run has several captures.
   * @throws CaptureError when another capture of the boot knows one under another number
   */
  seeTasks({ boot, comm, tid, length }: EventBatch, text: (id: number) => string, capture: string): void {
    let last = 0;
    for (let i = 0; i < length; i++) {
      const id = comm[i];
      if (id === last || id === 0) continue;
      last = id;
      if (id >= this.#named.length) {
        const grown = new Uint8Array(Math.max(id + 1, this.#named.length * 2));
        grown.set(this.#named);
        this.#named = grown;
      }
      if (this.#named[id] === 0) this.#named[id] = KTHREAD.test(text(id)) ? 2 : 1;
      if (this.#named[id] === 2 && tid[i] > 0) this.seeTask(boot, text(id), tid[i], capture);
    }
  }

  /** @throws CaptureError as {@link seeTasks} */
  seeTask(boot: number, comm: string, tid: number, capture: string): void {
    if (!KTHREAD.test(comm)) return;
    const known = this.#see(boot, comm, String(tid), capture);
    if (known)
      throw new CaptureError(
        `${known.capture} and ${capture} are of different boots: ${comm} was task ${known.value} and task ${tid}; ${ADVICE}`,
      );
  }

  /** @returns what another capture says, when it says something else */
  #see(boot: number, name: string, value: string, capture: string): Mark | undefined {
    const key = `${boot} ${name}`;
    const known = this.#marks.get(key);
    if (known === undefined) this.#marks.set(key, { value, capture });
    else if (known.capture !== capture && known.value !== value) return known;
    return undefined;
  }
}

/** Refuses a trace whose console lines are not in the log of the same time. */
export function refuseOtherBoot(trace: string, log: string, line: string): never {
  throw new CaptureError(
    `${log} is the log of another boot than ${trace}: it lacks what the kernel printed during the trace ("${line.slice(0, 60)}"); ${ADVICE}`,
  );
}
