/** How this capture prints one event: its type, the fields found so far, and the reader that fits. */
import type { EventField, EventType, FieldType } from '../../schema/index.ts';
import type { DictionaryWriter } from '../dictionary-writer.ts';
import { MAX_FIELDS } from './field-slots.ts';
import type { Pattern } from './pattern.ts';
import type { StringCache } from './string-cache.ts';

/** Distinct strings of a field that are interned; a field with more holds texts (file names, messages), not names. */
const MAX_INTERNED = 32768;

export type PayloadKind =
  /** Catalogue event: patterns first, `key=value` pairs otherwise. */
  | 'pattern'
  /** Any other event: `key=value` pairs and the text between them. */
  | 'pairs'
  /** trace_printk of the kernel's own text, where the function stands in the place of the event name. */
  | 'raw-print'
  | 'syscall-enter'
  | 'syscall-exit'
  /** Kernel or user probe; fields func and ip (ret_ip) come first. */
  | 'probe';

/** Events that print a text of their own, which may have several lines. */
const MULTILINE = new Set(['console', 'print', 'bprint', 'bputs']);

/** Field for what is no pair, or a pair too many. */
export const TEXT_FIELD = 'text';

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

export class TextEvent {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly typeId: number;
  readonly kind: PayloadKind;
  readonly patterns: readonly Pattern[];
  /** The payload is a text that may go on in the next line of the capture. */
  readonly multiline: boolean;
  /** Index of the pattern that matched last: a capture keeps to one form, so it is tried first where that cannot change the result. */
  favourite = 0;
  /** The capture has more names of events than there can be: this one is a `print` record for want of a type. */
  oneOfTooMany = false;
  /** Probes of the same name as this event (fprobes on tracepoints, perf-tools' return probes), made on demand. */
  entryProbe: TextEvent | undefined;
  returnProbe: TextEvent | undefined;

  readonly #dictionary: DictionaryWriter;
  readonly #strings: StringCache;
  readonly #fields: EventField[] = [];
  readonly #keys: Uint8Array[] = [];
  /** Distinct strings interned per field. */
  readonly #interned: number[] = [];
  #highestString = 0;
  #nextKey = 0;

  constructor(
    name: string,
    type: EventType,
    kind: PayloadKind,
    patterns: readonly Pattern[],
    dictionary: DictionaryWriter,
    strings: StringCache,
  ) {
    this.name = name;
    this.nameBytes = encoder.encode(name);
    this.typeId = type.typeId;
    this.kind = kind;
    this.patterns = patterns;
    this.multiline = kind === 'raw-print' || MULTILINE.has(name);
    this.#dictionary = dictionary;
    this.#strings = strings;
    this.#takeFields();
  }

  get fieldCount(): number {
    return this.#fields.length;
  }

  fieldType(slot: number): FieldType {
    return this.#fields[slot].type;
  }

  /** Slot of the field whose name is bytes[start, end), −1 when there is none yet. Keys come in the same order on each line. */
  slotOf(bytes: Uint8Array, start: number, end: number): number {
    const keys = this.#keys;
    for (let n = 0; n < keys.length; n++) {
      const slot = (this.#nextKey + n) % keys.length;
      if (equals(keys[slot], bytes, start, end)) {
        this.#nextKey = slot + 1;
        return slot;
      }
    }
    return -1;
  }

  slotByName(name: string): number {
    return this.#fields.findIndex((field) => field.name === name);
  }

  /** Adds a field that the capture shows for the first time; −1 when the event has too many. The last place is kept for `text`. */
  addField(name: string, type: FieldType): number {
    // Another event of this type, or another capture of the run, may have added fields since.
    this.#takeFields();
    const slot = this.slotByName(name);
    if (slot >= 0) return slot;
    const most = name === TEXT_FIELD || this.slotByName(TEXT_FIELD) >= 0 ? MAX_FIELDS : MAX_FIELDS - 1;
    if (this.#fields.length >= most) return -1;
    this.#dictionary.addField(this.typeId, { name, type });
    this.#takeFields();
    return this.slotByName(name);
  }

  #takeFields(): void {
    const fields = this.#dictionary.type(this.typeId).fields;
    while (this.#fields.length < Math.min(MAX_FIELDS, fields.length)) {
      const field = fields[this.#fields.length];
      this.#fields.push(field);
      this.#keys.push(encoder.encode(field.name));
      this.#interned.push(0);
    }
  }

  /** String id of bytes[start, end), or −1 when the field or the capture has too many distinct strings to intern more. */
  intern(slot: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.#interned[slot] >= MAX_INTERNED) return -1;
    const id = this.#strings.intern(bytes, start, end);
    if (id > this.#highestString) {
      this.#highestString = id;
      this.#interned[slot]++;
    }
    return id;
  }

  internText(slot: number, text: string): number {
    const bytes = encoder.encode(text);
    return this.intern(slot, bytes, 0, bytes.length);
  }
}

export function equals(expected: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (expected.length !== end - start) return false;
  for (let i = 0; i < expected.length; i++) if (expected[i] !== bytes[start + i]) return false;
  return true;
}

/** Text of a key or name (ASCII in practice). */
export function nameText(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}
