/**
 * Writing side of the run's dictionary: interns strings (from bytes, without making a JS string for one seen before), event
 * types, frames and stacks, and hands out what is new as a delta per batch.
 */
import {
  type DictionaryDelta,
  type EventField,
  type EventShape,
  type EventType,
  emptyDelta,
  KNOWN_EVENTS,
} from '../schema/index.ts';

const decoder = new TextDecoder('utf-8');
const encoder = new TextEncoder();

const WORD_BYTES = 4;
const GUESS_BITS = 12;

/**
 * Open-addressing hash table from byte strings to ids. Measured on ftrace text: 40 ns per lookup of a seen name, against
 * 180 ns for `latin1Slice` plus a Map.
 */
export class ByteInterner {
  #slots = new Int32Array(1 << 14).fill(-1);
  #hashes: number[] = [];
  #starts: number[] = [];
  #ends: number[] = [];
  #arena = new Uint8Array(1 << 16);
  #arenaWords = new DataView(this.#arena.buffer);
  #arenaEnd = 0;
  /** By {@link guessSlot}: id + 1 of the string that was found there last. */
  readonly #guesses = new Int32Array(1 << GUESS_BITS);

  get size(): number {
    return this.#hashes.length;
  }

  /** Id of bytes[start, end), or −1 − (id it would get) when it is new; then the caller calls {@link add}. */
  find(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.#slots[slot];
      if (id < 0) return -1 - this.#hashes.length;
      if (this.#hashes[id] === hash && this.#equal(id, bytes, start, end)) return id;
      slot = (slot + 1) & mask;
    }
  }

