/**
 * How a value that is not simply a number or a string becomes the field of the catalogue: task state letters, flag names,
 * enumerations that one form prints as words and another as numbers. Used by name in patterns.ts.
 */
import type { DictionaryWriter } from '../dictionary-writer.ts';
import type { FieldSlots } from './field-slots.ts';
import { HEX_DIGIT, isDigit, readInt, readSecondsAsNs } from './number-text.ts';

/** Reads a value at `start`; returns the position after it, −1 when it is not there. */
export type ScanConversion = (bytes: Uint8Array, start: number, end: number, slots: FieldSlots, slot: number) => number;

/** Converts a value whose bytes are known; false when they are not of its kind. */
export type RangeConversion = (
  bytes: Uint8Array,
  start: number,
  end: number,
  slots: FieldSlots,
  slot: number,
) => boolean;

export interface Conversions {
  readonly scans: Readonly<Record<string, ScanConversion>>;
  readonly ranges: Readonly<Record<string, RangeConversion>>;
  /** Conversions with an argument: `before(expires)`. The reference is the slot of the field of that name, or −1. */
  readonly calls: Readonly<Record<string, (argument: string, reference: number) => ScanConversion>>;
}

const BLANK = 0x20;
const PLUS = 0x2b;
const PIPE = 0x7c;

const encoder = new TextEncoder();

