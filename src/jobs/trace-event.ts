/** Events as plain objects, for programs. */
import {
  CELL_INT,
  CELL_NULL,
  CELL_REAL,
  CELL_STR,
  CELL_TEXT,
  CTX_KNOWN,
  type Dictionary,
  type EventBatch,
  formatContextFlags,
  NO_CPU,
  NO_TID,
} from '../../schema/index.ts';

/** Kernel pointers are bigint. Other numbers are numbers, and bigint beyond 2^53. */
export type FieldValue = string | number | bigint;

/** One record of a recording. */
export interface TraceEvent {
  /** Position in its run, from 1: the number that findings cite. */
  readonly event: number;
  /** Boot of the kernel log that it belongs to, from 0. */
  readonly boot: number;
  /** On the run's timeline. */
  readonly ts_ns: number;
  readonly cpu: number | null;
  /** Name of the task; '' when the recording does not tell. */
  readonly task: string;
  readonly tid: number | null;
  /** The five characters that ftrace prints (`d.h2.`); null when the recording has none. */
  readonly flags: string | null;
  /** `sched`, `rcu`, …; `quiesce` for records that stand for a loss in the recording (`quiesce_lost`). */
  readonly system: string;
  readonly name: string;
  /** By the kernel's names (events/<system>/<name>/format); fields that the record lacks are absent. */
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** Functions, innermost first; empty when the record has no stack. ftrace records stacks as events of their own (`kernel_stack`). */
  readonly stack: readonly string[];
}

/** Which events to decode. */
export interface EventSelection {
  /** Names of events; default: all. */
  readonly names?: readonly string[];
}

const NO_STACK: readonly string[] = Object.freeze([]);

/** Decodes the batches of one run, in their order. */
export class EventDecoder {
  readonly #dictionary: Dictionary;
  readonly #names: ReadonlySet<string> | undefined;
  /** By type id. */
  readonly #wanted: boolean[] = [];
  /** By stack id: stacks repeat. */
  readonly #stacks: (readonly string[])[] = [NO_STACK];

  /** @param dictionary has what the batches refer to by the time they are decoded */
  constructor(dictionary: Dictionary, selection: EventSelection = {}) {
    this.#dictionary = dictionary;
    this.#names = selection.names && new Set(selection.names);
  }

  /** The selected events of a batch whose delta is in the dictionary. */
  *events(batch: EventBatch): Generator<TraceEvent> {
    for (const { typeId, name } of batch.delta.types) this.#wanted[typeId] = this.#names?.has(name) ?? true;
    for (let i = 0; i < batch.length; i++) if (this.#wanted[batch.type[i]]) yield this.decode(batch, i);
  }

  /** @param index of the record in the batch */
  decode(batch: EventBatch, index: number): TraceEvent {
    const dictionary = this.#dictionary;
    const { system, name } = dictionary.types[batch.type[index]];
    const cpu = batch.cpu[index];
    const tid = batch.tid[index];
    const flags = batch.flags[index];
    return {
      event: batch.firstEventId + index,
      boot: batch.boot,
      ts_ns: batch.tsNs[index],
      cpu: cpu === NO_CPU ? null : cpu,
      task: dictionary.string(batch.comm[index]),
      tid: tid === NO_TID ? null : tid,
      flags: flags & CTX_KNOWN ? formatContextFlags(flags) : null,
      system,
      name,
      fields: this.#fields(batch, index),
      stack: this.#stack(batch.stack[index]),
    };
  }

  #fields(batch: EventBatch, index: number): Record<string, FieldValue> {
    const { fields } = this.#dictionary.types[batch.type[index]];
    const start = batch.cellStart(index);
    const count = Math.min(fields.length, batch.cellEnd[index] - start);
    const values: Record<string, FieldValue> = {};
    for (let field = 0; field < count; field++) {
      const value = this.#value(batch, start + field, fields[field].type);
      if (value !== undefined) values[fields[field].name] = value;
    }
    return values;
  }

  #value(batch: EventBatch, cell: number, type: string): FieldValue | undefined {
    const value = batch.cellValue[cell];
    switch (batch.cellTag[cell]) {
      case CELL_NULL:
        return undefined;
      case CELL_STR:
        return this.#dictionary.string(value);
      case CELL_TEXT:
        return batch.texts[value];
      case CELL_INT:
      case CELL_REAL:
        if (type !== 'ptr' && (Number.isSafeInteger(value) || !Number.isInteger(value))) return value;
        return Number.isInteger(value) ? exact(BigInt(value), type) : value;
      default:
        return exact(batch.wide[value], type);
    }
  }

  #stack(id: number): readonly string[] {
    if (id < 0) return NO_STACK;
    const known = this.#stacks[id];
    if (known !== undefined) return known;
    const symbols = Object.freeze(this.#dictionary.stackSymbols(id));
    this.#stacks[id] = symbols;
    return symbols;
  }
}

/** Addresses and masks have no sign. */
function exact(value: bigint, type: string): bigint {
  return type === 'ptr' || type === 'hex' ? BigInt.asUintN(64, value) : value;
}
