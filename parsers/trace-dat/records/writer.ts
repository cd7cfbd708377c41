/** Writes the records of the streams into batches. Hot: one call per event. */
import type { BatchWriter, DiagnosticSink, EventType } from '../../../schema/index.ts';
import { NO_TID } from '../../../schema/index.ts';
import type { DecodeContext } from '../../tracefs-format/decode/decode-context.ts';
import { compileEventDecoder, type EventDecoder } from '../../tracefs-format/decode/event-decoder.ts';
import { type EventFormat, formatId, parseEventFormat } from '../../tracefs-format/event-format.ts';
import type { FormatFile } from '../metadata/metadata.ts';
import { textOf } from '../metadata/sections.ts';
import { type CpuStream, LOST_UNKNOWN } from './cpu-stream.ts';
import type { NameTeller, TaskNames } from './task-names.ts';
import type { TimeScale } from './time-scale.ts';

/** Offsets of the common fields, the same since Linux 2.6.33 (struct trace_entry of include/linux/trace_events.h). */
const TYPE_AT = 0;
const FLAGS_AT = 2;
const PREEMPT_COUNT_AT = 3;
const PID_AT = 4;
const MAX_ID = 0xffff;

interface Recipe {
  readonly decoder: EventDecoder;
  readonly tellNames: NameTeller | undefined;
}

export class RecordWriter {
  /** Events lost at least: gaps of unknown size count as one. */
  lost = 0;
  /** Gaps of unknown size. */
  unsized = 0;
  readonly #context: DecodeContext;
  readonly #diagnostics: DiagnosticSink;
  readonly #names: TaskNames;
  readonly #contexts: Uint16Array;
  readonly #scale: TimeScale;
  readonly #files = new Map<number, FormatFile>();
  /** Decoders by event id, made when the first record comes; null where there is no format. */
  readonly #recipes: (Recipe | null | undefined)[];
  #lostType: EventType | undefined;
  #lastNs = Number.NEGATIVE_INFINITY;

  constructor(
    formats: readonly FormatFile[],
    context: DecodeContext,
    names: TaskNames,
    contexts: Uint16Array,
    scale: TimeScale,
  ) {
    this.#context = context;
    this.#diagnostics = context.diagnostics;
    this.#names = names;
    this.#contexts = contexts;
    this.#scale = scale;
    let highest = 0;
    for (const file of formats) {
      const id = formatId(textOf(file.bytes.subarray(0, 4096)));
      if (id < 0 || id > MAX_ID || this.#files.has(id)) continue;
      this.#files.set(id, file);
      highest = Math.max(highest, id);
    }
    this.#recipes = new Array(highest + 1).fill(undefined);
  }

  /** Writes the stream's record, and a marker before it when events were lost there. Needs room for two. */
  write(stream: CpuStream, writer: BatchWriter): void {
    const { start, end, window } = stream;
    const { view, bytes } = window;
    const { convert, addend } = this.#scale;
    const tsNs = convert === undefined ? stream.time + addend : convert(stream.time);
    if (stream.lost !== 0) this.#writeLost(stream, tsNs, writer);
    const little = this.#context.littleEndian;
    const id = view.getUint16(start + TYPE_AT, little);
    let recipe = this.#recipes[id];
    if (recipe === undefined) recipe = this.#recipe(id);
    if (recipe === null) {
      this.#diagnostics.report('unknown-event-id', { byte: stream.byteOffset }, `event id ${id} on CPU ${stream.cpu}`);
      return;
    }
    if (tsNs < this.#lastNs) {
      this.#diagnostics.report('time-backwards', { byte: stream.byteOffset }, `CPU ${stream.cpu} at ${tsNs} ns`);
    }
    this.#lastNs = tsNs;
    const { decoder, tellNames } = recipe;
    const pid = view.getInt32(start + PID_AT, little);
    const context = this.#contexts[bytes[start + FLAGS_AT] | (bytes[start + PREEMPT_COUNT_AT] << 8)];
    const stack = decoder.stack === undefined ? 0 : decoder.stack.read(window, start, end);
    writer.begin(tsNs, stream.cpu, pid, this.#names.of(pid), decoder.record.typeId, context, stack);
    if (!decoder.record.writeCells(window, start, end, writer)) {
      this.#diagnostics.report('field-unreadable', { byte: stream.byteOffset }, decoder.format.name);
    }
    writer.end();
    if (tellNames !== undefined) tellNames(window, start, end);
  }

  /** Writes the marker of a loss after the last record of a stream that has ended. */
  writeLossAtEnd(stream: CpuStream, writer: BatchWriter): void {
    if (stream.lost !== 0) this.#writeLost(stream, Math.max(this.#lastNs, 0), writer);
  }

  #writeLost(stream: CpuStream, tsNs: number, writer: BatchWriter): void {
    const count = stream.lost === LOST_UNKNOWN ? 0 : stream.lost;
    stream.lost = 0;
    // A gap of unknown size is one event at least.
    this.lost += count || 1;
    if (count === 0) this.unsized++;
    const text = count ? `${count} events lost on CPU ${stream.cpu}` : `events lost on CPU ${stream.cpu}`;
    this.#diagnostics.report('events-lost', { byte: stream.byteOffset }, text, count || 1);
    this.#lostType ??= this.#context.dictionary.eventType('quiesce_lost', 'marker', 'quiesce', []);
    writer.begin(tsNs, stream.cpu, NO_TID, 0, this.#lostType.typeId, 0, 0);
    writer.int(stream.cpu);
    writer.int(count);
    writer.end();
  }

  #recipe(id: number): Recipe | null {
    let recipe: Recipe | null = null;
    const file = this.#files.get(id);
    if (file) {
      const format = this.#parse(id, file);
      const decoder = compileEventDecoder(format, this.#context);
      recipe = { decoder, tellNames: this.#names.teller(format, this.#context.littleEndian) };
    }
    if (id < this.#recipes.length) this.#recipes[id] = recipe;
    return recipe;
  }

  /** A format that cannot be read still names the event: it is kept without fields. */
  #parse(id: number, file: FormatFile): EventFormat {
    const text = textOf(file.bytes);
    const format = parseEventFormat(text, file.system, this.#context.longBytes);
    if (format) return format;
    const name = /^name:[ \t]*(\S+)/m.exec(text)?.[1] ?? `event_${id}`;
    this.#diagnostics.report('format-unparsable', { byte: 0 }, `${file.system}:${name}`);
    return { id, name, system: file.system, commonFields: [], fields: [], printFormat: '' };
  }
}
