/** A chain under construction from what a log says: times of single links are not in it, the whole blocked time is booked on the last one. */
import type { ChainLink, Evidence, LogTask, Note, Root } from '../../../../../schema/index.ts';
import { type NoteInput, NoteSet } from '../../../core/note.ts';
import type { WaitStep } from '../../../core/wait-walk.ts';
import { splitLabel } from '../../../core/wording.ts';
import type { WaitEdge } from '../../../knowledge/waits-for.ts';
import type { LogPlace } from '../../../model/log/log.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { reportEvidence } from '../evidence.ts';

export interface LogChain {
  readonly links: readonly ChainLink[];
  readonly root: Root;
  readonly evidence: readonly Evidence[];
  readonly notes: readonly Note[];
}

/** Something that is waited for, as far as the log tells. */
export interface LogStep extends WaitStep<number, LogStep> {
  /** A task that was reported as blocked, or that closes a cycle: its thread id. */
  readonly node?: number | undefined;
  readonly edge: WaitEdge;
  readonly name: string;
  readonly tid?: number;
  readonly cpu?: number;
  readonly note?: string | undefined;
  /** The report that shows it. */
  readonly place?: LogPlace | undefined;
  readonly evidence?: readonly { readonly place: LogPlace; readonly role: string }[];
  /** Of the chain. */
  readonly notes?: readonly NoteInput[];
  /** Of the chain, unless something behind it is the root. */
  readonly root?: Root;
  /** The root when nothing else is. */
  readonly lastResort?: Root;
}

/** A step that the walk has taken, and those behind it: the first is on the way to the root, the others are branches. */
export interface TakenStep {
  readonly step: LogStep;
  readonly closes: boolean;
  readonly behind: readonly TakenStep[];
}

type DraftLink = Omit<ChainLink, 'blame_ns' | 'parent'> & { readonly place?: LogPlace };

export class LogChainDraft {
  /** Each waits for the next. */
  readonly #way: DraftLink[] = [];
  readonly #branches: (DraftLink & { readonly parent: number })[] = [];
  readonly #notes = new NoteSet();
  readonly #log: LogRecord;
  readonly #evidence: Evidence[] = [];
  #root: Root = { kind: 'unknown' };
  #lastResort: Root | undefined;

  /** @param first the blocked task, with all that it waits for */
  constructor(log: LogRecord, first: TakenStep) {
    this.#log = log;
    this.#add([first]);
  }

  get root(): Root {
    return this.#root.kind === 'unknown' ? (this.#lastResort ?? this.#root) : this.#root;
  }

  set root(root: Root) {
    this.#root = root;
  }

  #add([onward, ...others]: readonly TakenStep[]): void {
    if (!onward) return;
    const parent = this.#way.length - 1;
    this.#link(linkOf(onward));
    this.#tell(onward);
    for (const other of others) {
      this.#branches.push({ ...linkOf(other), parent });
      this.#tell(other);
    }
    this.#add(onward.behind);
  }

  #tell({ step, closes }: TakenStep): void {
    for (const { place, role } of step.evidence ?? []) this.#evidence.push(...reportEvidence(this.#log, [place], role));
    for (const sentence of step.notes ?? []) this.note(sentence);
    // A task that is met again can be woken by no task outside (W4.41).
    this.#root = closes ? { kind: 'deadlock', ...splitLabel(step.name) } : (step.root ?? this.#root);
    this.#lastResort = step.lastResort ?? this.#lastResort;
  }

  #link(link: DraftLink): void {
    const last = this.#way.at(-1);
    if (!last || link.tid === undefined || last.tid !== link.tid || link.closes) {
      this.#way.push(link);
      return;
    }
    // Met as a reader, say, and as a blocked task: one link.
    const note = [last.note, link.note].filter((part) => part !== undefined).join(', ');
    this.#way[this.#way.length - 1] = { ...link, ...last, ...(note !== '' && { note }) };
  }

  /** Tasks on the way. */
  tasks(): LogTask[] {
    return this.#way.flatMap(({ name, tid }) => (tid === undefined ? [] : [{ comm: splitLabel(name).task, tid }]));
  }

  note(sentence: NoteInput): void {
    this.#notes.add(sentence);
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

function linkOf({ step, closes }: TakenStep): DraftLink {
  const { edge, name, tid, cpu, note, place } = step;
  return {
    kind: edge.kind,
    name,
    ...(tid !== undefined && { tid }),
    ...(cpu !== undefined && { cpu }),
    ...(note !== undefined && { note }),
    ...(edge.rule !== undefined && { rule: edge.rule }),
    ...(place && { place }),
    ...(closes && { closes }),
  };
}
