/**
 * Kernel reports from printk:console events inside a trace. Their texts go through the same grammar as a kernel log; reports that a log of the
 * same run has too are left out.
 */
import { FragmentJoiner } from '../../parsers/console/layout/wrap/fragment-joiner.ts';
import { callerKey, LogGrammar } from '../../parsers/console/log-grammar.ts';
import type { DictionaryWriter } from '../../parsers/index.ts';
import { CELL_STR, CELL_TEXT, type EventBatch, type LogReport, NO_CPU, NO_TID } from '../../schema/index.ts';
import type { LogReportMark } from './clock-alignment.ts';

/** printk and the console event are microseconds apart; a report's lines, milliseconds. */
const SAME_REPORT_NS = 50e6;

const STAMP = /^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])? ?/;

export class ConsoleReports {
  readonly #dictionary: DictionaryWriter;
  readonly #known: readonly LogReportMark[];
  readonly #toleranceNs: number;
  readonly #grammar = new LogGrammar();
  /** Per caller: lock lines come in pieces. */
  readonly #joiners = new Map<ReturnType<typeof callerKey>, FragmentJoiner>();
  #typeId: number | undefined;
  #lastNs = 0;
  /** Names of the tasks of the trace so far: stall reports write `P127`. */
  readonly #comms = new Map<number, number>();

  /** @param known reports of the logs of this run, on the trace's timeline. */
  constructor(dictionary: DictionaryWriter, known: readonly LogReportMark[], uncertaintyNs: number) {
    this.#dictionary = dictionary;
    this.#known = known;
    this.#toleranceNs = SAME_REPORT_NS + uncertaintyNs;
  }

  /** Reports completed within this batch, which is in time order. */
  read(batch: EventBatch): LogReport[] {
    this.#typeId ??= this.#dictionary.typeId('console');
    const typeId = this.#typeId;
    if (typeId === undefined) return [];
    const { type, tid, comm } = batch;
    for (let i = 0; i < batch.length; i++) {
      if (comm[i] !== 0 && tid[i] > 0) this.#comms.set(tid[i], comm[i]);
      if (type[i] === typeId) this.#feed(batch, i);
    }
    return this.#news(this.#grammar.take());
  }

  finish(): LogReport[] {
    for (const [caller, joiner] of this.#joiners)
      for (const rest of joiner.finish()) this.#grammar.feed(this.#lastNs, 0, undefined, caller, rest.trimEnd());
    return this.#news(this.#grammar.finish());
  }

  #feed(batch: EventBatch, i: number): void {
    const cell = batch.cellStart(i);
    if (cell >= batch.cellEnd[i]) return;
    const value = batch.cellValue[cell];
    const tag = batch.cellTag[cell];
    const text = tag === CELL_TEXT ? batch.texts[value] : tag === CELL_STR ? this.#dictionary.text(value) : '';
    const cpu = batch.cpu[i] === NO_CPU ? undefined : batch.cpu[i];
    const tid = batch.tid[i] === NO_TID ? undefined : batch.tid[i];
    // One event may hold several lines.
    const caller = callerKey(tid, cpu);
    for (const line of text.split('\n')) {
      const plain = line.replace(STAMP, '');
      for (const joined of this.#joiner(caller).push(plain)) {
        this.#grammar.feed(batch.tsNs[i], 0, cpu, caller, joined.trimEnd());
        this.#lastNs = batch.tsNs[i];
      }
    }
  }

  #joiner(caller: ReturnType<typeof callerKey>): FragmentJoiner {
    let joiner = this.#joiners.get(caller);
    if (joiner === undefined) {
      joiner = new FragmentJoiner();
      this.#joiners.set(caller, joiner);
    }
    return joiner;
  }

  /** The report with the names that the trace knows. */
  #named(report: LogReport): LogReport {
    if (report.kind !== 'rcu-stall') return report;
    const tasks = report.tasks.map((task) => {
      const comm = task.comm ?? this.#dictionary.text(this.#comms.get(task.tid) ?? 0);
      return comm === '' || comm.startsWith('<') ? task : { ...task, comm };
    });
    return { ...report, tasks };
  }

  #news(reports: LogReport[]): LogReport[] {
    return reports
      .map((report) => this.#named(report))
      .filter(
        (report) =>
          !this.#known.some(
            (known) => known.kind === report.kind && Math.abs(known.tsNs - report.tsNs) <= this.#toleranceNs,
          ),
      );
  }
}
