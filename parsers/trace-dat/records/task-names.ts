/**
 * Task names as `trace-cmd report` shows them in front of a record: from the saved command lines, and for tasks that are not
 * there from the first sched_switch or sched_wakeup that names them (libtraceevent plugin_sched_switch). A name once known
 * stays, whatever the task calls itself later.
 *
 *     16 rcu_preempt
 *     65 lab_abba/1
 */
import type { DictionaryWriter } from '../../dictionary-writer.ts';
import { fieldNamed } from '../../tracefs-format/decode/field-plan.ts';
import type { RecordBytes } from '../../tracefs-format/decode/record-bytes.ts';
import type { EventFormat } from '../../tracefs-format/event-format.ts';

/** PID_MAX_LIMIT of 64-bit kernels: names of these tasks are in an array. */
const PID_MAX_LIMIT = 1 << 22;

/** Fields of an event that tell the name of a task. */
const TELLING: Record<string, readonly (readonly [comm: string, pid: string])[]> = {
  sched_switch: [
    ['prev_comm', 'prev_pid'],
    ['next_comm', 'next_pid'],
  ],
  sched_wakeup: [['comm', 'pid']],
  sched_wakeup_new: [['comm', 'pid']],
};

/** Learns names from a record of one event type. */
export type NameTeller = (record: RecordBytes, start: number, end: number) => void;

export class TaskNames {
  readonly #dictionary: DictionaryWriter;
  readonly #unknown: number;
  /** String id + 1 by pid; 0 for a name not known yet. */
  #byPid = new Int32Array(4096);
  readonly #others = new Map<number, number>();

  constructor(savedCmdlines: string, dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
    this.#unknown = dictionary.string('<...>');
    this.#learn(0, dictionary.string('<idle>'));
    for (let at = 0; at < savedCmdlines.length; ) {
      const newline = savedCmdlines.indexOf('\n', at);
      const end = newline < 0 ? savedCmdlines.length : newline;
      const match = /^\s*(\d{1,10})\s+(.+)$/.exec(savedCmdlines.slice(at, Math.min(end, at + 256)));
      if (match) this.#learn(Number(match[1]), dictionary.string(match[2]));
      at = end + 1;
    }
  }

  /** String id of the name of a task, of `<...>` when it is not known. */
  of(pid: number): number {
    const id = pid >= 0 && pid < this.#byPid.length ? this.#byPid[pid] : (this.#others.get(pid) ?? 0);
    return id === 0 ? this.#unknown : id - 1;
  }

  #knows(pid: number): boolean {
    return pid >= 0 && pid < this.#byPid.length ? this.#byPid[pid] !== 0 : this.#others.has(pid);
  }

  #learn(pid: number, name: number): void {
    if (this.#knows(pid)) return;
    if (pid < 0 || pid >= PID_MAX_LIMIT) {
      // Only damage makes such pids; a few are kept.
      if (this.#others.size < 65536) this.#others.set(pid, name + 1);
      return;
    }
    if (pid >= this.#byPid.length) {
      const grown = new Int32Array(Math.min(PID_MAX_LIMIT, 2 ** Math.ceil(Math.log2(pid + 1))));
      grown.set(this.#byPid);
      this.#byPid = grown;
    }
    this.#byPid[pid] = name + 1;
  }

  /** What the records of an event teach; undefined when nothing. */
  teller(format: EventFormat, littleEndian: boolean): NameTeller | undefined {
    if (format.system !== 'sched') return undefined;
    const pairs = (TELLING[format.name] ?? [])
      .map(([comm, pid]) => ({ comm: fieldNamed(format, comm), pid: fieldNamed(format, pid) }))
      .filter(({ comm, pid }) => comm?.layout === 'inline' && pid?.sizeBytes === 4);
    if (pairs.length === 0) return undefined;
    const places = pairs.map(({ comm, pid }) => ({
      pidAt: pid?.offset ?? 0,
      commAt: comm?.offset ?? 0,
      commBytes: comm?.sizeBytes ?? 0,
    }));
    return (record, start, end) => {
      for (const { pidAt, commAt, commBytes } of places) {
        if (start + pidAt + 4 > end || start + commAt + commBytes > end) continue;
        const pid = record.view.getInt32(start + pidAt, littleEndian);
        if (this.#knows(pid)) continue;
        let nul = start + commAt;
        while (nul < start + commAt + commBytes && record.bytes[nul] !== 0) nul++;
        this.#learn(pid, this.#dictionary.bytes(record.bytes, start + commAt, nul));
      }
    };
  }
}
