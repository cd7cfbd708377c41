/**
 * Large inputs from small ones: a text capture repeated with its time moved on, so that records, names and addresses are real and
 * the state that the models hold stays that of the sample. The same sample and size give the same bytes.
 */

import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { openSource } from '../parsers/index.ts';

/** `  cat-7  [001] d..2.  12.000001: ` or `  cat-7  [001]  12.000001: ` */
const STAMP = /^(.{16,}? \[\d+\] .*? )(\d+)\.(\d{6}): /;
/** Pause between the end of one round and the beginning of the next. */
const PAUSE_US = 1000;

interface TextCapture {
  readonly header: readonly string[];
  /** Lines in order: before the stamp, stamp in µs, after it. Lines without a stamp have none. */
  readonly lines: readonly { readonly before: string; readonly us: number | undefined; readonly after: string }[];
  readonly events: number;
  readonly spanUs: number;
}

async function readText(path: string): Promise<TextCapture> {
  const source = await openSource(path);
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of source.chunks()) text += decoder.decode(chunk, { stream: true });
  await source.close();
  const all = text.split('\n');
  const first = all.findIndex((line) => STAMP.test(line));
  if (first < 0) throw new Error(`${path}: no line with a time stamp; the amplifier knows ftrace text only`);
  const lines = all.slice(first, all.at(-1) === '' ? -1 : undefined).map((line) => {
    const match = STAMP.exec(line);
    if (!match) return { before: line, us: undefined, after: '' };
    const us = Number(match[2]) * 1e6 + Number(match[3]);
    return { before: match[1], us, after: line.slice(match[0].length - 2) };
  });
  const stamps = lines.flatMap((line) => line.us ?? []);
  return {
    header: all.slice(0, first),
    lines,
    events: stamps.length,
    spanUs: Math.max(...minMax(stamps)) - Math.min(...minMax(stamps)),
  };
}

function minMax(values: readonly number[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

/**
 * Writes `target` with at least `events` records of the sample, unless it is there already.
 * @param sample ftrace text, plain or compressed
 */
export async function amplify(sample: string, target: string, events: number): Promise<void> {
  if (existsSync(target)) return;
  const capture = await readText(sample);
  mkdirSync(dirname(target), { recursive: true });
  const out = createWriteStream(`${target}.part`);
  out.write(`${capture.header.join('\n')}\n`);
  for (let round = 0, done = 0; done < events; round++, done += capture.events) {
    const shiftUs = round * (capture.spanUs + PAUSE_US);
    const lines = capture.lines.map(({ before, us, after }) =>
      us === undefined ? before : `${before}${stamp(us + shiftUs)}${after}`,
    );
    if (!out.write(`${lines.join('\n')}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  renameSync(`${target}.part`, target);
}

function stamp(us: number): string {
  return `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
}
