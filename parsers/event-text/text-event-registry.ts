/** The events of one capture by the names that its lines give them, and how each is to be read. */
import { type EventField, type EventShape, KNOWN_EVENTS, KPROBE_FIELDS, KRETPROBE_FIELDS } from '../../schema/index.ts';
import type { DictionaryWriter } from '../dictionary-writer.ts';
import { type Conversions, createConversions, PluginStates } from './conversions.ts';
import { Pattern } from './pattern.ts';
import { EVENT_PATTERNS, FREE_TEXT_EVENTS, TRACER_RECORDS } from './patterns.ts';
import { ProbeReader } from './probe-text.ts';
import { StringCache } from './string-cache.ts';
import { type PayloadKind, TextEvent } from './text-event.ts';

/** trace_marker writes of the kernel's own text: the function that records them stands in the place of the event name. */
const PRINT_EVENTS = new Set(['tracing_mark_write', 'trace_marker']);
/** A capture of garbage must not fill the dictionary with event types: further names become `print` records. */
const MAX_EVENT_TYPES = 8192;

const TAB = 0x09;
const BLANK = 0x20;
const EQUALS = 0x3d;

export class TextEventRegistry {
  readonly plugin: PluginStates;
  /** Reads the head of probe payloads; holds the last one read. */
  readonly probe = new ProbeReader();

  readonly #dictionary: DictionaryWriter;
  readonly #strings: StringCache;
  readonly #conversions: Conversions;
  readonly #byName = new Map<string, TextEvent>();

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
    this.#strings = new StringCache(dictionary);
    this.plugin = new PluginStates(dictionary);
    this.#conversions = createConversions(dictionary, this.plugin);
  }

  /**
   * Event of that name; its first payload bytes[payloadStart, end) decides how one that is not in the catalogue is read.
   * @param mayBePrint the name may be that of a function with a trace_printk.
   */
  find(
    name: string,
    system: string,
    bytes: Uint8Array,
    payloadStart: number,
    end: number,
    mayBePrint: boolean,
  ): TextEvent {
    const seen = this.#byName.get(name);
    if (seen) return seen;
    let start = payloadStart;
    while (start < end && (bytes[start] === BLANK || bytes[start] === TAB)) start++;
    const event = this.#create(name, system, bytes, start, end, mayBePrint);
    if (this.#byName.size < MAX_EVENT_TYPES) this.#byName.set(name, event);
    return event;
  }

  #create(name: string, system: string, bytes: Uint8Array, start: number, end: number, mayBePrint: boolean): TextEvent {
    const known = KNOWN_EVENTS.get(name);
    if (known) {
      const raw = known.fields.map((field) => `${field.name}={${field.name}}`).join(' ');
      const listed = EVENT_PATTERNS[known.name] ?? [];
      // The plain form is tried first, unless the table lists its own form of it.
      const replaced = raw === '' || listed.some((form) => form.trimStart().startsWith(`${known.fields[0].name}={`));
      const forms = replaced ? listed : [raw, ...listed];
      const patterns = forms.map((form) => new Pattern(form, known.fields, this.#conversions));
      return this.#make(name, 'pattern', 'tracepoint', known.system, patterns);
    }
    const record = Object.hasOwn(TRACER_RECORDS, name) ? TRACER_RECORDS[name] : undefined;
    if (record && system === '') return this.#makeRecord(name, record.fields, record.patterns);
    if (PRINT_EVENTS.has(name)) return this.#rawPrint(name);
    if (this.#byName.size >= MAX_EVENT_TYPES) {
      const print = this.#rawPrint(name);
      print.oneOfTooMany = true;
      return print;
    }
    if (name.startsWith('sys_enter_')) return this.#make(name, 'syscall-enter', 'syscall', 'syscalls', []);
    if (name.startsWith('sys_exit_')) {
      const event = this.#make(name, 'syscall-exit', 'syscall', 'syscalls', []);
      event.addField('ret', 'int');
      return event;
    }
    if (this.probe.read(bytes, start, end)) return this.#makeProbe(name, system);
    if (mayBePrint && isFreeText(bytes, start, end) && !FREE_TEXT_EVENTS.some((prefix) => name.startsWith(prefix)))
      return this.#rawPrint(name);
    return this.#make(name, 'pairs', 'tracepoint', system, []);
  }

  #make(name: string, kind: PayloadKind, shape: EventShape, system: string, patterns: readonly Pattern[]): TextEvent {
    const type = this.#dictionary.eventType(name, shape, system, []);
    return new TextEvent(name, type, kind, patterns, this.#dictionary, this.#strings);
  }

  #makeRecord(name: string, fieldSpec: string, forms: readonly string[]): TextEvent {
    const fields = fieldSpec.split(' ').map((spec): EventField => {
      const [field, type] = spec.split(':');
      return { name: field, type: type === 'int' ? 'int' : 'str' };
    });
    const type = this.#dictionary.eventType(name, 'tracepoint', 'ftrace', fields);
    const patterns = forms.map((form) => new Pattern(form, fields, this.#conversions));
    return new TextEvent(name, type, 'pattern', patterns, this.#dictionary, this.#strings);
  }

  /** trace_printk under its function's name: a `print` record whose ip is that name. */
  #rawPrint(name: string): TextEvent {
    return new TextEvent(
      name,
      this.#dictionary.eventType('print', 'tracepoint', 'ftrace', []),
      'raw-print',
      [],
      this.#dictionary,
      this.#strings,
    );
  }

  #makeProbe(name: string, system: string): TextEvent {
    const shape = this.probe.kind;
    const type = this.#dictionary.eventType(
      name,
      shape,
      system === '' ? 'kprobes' : system,
      shape === 'kprobe' ? KPROBE_FIELDS : KRETPROBE_FIELDS,
    );
    const event = new TextEvent(name, type, 'probe', [], this.#dictionary, this.#strings);
    if (shape === 'kprobe') event.entryProbe = event;
    else event.returnProbe = event;
    return event;
  }

  /**
   * Probe of the kind just read by `probe` under an event name that may belong to something else: an fprobe on `sched_switch`, an entry and
   * a return probe of one name. The other one gets the suffix that the kernel gives unnamed fprobes (trace_fprobe.c).
   */
  probeOf(event: TextEvent): TextEvent {
    const entry = this.probe.kind === 'kprobe';
    const seen = entry ? event.entryProbe : event.returnProbe;
    if (seen) return seen;
    const probe = this.#makeProbe(`${event.name}${entry ? '__entry' : '__exit'}`, '');
    if (entry) event.entryProbe = probe;
    else event.returnProbe = probe;
    return probe;
  }
}

/** Whether bytes[start, end) are a text without a `key=value`. */
function isFreeText(bytes: Uint8Array, start: number, end: number): boolean {
  if (start >= end) return false;
  const at = bytes.indexOf(EQUALS, start + 1);
  return !(at > 0 && at < end - 1 && bytes[at - 1] !== BLANK && bytes[at + 1] !== BLANK && bytes[at + 1] !== EQUALS);
}
