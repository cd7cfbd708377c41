/** A chain under construction from what a log says: times of single links are not in it, the whole blocked time is booked on the last one. */
import type { ChainLink, ChainLinkKind, Evidence, LogTask, Note, Root } from '../../../../schema/index.ts';
import { type NoteInput, NoteSet } from '../../core/note.ts';
import { splitLabel } from '../../core/wording.ts';
import type { LogPlace } from '../../model/log/log.ts';
import type { LogRecord } from '../../record/log-record.ts';
import { reportEvidence } from './evidence.ts';

export interface LogChain {
  readonly links: readonly ChainLink[];
  readonly root: Root;
  readonly evidence: readonly Evidence[];
  readonly notes: readonly Note[];
}

export interface LogLinkDetails {
  readonly tid?: number;
  readonly cpu?: number;
  readonly note?: string;
  readonly rule?: string;
  /** The report that shows it. */
  readonly place?: LogPlace;
  readonly closes?: boolean;
}

export class LogChainDraft {
  /** Each waits for the next. */
  readonly #way: (LogLinkDetails & { readonly kind: ChainLinkKind; readonly name: string })[] = [];
  readonly #branches: (LogLinkDetails & {
    readonly kind: ChainLinkKind;
    readonly name: string;
    readonly parent: number;
  })[] = [];
  readonly #notes = new NoteSet();
  readonly #log: LogRecord;
  readonly #evidence: Evidence[] = [];
  root: Root = { kind: 'unknown' };

  constructor(log: LogRecord) {
    this.#log = log;
  }

  /** Tasks of the chain so far. */
  tasks(): LogTask[] {
    return this.#way.flatMap(({ name, tid }) => (tid === undefined ? [] : [{ comm: splitLabel(name).task, tid }]));
  }

  /** The next link of the way to the root. @returns its place */
  link(kind: ChainLinkKind, name: string, details: LogLinkDetails): number {
    const last = this.#way.at(-1);
    if (last && details.tid !== undefined && last.tid === details.tid && !details.closes) {
      // Met as a reader, say, and as a blocked task: one link.
      const note = [last.note, details.note].filter((part) => part !== undefined).join(', ');
      this.#way[this.#way.length - 1] = { ...details, ...last, ...(note !== '' && { note }) };
      return this.#way.length - 1;
    }
    return this.#way.push({ kind, name, ...details }) - 1;
  }

  /** Another that the link at `parent` waits for. */
  branch(parent: number, kind: ChainLinkKind, name: string, details: LogLinkDetails): void {
    this.#branches.push({ kind, name, parent, ...details });
  }

  note(sentence: NoteInput): void {
    this.#notes.add(sentence);
  }

  cite(place: LogPlace, role: string): void {
    this.#evidence.push(...reportEvidence(this.#log, [place], role));
  }

  finish(blockedNs: number): LogChain {
    const last = this.#way.length - 1;
    return {
      links: [
        ...this.#way.map(({ place, ...link }, i) => ({
          ...link,
          ...this.#shown(place),
          blame_ns: i === last ? blockedNs : 0,
          ...(i > 0 && { parent: i - 1 }),
        })),
        ...this.#branches.map(({ place, ...link }) => ({ ...link, ...this.#shown(place), blame_ns: 0 })),
      ],
      root: this.root,
      evidence: this.#evidence,
      notes: this.#notes.list(),
    };
  }

  /** Its line, or the printk:console event that carried it. */
  #shown(place: LogPlace | undefined): { line?: number; event?: number } {
    const [shown] = place ? reportEvidence(this.#log, [place], '') : [];
    if (!shown) return {};
    return 'line' in shown ? { line: shown.line } : { event: shown.event };
  }
}
