/**
 * A recording as a list of plain events that tests can cut, rename, shift, permute and replay: what the property tests of
 * MODEL §9 are made of. Slow and simple on purpose; nothing in the product uses it.
 */
import { DictionaryWriter, detectFormat, openSource } from '../../parsers/index.ts';
import {
  BatchWriter,
  CELL_INT,
  CELL_NULL,
  CELL_REAL,
  CELL_STR,
  CELL_TEXT,
  DiagnosticSink,
  Dictionary,
  EventBatch,
  type EventField,
  type EventShape,
  type KernelProfile,
  KNOWN_EVENTS,
  type Thresholds,
} from '../../schema/index.ts';
import { ReplayEngine } from '../../src/replay/engine.ts';
import { type CaptureReplay, collectedFacts } from './replay-capture.ts';

/** Fields that hold a task number. */
export const TID_FIELDS = /^(pid|prev_pid|next_pid|child_pid|parent_pid|old_pid|gp_tasks_pid)$/;

/** A field: string (interned), number or bigint, missing, or a text that is not interned. */
export type Cell = string | number | bigint | null | { readonly text: string } | { readonly real: number };

export interface LoggedEvent {
  readonly tsNs: number;
  readonly cpu: number;
  readonly tid: number;
  readonly comm: string;
  readonly flags: number;
  readonly system: string;
  readonly name: string;
  readonly shape: EventShape;
  readonly fields: readonly EventField[];
  readonly cells: readonly Cell[];
  /** Function names, innermost first. */
  readonly stack: readonly string[];
}

export type EventLog = readonly LoggedEvent[];

/** Reads a capture into memory. Reports of kernel logs are left out. */
export async function readLog(path: string): Promise<EventLog> {
  const source = await openSource(path);
  const format = await detectFormat(source);
  const dictionary = new Dictionary();
  const context = {
    dictionary: new DictionaryWriter(),
    diagnostics: new DiagnosticSink(source.name),
    facts: { format: '', cpus: 0, lost: 0, profile: {}, baseNs: 0n, timeUnit: 'ns' as const },
    options: {},
  };
  const log: LoggedEvent[] = [];
  for await (const batch of format.parse(source, context)) {
    dictionary.apply(batch.delta);
    for (let i = 0; i < batch.length; i++) log.push(eventAt(batch, i, dictionary));
  }
  await source.close();
  return log;
}

function eventAt(batch: EventBatch, index: number, dictionary: Dictionary): LoggedEvent {
  const { name, system, shape, fields } = dictionary.types[batch.type[index]];
  const cells: Cell[] = [];
  for (let cell = batch.cellStart(index); cell < batch.cellEnd[index]; cell++) {
    const value = batch.cellValue[cell];
    switch (batch.cellTag[cell]) {
      case CELL_NULL:
        cells.push(null);
        break;
      case CELL_INT:
        cells.push(value);
        break;
      case CELL_STR:
        cells.push(dictionary.string(value));
        break;
      case CELL_TEXT:
        cells.push({ text: batch.texts[value] });
        break;
      case CELL_REAL:
        cells.push({ real: value });
        break;
      default:
        cells.push(batch.wide[value]);
    }
  }
  return {
    tsNs: batch.tsNs[index],
    cpu: batch.cpu[index],
    tid: batch.tid[index],
    comm: dictionary.string(batch.comm[index]),
    flags: batch.flags[index],
    system,
    name,
    shape,
    fields,
    cells,
    stack: dictionary.stackSymbols(batch.stack[index]),
  };
}

/** A known tracepoint's event from the values of its fields in catalogue order. */
export function tracepoint(
  name: string,
  where: { tsNs: number; cpu: number; tid: number; comm: string; flags?: number; stack?: readonly string[] },
  ...cells: readonly Cell[]
): LoggedEvent {
  const known = KNOWN_EVENTS.get(name);
  if (!known) throw new Error(`${name} is not in the catalogue`);
  const shape: EventShape = known.system === 'quiesce' ? 'marker' : 'tracepoint';
  return { flags: 0, stack: [], ...where, system: known.system, name, shape, fields: known.fields, cells };
}

export interface LogReplayOptions {
  readonly profile?: KernelProfile;
  readonly thresholds?: Partial<Thresholds>;
  /** Events per batch, repeated in turn. */
  readonly batchSizes?: readonly number[];
}

/** Replays events in the order of the list. The id of an event is its place in the list, from 1. */
export function replayLog(log: EventLog, options: LogReplayOptions = {}): CaptureReplay {
  const facts = collectedFacts();
  const engine = new ReplayEngine({
    facts,
    ...(options.profile && { profile: options.profile }),
    ...(options.thresholds && { thresholds: options.thresholds }),
  });
  for (const batch of batchesOf(log, options.batchSizes)) engine.step(batch);
  return { ...engine.finish(), facts, events: log.length, engine };
}

/** The events as batches, each with what it adds to the dictionary. @param sizes events per batch, repeated in turn */
export function* batchesOf(log: EventLog, sizes: readonly number[] = [4096]): Generator<EventBatch> {
  const dictionary = new DictionaryWriter();
  for (let start = 0, turn = 0; start < log.length; turn++) {
    const end = Math.min(log.length, start + Math.max(1, sizes[turn % sizes.length]));
    yield batchOf(log.slice(start, end), start + 1, dictionary);
    start = end;
  }
}

function batchOf(events: EventLog, firstEventId: number, dictionary: DictionaryWriter): EventBatch {
  const batch = new EventBatch(events.length);
  batch.firstEventId = firstEventId;
  const writer = new BatchWriter(batch);
  for (const event of events) {
    const type = dictionary.eventType(event.name, event.shape, event.system, event.fields);
    for (const field of event.fields.slice(dictionary.type(type.typeId).fields.length)) {
      dictionary.addField(type.typeId, field);
    }
    const stack = dictionary.stack(event.stack.map((symbol) => dictionary.frame(dictionary.string(symbol), -1, 0)));
    writer.begin(event.tsNs, event.cpu, event.tid, dictionary.string(event.comm), type.typeId, event.flags, stack);
    for (const cell of event.cells) writeCell(writer, dictionary, cell);
    writer.end();
  }
  batch.delta = dictionary.takeDelta();
  return batch;
}

function writeCell(writer: BatchWriter, dictionary: DictionaryWriter, cell: Cell): void {
  if (cell === null) writer.null();
  else if (typeof cell === 'string') writer.str(dictionary.string(cell));
  else if (typeof cell === 'number') writer.int(cell);
  else if (typeof cell === 'bigint') writer.bigint(cell);
  else if ('text' in cell) writer.text(cell.text);
  else writer.real(cell.real);
}