function startsWith(bytes: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

const TRY = encoder.encode('try');
const READ = encoder.encode('read');

/** Position after `text` and the blank that follows it (none at the end: the lock has no name), −1 when it is not there. */
function afterWord(bytes: Uint8Array, at: number, end: number, text: Uint8Array): number {
  if (bytes[at] !== text[0] || !startsWith(bytes, at, end, text)) return -1;
  const stop = at + text.length;
  if (stop === end) return end;
  return bytes[stop] === BLANK ? stop + 1 : -1;
}

/** `try read &vma->vm_lock->lock`: 1 try, 2 read, as in the binary field (include/trace/events/lock.h). */
const lockMode: ScanConversion = (bytes, start, end, slots, slot) => {
  const tried = afterWord(bytes, start, end, TRY);
  const from = tried < 0 ? start : tried;
  const read = afterWord(bytes, from, end, READ);
  slots.int(slot, (tried < 0 ? 0 : 1) | (read < 0 ? 0 : 2));
  return read < 0 ? from : read;
};

/** Names joined with `|`, or a number: `SPIN|MUTEX`, `0x0`, nothing. */
function flagNames(values: Readonly<Record<string, number>>): RangeConversion {
  const names = Object.entries(values).map(([name, value]) => ({ name: encoder.encode(name), value }));
  return (bytes, start, end, slots, slot) => {
    if (start < end && isDigit(bytes[start])) return readInt(bytes, start, end, slots, slot) === end;
    let flags = 0;
    for (let at = start; at < end; ) {
      let stop = at;
      while (stop < end && bytes[stop] !== PIPE) stop++;
      const found = names.find(({ name }) => name.length === stop - at && startsWith(bytes, at, end, name));
      if (!found) return false;
      flags |= found.value;
      at = stop + 1;
    }
    slots.int(slot, flags);
    return true;
  };
}

/** `storm_handler [lab]`, `tick_nohz_handler/0x0`, `hrtick+0x0/0x60`: the function's name, as every form carries it. */
const symbol: RangeConversion = (bytes, start, end, slots, slot) => {
  let at = start;
  // `[unknown/kretprobe'd]` is a name of its own.
  if (bytes[start] === 0x5b) at = end;
  while (at < end && bytes[at] !== BLANK && bytes[at] !== PLUS && bytes[at] !== 0x2f) at++;
  slots.str(slot, start, at === start ? end : at);
  return true;
};

/** `irq=11 ret=handled`; 1 and 0 in the binary field. */
const handled: RangeConversion = (bytes, start, end, slots, slot) => {
  if (start < end && isDigit(bytes[start])) return readInt(bytes, start, end, slots, slot) === end;
  if (end - start === 7) slots.int(slot, 1);
  else if (end - start === 9) slots.int(slot, 0);
  else return false;
  return true;
};

/** Names of enum hrtimer_mode (include/linux/hrtimer.h), bits from PINNED on. */
const HRTIMER_MODE_BITS = ['PINNED', 'SOFT', 'HARD'];

/** `ABS|PINNED`, or its number where libtraceevent does not know the enumeration. */
function hrtimerMode(dictionary: DictionaryWriter): RangeConversion {
  const ids = new Map<number, number>();
  return (bytes, start, end, slots, slot) => {
    if (start >= end || !isDigit(bytes[start])) {
      slots.str(slot, start, end);
      return true;
    }
    if (readInt(bytes, start, end, slots, slot) !== end) return false;
    const mode = slots.number(slot) & 15;
    let id = ids.get(mode);
    if (id === undefined) {
      const bits = HRTIMER_MODE_BITS.filter((_, i) => mode & (2 << i));
      id = dictionary.string([mode & 1 ? 'REL' : 'ABS', ...bits].join('|'));
      ids.set(mode, id);
    }
    slots.id(slot, id);
    return true;
  };
}

/** Bits of timer->flags (include/linux/timer.h): the CPU, these letters, and the wheel index from bit 22. */
const TIMER_FLAGS = flagNames({ M: 0x40000, D: 0x80000, P: 0x100000, I: 0x200000 });
const TIMER_INDEX = 1 << 22;
const WHEEL = [encoder.encode('cpu='), encoder.encode(' idx='), encoder.encode(' flags=')];

/** `cpu=1 idx=79 flags=D|P|I` back to the word that it was printed from. */
const timerWheel: RangeConversion = (bytes, start, end, slots, slot) => {
  if (!startsWith(bytes, start, end, WHEEL[0])) return false;
  let at = readInt(bytes, start + WHEEL[0].length, end, slots, slot);
  if (at < 0 || !startsWith(bytes, at, end, WHEEL[1])) return false;
  const cpu = slots.number(slot);
  at = readInt(bytes, at + WHEEL[1].length, end, slots, slot);
  if (at < 0 || !startsWith(bytes, at, end, WHEEL[2])) return false;
  const index = slots.number(slot);
  if (!TIMER_FLAGS(bytes, at + WHEEL[2].length, end, slots, slot)) return false;
  slots.int(slot, index * TIMER_INDEX + slots.number(slot) + cpu);
  return true;
};

/** Letters of the task state bits, lowest first (kernel/sched: TASK_REPORT); bits above are TASK_STATE_MAX, printed `+`. */
const STATE_LETTERS = 'SDTtXZPI';

/** The kernel's text of a prev_state number: 0 R, 2 D, 128 I, 256 R+ (include/trace/events/sched.h). */
export function taskStateText(bits: number): string {
  let text = '';
  for (let i = 0; i < STATE_LETTERS.length; i++)
    if (bits & (1 << i)) text += (text === '' ? '' : '|') + STATE_LETTERS[i];
  return (text === '' ? 'R' : text) + (bits >= 1 << STATE_LETTERS.length ? '+' : '');
}

/**
 * State letters of libtraceevent's sched_switch plugin. Its older table (libtraceevent/plugins/plugin_sched_switch.c,
 * `SDTtZXxW`) swaps X and Z and writes W for I and x for P; newer ones take the letters from the event's own format, which
 * shows in an I, a P, or in trace-cmd's flags column that came at the same time.
 */
export class PluginStates {
  #modern = false;
  readonly #dictionary: DictionaryWriter;

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
  }

  /** The capture is of a tool with the newer table. */
  setModern(): void {
    this.#modern = true;
  }

  readonly read: RangeConversion = (bytes, start, end, slots, slot) => {
    if (end === start || end - start > 12) return false;
    const single = end - start === 1;
    const letter = bytes[start];
    if (single && letter !== 0x58 && letter !== 0x5a && letter !== 0x57 && letter !== 0x78) {
      if (letter === 0x49 || letter === 0x50) this.#modern = true;
      slots.str(slot, start, end);
      return true;
    }
    let text = '';
    for (let at = start; at < end; at++) {
      const char = String.fromCharCode(bytes[at]);
      if (!'RSDTtXZPIxW|+'.includes(char)) return false;
      if (char === 'W') text += 'I';
      else if (char === 'x') text += 'P';
      else if (char === 'X' && !this.#modern) text += 'Z';
      else if (char === 'Z' && !this.#modern) text += 'X';
      else text += char;
    }
    slots.id(slot, this.#dictionary.string(text));
    return true;
  };
}

const ARRAY = encoder.encode('ARRAY[');

/** `ARRAY[dc, 01, 00, 00, 00, 00, 00, 00, …]`: 64-bit little-endian words into the field and those after it. */
const longs: ScanConversion = (bytes, start, end, slots, slot) => {
  if (!startsWith(bytes, start, end, ARRAY)) return -1;
  let at = start + ARRAY.length;
  let word = slot;
  let hi = 0;
  let lo = 0;
  for (let shift = 0; at < end && bytes[at] !== 0x5d; ) {
    const digit = HEX_DIGIT[bytes[at]];
    const low = HEX_DIGIT[bytes[at + 1]];
    if (digit === 255 || low === 255) return -1;
    const value = (digit << 4) | low;
    if (shift < 32) lo |= value << shift;
    else hi |= value << (shift - 32);
    shift += 8;
    at += 2;
    while (at < end && (bytes[at] === 0x2c || bytes[at] === BLANK)) at++;
    if (shift === 64) {
      slots.int64(word++, hi, lo >>> 0);
      hi = lo = shift = 0;
    }
  }
  return at < end ? at + 1 : -1;
};

/** One character; the three of trace-cmd's `>c<` slip are an empty string. */
const oneChar: ScanConversion = (bytes, start, end, slots, slot) => {
  if (start >= end) return -1;
  if (bytes[start] === 0x3e && start + 2 < end && bytes[start + 1] === 0x63 && bytes[start + 2] === 0x3c) {
    slots.str(slot, start, start);
    return start + 3;
  }
  slots.str(slot, start, start + 1);
  return start + 1;
};

/** A string without blanks; what people write after the event stays out of it. */
const word: ScanConversion = (bytes, start, end, slots, slot) => {
  let at = start;
  while (at < end && bytes[at] !== BLANK) at++;
  slots.str(slot, start, at);
  return at === start ? -1 : at;
};

/** A number printed right-aligned. */
const padded: ScanConversion = (bytes, start, end, slots, slot) => {
  let at = start;
  while (at < end && bytes[at] === BLANK) at++;
  return readInt(bytes, at, end, slots, slot);
};

/** Conversions of one capture. */
export function createConversions(dictionary: DictionaryWriter, plugin: PluginStates): Conversions {
  const stateIds = new Map<number, number>();
  const stateBits: ScanConversion = (bytes, start, end, slots, slot) => {
    const at = readInt(bytes, start, end, slots, slot);
    if (at < 0) return -1;
    const bits = slots.number(slot);
    let id = stateIds.get(bits);
    if (id === undefined) {
      id = dictionary.string(taskStateText(bits));
      if (stateIds.size < 4096) stateIds.set(bits, id);
    }
    slots.id(slot, id);
    return at;
  };
  return {
    scans: {
      'lock-mode': lockMode,
      'state-bits': stateBits,
      char: oneChar,
      longs,
      padded,
      word,
      seconds: readSecondsAsNs,
    },
    ranges: {
      symbol,
      handled,
      'timer-wheel': timerWheel,
      'plugin-state': plugin.read,
      'hrtimer-mode': hrtimerMode(dictionary),
      contention: flagNames({ SPIN: 1, READ: 2, WRITE: 4, RT: 8, PERCPU: 16, MUTEX: 32 }),
      text: (_bytes, start, end, slots, slot) => {
        slots.text(slot, start, end);
        return true;
      },
    },
    calls: {
      /** Number printed as a distance before another field: `[timeout=1]` gives now = expires − 1. */
      before: (_name, reference) => (bytes, start, end, slots, slot) => {
        const at = readInt(bytes, start, end, slots, slot);
        if (at >= 0) slots.int(slot, slots.number(reference) - slots.number(slot));
        return at;
      },
      /** Distance of a number from another field read before: `calltime=A rettime=B` gives B − A. */
      after: (_name, reference) => (bytes, start, end, slots, slot) => {
        const from = slots.number(reference);
        const at = readInt(bytes, start, end, slots, slot);
        if (at >= 0) slots.int(slot, slots.number(slot) - from);
        return at;
      },
      /** A flag that the kernel's text shows as a letter or a dot: `cb=1` is C. */
      letter: (name) => {
        const set = dictionary.string(name);
        const unset = dictionary.string('.');
        return (bytes, start, end, slots, slot) => {
          const at = readInt(bytes, start, end, slots, slot);
          if (at >= 0) slots.id(slot, slots.number(slot) ? set : unset);
          return at;
        };
      },
    },
  };
}
