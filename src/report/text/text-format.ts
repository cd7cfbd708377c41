/** How numbers, times and names from captures appear in text. */

import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import { formatDuration, formatTicks, type KernelProfile } from '../../../schema/index.ts';

/** A point in time as the kernel prints it: `18.516928`. */
export function formatTime(ns: number): string {
  const micros = Math.round(ns / 1000);
  const sign = micros < 0 ? '-' : '';
  const whole = Math.abs(micros);
  return `${sign}${Math.floor(whole / 1e6)}.${String(whole % 1e6).padStart(6, '0')}`;
}

/** How times of a run are written: in seconds, or in ticks where nothing proves how long one is. */
export interface TimeFormat {
  /** A point in time, with its unit. */
  at(ns: number): string;
  /** The same as the kernel prints it before an event, without a unit. */
  stamp(ns: number): string;
  length(ns: number): string;
}

const SECONDS: TimeFormat = { at: (ns) => `${formatTime(ns)} s`, stamp: formatTime, length: formatDuration };
const TICKS: TimeFormat = {
  at: (ns) => `tick ${Math.round(ns)}`,
  stamp: (ns) => String(Math.round(ns)),
  length: formatTicks,
};

export function timeFormat(unit: KernelProfile['timeUnit']): TimeFormat {
  return unit === 'ticks' ? TICKS : SECONDS;
}

/** `12,473,457`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A number of lost events; `at least 5` where gaps of unknown size are among them. */
export function lostCount(lost: number, lowerBound: boolean): string {
  return `${lowerBound ? 'at least ' : ''}${formatCount(lost)}`;
}

/** `512 KiB`, `3.4 MiB`, `1.2 GiB`: never 0 of what is not empty. */
export function formatSize(bytes: number): string {
  const kib = bytes / 1024;
  if (kib < 1000) return `${kib > 0 ? Math.max(1, Math.round(kib)) : 0} KiB`;
  const mib = kib / 1024;
  return mib < 1000 ? `${mib.toFixed(mib < 10 ? 1 : 0)} MiB` : `${(mib / 1024).toFixed(1)} GiB`;
}

/** `1 event`, `2 events`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Names come from captures, and captures from anywhere: control characters are shown, not sent to the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** Columns that a text takes in a terminal: wide characters two, combining ones none. */
export function textWidth(text: string): number {
  return ASCII.test(text) ? text.length : stringWidth(text);
}

const ASCII = /^[ -~]*$/;

/** Breaks at blanks so that no line is wider than `width`, if its words allow it. */
export function wrap(text: string, width: number): string[] {
  if (text === '') return [];
  const bound = text.replace(NUMBER_AND_UNIT, `$1${TIE}`);
  if (!ASCII.test(text)) return wrapAnsi(bound, width, { trim: true }).replaceAll(TIE, ' ').split('\n');
  const lines: string[] = [];
  let line = '';
  for (const word of bound.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((each) => each.replaceAll(TIE, ' '));
}

/** `13.7 s` stays on one line. */
const NUMBER_AND_UNIT = /(\d) (?=(?:s|ms|µs|ns|%)(?![\w]))/g;
/** A blank at which no line is broken; shown as a blank. */
const TIE = '\u00a0';

/** As {@link wrap}, the first line after `first` and the others after `rest`; `width` includes these. */
export function wrapAfter(first: string, rest: string, text: string, width: number): string[] {
  const room = width - Math.max(textWidth(first), textWidth(rest));
  return wrap(text, room).map((line, i) => `${i === 0 ? first : rest}${line}`);
}

/** Cut with an ellipsis. */
export function clip(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  let columns = 1;
  for (const { segment } of SEGMENTER.segment(text)) {
    columns += textWidth(segment);
    if (columns > width) break;
    kept += segment;
  }
  return `${kept}…`;
}

const SEGMENTER = new Intl.Segmenter();

/** Filled up with blanks. */
export function padTo(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}
