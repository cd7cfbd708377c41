/**
 * The payload grammar of kernel events, shared by everything that prints them: the kernel's own trace files, trace-cmd report,
 * perf script, ftrace dumps in console logs. One instance reads one capture.
 *
 * Hot path (bench: parse): works on the bytes of the line, makes strings only for values never seen before, and no objects.
 */
import type { BatchWriter, DiagnosticSink } from '../../schema/index.ts';
import type { DictionaryWriter } from '../dictionary-writer.ts';
import type { PluginStates } from './conversions.ts';
import {
  FieldSlots,
  MAX_FIELDS,
  SLOT_ID,
  SLOT_INT,
  SLOT_INT64,
  SLOT_NULL,
  SLOT_STR,
  SLOT_STRING,
  SLOT_TEXT,
} from './field-slots.ts';
import { PairReader } from './pairs.ts';
import type { Pattern } from './pattern.ts';
import { readSyscallArguments, readSyscallReturn } from './syscall-text.ts';
import { equals, nameText, type TextEvent } from './text-event.ts';
import { TextEventRegistry } from './text-event-registry.ts';

/** What stands before the payload; one object per capture, filled anew for each line. */
export interface RecordHeader {
  tsNs: number;
  cpu: number;
  tid: number;
  /** String id. */
  comm: number;
  flags: number;
  stack: number;
}

const CACHE_SIZE = 1024;

const BLANK = 0x20;
const TAB = 0x09;
const OPEN_PAREN = 0x28;
const UNDERSCORE = 0x5f;

const utf8 = new TextDecoder('utf-8');

function nameHash(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  return (
    (length * 31 +
      bytes[start] +
      bytes[end - 1] * 7 +
      bytes[start + (length >> 1)] * 13 +
      bytes[end - (length >> 2) - 1] * 5) &
    (CACHE_SIZE - 1)
  );
}

export class EventTextReader {
  /** Line number for diagnostics; set by the owner before {@link write}. */
  line = 0;
  /**
   * The capture is the kernel's own text, where trace_printk records have no event name but the function's. Off for trace-cmd
   * and perf, which name them bprint, bputs or print.
   */
  kernelText = false;
  /** The last event written ends with a text that may go on in the next line (console, trace_printk); see {@link appendText}. */
  openText = false;

  readonly #dictionary: DictionaryWriter;
  readonly #diagnostics: DiagnosticSink;
  readonly #registry: TextEventRegistry;
  readonly #slots = new FieldSlots();
  readonly #pairs = new PairReader(this.#slots);
  readonly #cache: (TextEvent | undefined)[] = new Array<TextEvent | undefined>(CACHE_SIZE).fill(undefined);

  constructor(dictionary: DictionaryWriter, diagnostics: DiagnosticSink) {
    this.#dictionary = dictionary;
    this.#diagnostics = diagnostics;
    this.#registry = new TextEventRegistry(dictionary);
  }

  /** Which state letters libtraceevent's sched_switch plugin uses in this capture. */
  get plugin(): PluginStates {
    return this.#registry.plugin;
  }

