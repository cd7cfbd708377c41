/**
 * What every model sees: the run's dictionary and settings, the position in time, and where facts go.
 * Pure and synchronous: no clock, no randomness, no I/O anywhere below src/replay.
 */
import {
  DEFAULT_THRESHOLDS,
  Dictionary,
  type EventCursor,
  type EventType,
  type Fact,
  type FactName,
  type FactSink,
  type FieldPosition,
  factFunctions,
  type KernelProfile,
  type LogReport,
  type Thresholds,
} from '../../../schema/index.ts';

/** What stands for a frame whose address has no symbol. */
const NO_NAME = /^(?:$|\[unknown\]$|0x[0-9a-f]+$|[0-9a-f]{8,}$)/;

/** Consumes one event; the cursor is valid during the call only. */
export type EventHandler = (event: EventCursor) => void;

/** Consumes the events of a type that have one of a few names, as of a lock class: the others cost it nothing. */
export interface NamedHandler {
  /** The field that holds the name. */
  readonly field: FieldPosition<'str'>;
  /** The handler for that name, or undefined when it is of no interest. Asked once per name. */
  readonly of: (name: string) => EventHandler | undefined;
}

/** One kernel mechanism. Models are asked in the order of the engine's list, so a later one sees what an earlier one concluded. */
export interface Model {
  /** The handler for events of this type, or undefined when they are of no interest. Asked once per type (and again when it grows). */
  subscribe(type: EventType): EventHandler | NamedHandler | undefined;
  /** Kernel-log report completed at this point of the timeline. */
  onReport?(report: LogReport): void;
  /** End of the capture at `endNs`: close what is open, write the remaining facts. */
  finish?(endNs: number): void;
}

export class World {
  readonly dictionary = new Dictionary();
  readonly profile: KernelProfile;
  readonly thresholds: Thresholds;
  #facts: FactSink;
  /** Models of which the recording ended before that of others, and when; filled at the end of the run. */
  readonly endsEarly = new Map<Model, number>();
  /** Fields of the profile that the user fixed: evidence from the capture does not change them (MODEL §0 order). */
  readonly pinned: ReadonlySet<keyof KernelProfile>;
  /** An event of the trace was consumed: `firstNs` holds. Lines of a log beside it begin nothing. */
  begun = false;
  firstNs = 0;
  /** Time of the event being consumed. */
  nowNs = 0;
  /** Id of the last event of the batch being consumed. */
  lastEvent = 0;
  /** Events seen by event name, for assessments. */
  readonly seen = new Map<string, number>();
  /** Whether any event carries a stack. */
  stacksSeen = 0;
  /** One of them has a frame with a name. */
  stacksNamed = false;
  readonly #nameless = new Set<number>();
  /** Whether any event carries context flags. */
  contextFlagsSeen = false;
  /** Lost-event markers (MODEL E0.3). */
  lostMarkers = 0;
  readonly reportsSeen = new Map<string, number>();
  /** Kinds of reports of which the log holds lines that could not be read. */
  readonly unreadReports = new Set<string>();

  constructor(options: { profile?: KernelProfile; thresholds?: Partial<Thresholds>; facts: FactSink }) {
    this.profile = { ...options.profile };
    this.pinned = new Set(Object.keys(this.profile) as (keyof KernelProfile)[]);
    this.thresholds = { ...DEFAULT_THRESHOLDS, ...options.thresholds };
    this.#facts = options.facts;
  }

  /** Where facts and samples go. */
  get facts(): FactSink {
    return this.#facts;
  }

  /** The stack of a context switch. */
  noteStack(stack: number): void {
    this.stacksSeen++;
    if (this.stacksNamed || this.#nameless.has(stack)) return;
    if (this.dictionary.stackSymbols(stack).some((symbol) => !NO_NAME.test(symbol))) this.stacksNamed = true;
    else this.#nameless.add(stack);
  }

  /** Sets a profile field from evidence, unless the user fixed it. */
  learn<K extends keyof KernelProfile>(field: K, value: KernelProfile[K]): void {
    if (!this.pinned.has(field) && value !== undefined) this.profile[field] = value;
  }

  /** Facts that are open within `emit` are cut: nothing of their kind was recorded after that. */
  withFactsUntil(untilNs: number, emit: () => void): void {
    const sink = this.#facts;
    const cut = <N extends FactName>(name: N): ((fact: Fact<N>) => void) => {
      const put = sink[name] as (fact: object) => void;
      return (fact) => {
        const { startNs, endNs } = fact as { readonly startNs?: number | null; readonly endNs?: number | null };
        put(endNs === null ? { ...fact, endNs: Math.max(startNs ?? 0, untilNs) } : fact);
      };
    };
    this.#facts = {
      ...factFunctions(cut),
      sample: (metric, by, valueNs) => sink.sample(metric, by, valueNs),
      openSample: (metric, by) => sink.openSample(metric, by),
    };
    try {
      emit();
    } finally {
      this.#facts = sink;
    }
  }

  /** Sum of events seen under any of the names. */
  count(...names: string[]): number {
    return names.reduce((sum, name) => sum + (this.seen.get(name) ?? 0), 0);
  }
}
