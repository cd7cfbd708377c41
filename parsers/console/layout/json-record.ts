/**
 * Log lines that are records: `journalctl -o json`, LAVA's YAML lines, logs of containers. What the record says about the message is written as
 * the prefix of a line again, so that one reader reads all.
 */

import type { JournalBoots } from './journal-boots.ts';

/** Names under which records keep their message, and the kernel's time in µs. */
const MESSAGES = ['MESSAGE', 'msg', 'message', 'log', 'text', 'line'] as const;
const MONOTONIC = ['_SOURCE_MONOTONIC_TIMESTAMP', '_SOURCE_BOOTTIME_TIMESTAMP', '__MONOTONIC_TIMESTAMP'] as const;
const DATES = ['dt', 'time', 'timestamp', '@timestamp'] as const;
const MAX_RECORD = 1 << 16;

/** `- {dt: '2024-…', lvl: target, msg: '[    1.0] text'}` */
const YAML = /^- \{.*?\bmsg: '(.*)'\}\s*$/;

/** Whether bytes[start, end) can be a record; a look at two bytes. */
export function mayBeRecord(bytes: Uint8Array, start: number, end: number): boolean {
  if (start >= end || end - start > MAX_RECORD) return false;
  const code = bytes[start];
  if (code === 0x7b) return bytes[start + 1] === 0x22; // {"
  if (code === 0x1e) return bytes[start + 1] === 0x7b;
  if (code === 0x2d) return bytes[start + 1] === 0x20 && bytes[start + 2] === 0x7b; // - {
  return code === 0x64 && bytes[start + 5] === 0x20 && bytes[start + 6] === 0x7b; // data: {
}

/** The lines of the message with prefixes, and of the boot that begins with it; undefined when the line is no record of a log. */
export function linesOfRecord(line: string, boots: JournalBoots): string[] | undefined {
  const yaml = YAML.exec(line);
  if (yaml) return [yaml[1].replaceAll("''", "'")];
  const brace = line.indexOf('{');
  let record: unknown;
  try {
    record = JSON.parse(line.slice(brace));
  } catch {
    return undefined;
  }
  if (typeof record !== 'object' || record === null) return undefined;
  return linesOf(new Map(Object.entries(record)), boots);
}

/** @param fields of a record, by name */
export function linesOf(fields: ReadonlyMap<string, unknown>, boots: JournalBoots): string[] | undefined {
  const name = MESSAGES.find((candidate) => fields.has(candidate));
  const message = name === undefined ? undefined : messageText(fields.get(name));
  if (message === undefined) return undefined;
  const prefix = prefixOf(fields);
  const lines = message
    .replace(/\n$/, '')
    .split('\n')
    .map((part) => prefix + part);
  const mark = boots.markBefore(fields);
  return mark === undefined ? lines : [mark, ...lines];
}

/** The journal writes text that is not UTF-8 as a list of bytes. */
function messageText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((byte) => typeof byte === 'number'))
    return Buffer.from(value).toString('utf8');
  return undefined;
}

function prefixOf(fields: ReadonlyMap<string, unknown>): string {
  const program = fields.get('SYSLOG_IDENTIFIER') ?? fields.get('_COMM');
  const isKernel = fields.get('_TRANSPORT') === 'kernel' || program === 'kernel';
  // A message of another program: named as syslog does, so that no report is looked for in it.
  const known = fields.has('_TRANSPORT') || fields.has('SYSLOG_IDENTIFIER');
  const who =
    known && !isKernel
      ? `${String(program ?? 'program').replace(/\W/g, '_')}[${Number(fields.get('_PID') ?? 0)}]: `
      : '';
  const monotonic = MONOTONIC.map((name) => fields.get(name)).find((value) => value !== undefined);
  if (monotonic !== undefined && /^\d{1,16}$/.test(String(monotonic))) {
    const us = String(monotonic).padStart(7, '0');
    const level = /^[0-7]$/.test(String(fields.get('PRIORITY'))) && isKernel ? `<${fields.get('PRIORITY')}>` : '';
    return `${level}[${us.slice(0, -6)}.${us.slice(-6)}] ${who}`;
  }
  const date = DATES.map((name) => fields.get(name)).find((value) => typeof value === 'string');
  return typeof date === 'string' && /^\d{4}-\d\d-\d\dT/.test(date)
    ? `${date} ${who === '' ? '' : `host ${who}`}`
    : who;
}