  /**
   * Id of bytes[start, end), or −1 when it is not the string that was {@link remember}ed for its length and some of its bytes. Names of
   * locks repeat: 10 ns for one, where {@link find}, which looks at each byte twice, takes 42.
   * @param words the same bytes
   */
  guess(words: DataView, start: number, end: number): number {
    const length = end - start;
    if (length < WORD_BYTES) return -1;
    const id = this.#guesses[guessSlot(words, start, end)] - 1;
    if (id < 0) return -1;
    const from = this.#starts[id];
    if (this.#ends[id] - from !== length) return -1;
    const arena = this.#arenaWords;
    const last = length - WORD_BYTES;
    for (let at = 0; at < last; at += WORD_BYTES)
      if (arena.getUint32(from + at) !== words.getUint32(start + at)) return -1;
    return arena.getUint32(from + last) === words.getUint32(start + last) ? id : -1;
  }

  /** What {@link guess} will find for these bytes. */
  remember(id: number, words: DataView, start: number, end: number): void {
    if (end - start >= WORD_BYTES) this.#guesses[guessSlot(words, start, end)] = id + 1;
  }

  #equal(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#starts[id];
    if (this.#ends[id] - from !== end - start) return false;
    const arena = this.#arena;
    for (let i = start, k = from; i < end; i++, k++) if (arena[k] !== bytes[i]) return false;
    return true;
  }

  add(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    while (this.#arenaEnd + length > this.#arena.length) {
      const arena = new Uint8Array(this.#arena.length * 2);
      arena.set(this.#arena);
      this.#arena = arena;
      this.#arenaWords = new DataView(arena.buffer);
    }
    this.#arena.set(bytes.subarray(start, end), this.#arenaEnd);
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    hash ^= hash >>> 15;
    const id = this.#hashes.length;
    this.#hashes.push(hash);
    this.#starts.push(this.#arenaEnd);
    this.#arenaEnd += length;
    this.#ends.push(this.#arenaEnd);
    if (id * 2 > this.#slots.length) this.#grow();
    else this.#place(id, hash);
    return id;
  }

  #place(id: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = id;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (let id = 0; id < this.#hashes.length; id++) this.#place(id, this.#hashes[id]);
  }
}

/** From the length and the first, middle and last word: names of one prefix, and of one suffix, stay apart. */
function guessSlot(words: DataView, start: number, end: number): number {
  const middle = (start + end - WORD_BYTES) >> 1;
  const mixed =
    words.getUint32(start) ^
    Math.imul(words.getUint32(middle), 0x9e3779b1) ^
    Math.imul(words.getUint32(end - WORD_BYTES), 0x85ebca6b) ^
    (end - start);
  return Math.imul(mixed ^ (mixed >>> 15), 0x27d4eb2f) >>> (32 - GUESS_BITS);
}

export class DictionaryWriter {
  readonly #interner = new ByteInterner();
  readonly #texts: string[] = [''];
  readonly #types: EventType[] = [];
  readonly #typeByName = new Map<string, number>();
  readonly #frameIds = new Map<string, number>();
  readonly #stackIds = new Map<string, number>();
  #frameCount = 1;
  #stackCount = 1;
  #delta: DictionaryDelta = emptyDelta();

  constructor() {
    this.#interner.add(new Uint8Array(0), 0, 0); // string 0 is ''
  }

  /** Interns the UTF-8 bytes [start, end). */
  bytes(bytes: Uint8Array, start: number, end: number): number {
    const found = this.#interner.find(bytes, start, end);
    if (found >= 0) return found;
    const id = this.#interner.add(bytes, start, end);
    const text = decoder.decode(bytes.subarray(start, end));
    this.#texts.push(text);
    this.#delta.strings.push(text);
    return id;
  }

  /**
   * Interns the bytes of [start, end) up to the first NUL, which is the last one most of the time.
   * @param words the same bytes
   */
  terminated(bytes: Uint8Array, words: DataView, start: number, end: number): number {
    if (end > start && bytes[end - 1] === 0) {
      // Interned strings hold no NUL: what equals one of them ends here.
      const guessed = this.#interner.guess(words, start, end - 1);
      if (guessed >= 0) return guessed;
    }
    let nul = start;
    while (nul < end && bytes[nul] !== 0) nul++;
    const id = this.bytes(bytes, start, nul);
    this.#interner.remember(id, words, start, nul);
    return id;
  }

  string(text: string): number {
    const bytes = encoder.encode(text);
    return this.bytes(bytes, 0, bytes.length);
  }

  text(stringId: number): string {
    return this.#texts[stringId];
  }

  type(typeId: number): EventType {
    return this.#types[typeId];
  }

  /** Type by name, if any event of it was seen. */
  typeId(name: string): number | undefined {
    return this.#typeByName.get(name);
  }

  /**
   * The type of that name, made on first use. Known tracepoints start with the catalogue's fields; `fields` not among them follow.
   */
  eventType(name: string, shape: EventShape, system: string, fields: readonly EventField[]): EventType {
    const seen = this.#typeByName.get(name);
    if (seen !== undefined) return this.#types[seen];
    const known = shape === 'tracepoint' || shape === 'marker' ? KNOWN_EVENTS.get(name) : undefined;
    const all = known ? [...known.fields] : [];
    for (const field of fields) if (!all.some((f) => f.name === field.name)) all.push(field);
    const type: EventType = { typeId: this.#types.length, system: known?.system ?? system, name, shape, fields: all };
    this.#types.push(type);
    this.#typeByName.set(name, type.typeId);
    this.#delta.types.push(type);
    return type;
  }

  /** Appends a field to a type (a text capture shows a key for the first time). Returns the field's index. */
  addField(typeId: number, field: EventField): number {
    const type = this.#types[typeId];
    const grown: EventType = { ...type, fields: [...type.fields, field] };
    this.#types[typeId] = grown;
    this.#delta.types = this.#delta.types.filter((t) => t.typeId !== typeId);
    this.#delta.types.push(grown);
    return type.fields.length;
  }

  /**
   * @param offset bytes into the function, −1 when unknown · @param module string id, 0 = kernel itself
   * @param size of the function, bytes, −1 when unknown · @param address string id of the address, 0 when unknown
   */
  frame(symbol: number, offset: number, module: number, size = -1, address = 0): number {
    const key = `${symbol},${offset},${module},${size},${address}`;
    let id = this.#frameIds.get(key);
    if (id === undefined) {
      id = this.#frameCount++;
      this.#frameIds.set(key, id);
      this.#delta.frames.push(symbol, offset, module, size, address);
    }
    return id;
  }

  /** @param frames frame ids, innermost first. The empty list is stack 0. */
  stack(frames: readonly number[]): number {
    if (frames.length === 0) return 0;
    const key = frames.join(',');
    let id = this.#stackIds.get(key);
    if (id === undefined) {
      id = this.#stackCount++;
      this.#stackIds.set(key, id);
      this.#delta.stacks.push(frames.length, ...frames);
    }
    return id;
  }

  /** Everything new since the last call; goes with the next batch. */
  takeDelta(): DictionaryDelta {
    const delta = this.#delta;
    this.#delta = emptyDelta();
    return delta;
  }
}
