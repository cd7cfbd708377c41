/** Collects the frames of a sample. A frame's line, and a whole stack, is worked out once and then known by its bytes. */
import { ByteInterner, type DictionaryWriter } from '../dictionary-writer.ts';
import { moduleName } from '../perf-data/symbols/module-name.ts';
import { SequenceTable } from '../sequence-table.ts';
import { formatAddress } from '../tracefs-format/address-cache.ts';
import { FrameText } from './frame-text.ts';
import { skipBlanks, trimEnd } from './sample-line.ts';

/** perf records 127 frames by default (kernel.perf_event_max_stack); a text may claim anything. */
const MAX_FRAMES = 4096;
/** Distinct frame lines remembered. */
const MAX_LINES = 1 << 18;

const utf8 = new TextDecoder('utf-8');
const UNKNOWN = '[unknown]';

export class StackLines {
  /** Some frame stood there without its object: `-F` without dso. */
  seenBareFrame = false;
  readonly frame = new FrameText();
  readonly #dictionary: DictionaryWriter;
  readonly #stacks = new SequenceTable();
  #lines = new ByteInterner();
  /** Frame id by line; −1 for a line that is no frame, −2 for an inlined one. */
  #frameOfLine: number[] = [];
  /** Symbol of inlined frames by line: their object is that of the next frame that is not inlined. */
  readonly #inlined = new Map<number, number>();
  readonly #moduleOfFrame = new Map<number, number>();
  readonly #frames = new Int32Array(MAX_FRAMES);
  #count = 0;
  /** Symbols of the inlined frames at the end of #frames. */
  readonly #pending: number[] = [];

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
  }

  get isEmpty(): boolean {
    return this.#count === 0 && this.#pending.length === 0;
  }

  clear(): void {
    this.#count = 0;
    this.#pending.length = 0;
  }

  /** Adds the frame of a line; false when it is none. @param indented the line begins with a tab */
  addLine(bytes: Uint8Array, start: number, end: number, indented: boolean): boolean {
    const at = skipBlanks(bytes, start, end);
    const stop = trimEnd(bytes, at, end);
    if (at === stop) return false;
    const known = this.#lines.find(bytes, at, stop);
    const frame = known >= 0 ? this.#frameOfLine[known] : this.#readLine(bytes, at, stop, indented);
    if (frame === NO_FRAME) return false;
    if (frame === INLINED) this.#pending.push(this.#inlined.get(known >= 0 ? known : this.#lines.size - 1) ?? 0);
    else this.#push(frame);
    return true;
  }

  /** Stack id of the frames collected, innermost first. */
  intern(): number {
    if (this.#pending.length > 0) this.#settleInlined(0);
    const known = this.#stacks.find(this.#frames, this.#count, 0);
    if (known >= 0) return known;
    const stack = this.#dictionary.stack(Array.from(this.#frames.subarray(0, this.#count)));
    this.#stacks.add(this.#frames, this.#count, 0, stack);
    return stack;
  }

  /** Stack id of the one frame that {@link frame} holds. */
  internSingle(bytes: Uint8Array): number {
    this.clear();
    this.#push(this.#frameId(bytes));
    const stack = this.intern();
    this.clear();
    return stack;
  }

  #readLine(bytes: Uint8Array, start: number, end: number, indented: boolean): number {
    if (this.#lines.size >= MAX_LINES) {
      this.#lines = new ByteInterner();
      this.#frameOfLine = [];
      this.#inlined.clear();
    }
    const line = this.#lines.add(bytes, start, end);
    const { frame } = this;
    let id = NO_FRAME;
    if (frame.read(bytes, start, end, indented)) {
      const object = utf8.decode(bytes.subarray(frame.objectStart, frame.objectEnd));
      if (object === 'inlined') {
        id = INLINED;
        this.#inlined.set(line, this.#dictionary.bytes(bytes, frame.symbolStart, frame.symbolEnd));
      } else id = this.#frameId(bytes);
    }
    this.#frameOfLine[line] = id;
    return id;
  }

  /** Frame in the dictionary of what {@link frame} holds. */
  #frameId(bytes: Uint8Array): number {
    const { frame } = this;
    const isBare = frame.objectStart === frame.objectEnd;
    if (isBare) this.seenBareFrame = true;
    const object = isBare ? '' : utf8.decode(bytes.subarray(frame.objectStart, frame.objectEnd));
    const module = isBare ? (frame.hi < 0 ? '' : 'unknown') : moduleName(object);
    const symbol = utf8.decode(bytes.subarray(frame.symbolStart, frame.symbolEnd));
    // A kernel address without a name is its own name, as in binary captures.
    const isUnnamed = symbol === '' || (symbol === UNKNOWN && frame.hi < 0);
    const name = isUnnamed ? formatAddress(frame.hi, frame.lo) : symbol;
    const moduleId = module === '' ? 0 : this.#dictionary.string(module);
    const id = this.#dictionary.frame(this.#dictionary.string(name), frame.offset, moduleId);
    this.#moduleOfFrame.set(id, moduleId);
    return id;
  }

  #push(frame: number): void {
    if (this.#pending.length > 0) this.#settleInlined(frame);
    if (this.#count < MAX_FRAMES) this.#frames[this.#count++] = frame;
  }

  /** Inlined functions are in the object of the function that they were inlined into. */
  #settleInlined(into: number): void {
    const module = into === 0 ? this.#dictionary.string('unknown') : (this.#moduleOfFrame.get(into) ?? 0);
    for (const symbol of this.#pending) {
      if (this.#count < MAX_FRAMES) this.#frames[this.#count++] = this.#dictionary.frame(symbol, -1, module);
    }
    this.#pending.length = 0;
  }
}

const NO_FRAME = -1;
const INLINED = -2;