  /**
   * Writes the event that the line names bytes[nameStart, nameEnd), with its payload bytes[payloadStart, payloadEnd), to the
   * batch. Blanks before the payload are indentation only to a text (console, trace_printk): give them as they belong to it.
   * @param system subsystem as the line gives it (`sched:sched_switch` of perf); '' when it gives none.
   */
  write(
    writer: BatchWriter,
    header: RecordHeader,
    bytes: Uint8Array,
    nameStart: number,
    nameEnd: number,
    payloadStart: number,
    payloadEnd: number,
    system = '',
  ): void {
    let end = payloadEnd;
    while (end > payloadStart && (bytes[end - 1] === BLANK || bytes[end - 1] === TAB)) end--;
    const hash = nameHash(bytes, nameStart, nameEnd);
    let event = this.#cache[hash];
    if (event === undefined || !equals(event.nameBytes, bytes, nameStart, nameEnd)) {
      event = this.#registry.find(
        nameText(bytes, nameStart, nameEnd),
        system,
        bytes,
        payloadStart,
        end,
        this.kernelText,
      );
      this.#cache[hash] = event;
    }
    if (event.oneOfTooMany) this.#diagnostics.report('names-too-many', { line: this.line }, `event ${event.name}`);
    let start = payloadStart;
    // Texts keep their indentation: it tells the parts of a kernel report apart.
    if (!event.multiline) while (start < end && (bytes[start] === BLANK || bytes[start] === TAB)) start++;
    this.#write(writer, header, bytes, event, start, end, nameStart, nameEnd);
  }

  /** Writes an event whose name is not in the line as such: `function`, `sys_enter_close`, `osnoise`. */
  writeNamed(
    writer: BatchWriter,
    header: RecordHeader,
    name: string,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const event = this.#registry.find(name, '', bytes, start, end, false);
    this.#write(writer, header, bytes, event, start, end, start, start);
  }

  #write(
    writer: BatchWriter,
    header: RecordHeader,
    bytes: Uint8Array,
    named: TextEvent,
    start: number,
    end: number,
    nameStart: number,
    nameEnd: number,
  ): void {
    const slots = this.#slots;
    let event = named;
    const first = bytes[start];
    if (
      start < end &&
      (first === OPEN_PAREN || (first === UNDERSCORE && bytes[start + 1] === UNDERSCORE)) &&
      event.kind !== 'raw-print' &&
      this.#registry.probe.read(bytes, start, end)
    ) {
      event = this.#registry.probeOf(event);
      slots.clear(MAX_FIELDS);
      this.#registry.probe.store(bytes, slots);
      this.#readPairs(bytes, this.#registry.probe.end, end, event);
    } else this.#readPayload(event, bytes, start, end, nameStart, nameEnd);
    writer.begin(header.tsNs, header.cpu, header.tid, header.comm, event.typeId, header.flags, header.stack);
    const texts = writer.batch.texts.length;
    this.#writeCells(writer, bytes, event);
    this.openText = event.multiline && writer.batch.texts.length > texts;
    writer.end();
  }

  /** Adds a further line to the text of the event written last, which must still be in the writer's batch. */
  appendText(writer: BatchWriter, bytes: Uint8Array, start: number, end: number): void {
    const texts = writer.batch.texts;
    texts[texts.length - 1] += `\n${utf8.decode(bytes.subarray(start, end))}`;
  }

  #readPayload(
    event: TextEvent,
    bytes: Uint8Array,
    start: number,
    end: number,
    nameStart: number,
    nameEnd: number,
  ): void {
    if (event.kind === 'pattern') {
      this.#readPatterns(event, bytes, start, end);
      return;
    }
    const slots = this.#slots;
    slots.clear(event.fieldCount);
    switch (event.kind) {
      case 'raw-print':
        if (nameStart < nameEnd) slots.str(0, nameStart, nameEnd);
        else slots.id(0, this.#dictionary.string(event.name));
        slots.text(1, start, end);
        return;
      case 'syscall-enter':
        if (readSyscallArguments(bytes, start, end, event, slots)) return;
        break;
      case 'syscall-exit':
        if (readSyscallReturn(bytes, start, end, event, slots)) return;
        break;
      default:
        break;
    }
    this.#readPairs(bytes, start, end, event);
  }

  /** @returns number of pairs found */
  #readPairs(bytes: Uint8Array, start: number, end: number, event: TextEvent): number {
    const pairs = this.#pairs.read(bytes, start, end, event);
    const { folded } = this.#pairs;
    if (folded > 0) this.#diagnostics.report('names-too-many', { line: this.line }, `fields of ${event.name}`, folded);
    return pairs;
  }

  /** The first pattern that covers the whole payload; failing that the first that matches, with pairs for the rest; else only pairs. */
  #readPatterns(event: TextEvent, bytes: Uint8Array, start: number, end: number): void {
    const patterns = event.patterns;
    const slots = this.#slots;
    if (patterns.length === 0) {
      slots.clear(event.fieldCount);
      if (start < end) this.#readPairs(bytes, start, end, event);
      return;
    }
    const favourite = patterns[event.favourite];
    if (!favourite.greedy && favourite.match(bytes, start, end, slots) === end) {
      this.#completePattern(event, favourite);
      return;
    }
    let partly = -1;
    for (let n = 0; n < patterns.length; n++) {
      const stop = patterns[n].match(bytes, start, end, slots);
      if (stop === end) {
        event.favourite = n;
        this.#completePattern(event, patterns[n]);
        return;
      }
      if (stop >= 0 && partly < 0 && (bytes[stop] === BLANK || stop === start)) partly = n;
    }
    if (partly >= 0) {
      const stop = patterns[partly].match(bytes, start, end, slots);
      this.#completePattern(event, patterns[partly]);
      this.#readPairs(bytes, stop, end, event);
      return;
    }
    slots.clear(event.fieldCount);
    if (this.#readPairs(bytes, start, end, event) === 0) this.#reportUnread(event, bytes, start, end);
  }

  /** Nulls the fields that a matched pattern does not have, and gives those beyond the catalogue their places. */
  #completePattern(event: TextEvent, pattern: Pattern): void {
    const missing = pattern.missing;
    for (let n = 0; n < missing.length; n++) this.#slots.null(missing[n]);
    for (let slot = pattern.fieldCount; slot < event.fieldCount; slot++) this.#slots.null(slot);
    if (pattern.extras.length > 0) this.#keepExtras(event, pattern);
  }

  #keepExtras(event: TextEvent, pattern: Pattern): void {
    for (let n = 0; n < pattern.extras.length; n++) {
      const from = MAX_FIELDS + n;
      const { name, type } = pattern.extras[n];
      let slot = event.slotByName(name);
      if (slot < 0) slot = event.addField(name, type);
      if (slot >= 0) this.#slots.move(from, slot);
    }
  }

  #reportUnread(event: TextEvent, bytes: Uint8Array, start: number, end: number): void {
    const first = !this.#diagnostics.issues.has('field-unreadable');
    const text = first ? `${event.name}: ${utf8.decode(bytes.subarray(start, Math.min(end, start + 160)))}` : '';
    this.#diagnostics.report('field-unreadable', { line: this.line }, text);
  }

  #writeCells(writer: BatchWriter, bytes: Uint8Array, event: TextEvent): void {
    const { kind, a, b } = this.#slots;
    const count = event.fieldCount;
    for (let slot = 0; slot < count; slot++) {
      switch (kind[slot]) {
        case SLOT_INT:
          writer.int(a[slot]);
          break;
        case SLOT_INT64:
          writer.int64(a[slot], b[slot]);
          break;
        case SLOT_ID:
          writer.str(a[slot]);
          break;
        case SLOT_STR: {
          const id = event.intern(slot, bytes, a[slot], b[slot]);
          if (id >= 0) writer.str(id);
          else writer.text(utf8.decode(bytes.subarray(a[slot], b[slot])));
          break;
        }
        case SLOT_TEXT:
          writer.text(utf8.decode(bytes.subarray(a[slot], b[slot])));
          break;
        case SLOT_STRING: {
          const id = event.internText(slot, this.#slots.strings[slot]);
          if (id >= 0) writer.str(id);
          else writer.text(this.#slots.strings[slot]);
          break;
        }
        default:
          if (kind[slot] === SLOT_NULL) writer.null();
      }
    }
  }
}
