/** Reads log text through the console format, for tests. */
import { readFileSync } from 'node:fs';
import { consoleFormat } from '../../parsers/console/format.ts';
import { callerKey, LogGrammar } from '../../parsers/console/log-grammar.ts';
import type { CaptureFacts } from '../../parsers/format.ts';
import { bufferSource, DictionaryWriter } from '../../parsers/index.ts';
import { DiagnosticSink, Dictionary, EventCursor, type LogReport, type LogReportKind } from '../../schema/index.ts';
import { positionsOf } from './field-positions.ts';

export interface LogLineEvent {
  readonly boot: number;
  readonly type: string;
  readonly tsNs: number;
  readonly cpu: number;
  readonly tid: number;
  readonly msg: string;
  readonly line: number;
  readonly level: number | undefined;
  readonly caller: string;
}

export interface ReadLog {
  readonly events: readonly LogLineEvent[];
  readonly reports: readonly LogReport[];
  readonly facts: CaptureFacts;
  readonly diagnostics: DiagnosticSink;
}

/** @param chunkBytes size of the chunks in which the parser gets the text. */
export async function readLog(text: string | Uint8Array, chunkBytes?: number): Promise<ReadLog> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const facts: CaptureFacts = { format: '', cpus: 0, lost: 0, profile: {}, baseNs: 0n, timeUnit: 'ns' };
  const diagnostics = new DiagnosticSink('dmesg.txt');
  const context = { dictionary: new DictionaryWriter(), diagnostics, facts, options: {} };
  const dictionary = new Dictionary();
  const events: LogLineEvent[] = [];
  const reports: LogReport[] = [];
  for await (const batch of consoleFormat.parse(bufferSource(bytes, 'dmesg.txt', chunkBytes), context)) {
    dictionary.apply(batch.delta);
    const cursor = new EventCursor(batch, dictionary.strings);
    for (let i = 0; i < batch.length; i++) {
      cursor.index = i;
      const type = dictionary.types[cursor.typeId];
      const [msg, line, level, caller] = positionsOf(type).map(([, position]) => position);
      events.push({
        boot: batch.boot,
        type: type.name,
        tsNs: cursor.tsNs,
        cpu: cursor.cpu,
        tid: cursor.tid,
        msg: cursor.text(msg),
        line: cursor.int(line),
        level: cursor.has(level) ? cursor.int(level) : undefined,
        caller: cursor.text(caller),
      });
    }
    reports.push(...batch.reports);
  }
  return { events, reports, facts, diagnostics };
}

export const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/console/${name}`, import.meta.url), 'utf8');

/** Reports in lines without prefixes, each line a millisecond after the one before. */
export function reportsIn(lines: readonly string[], cpu?: number, tid?: number): LogReport[] {
  const grammar = new LogGrammar();
  for (const [i, line] of lines.entries()) grammar.feed(i * 1e6, i + 1, cpu, callerKey(tid, cpu), line);
  return grammar.finish();
}

/** The reports of one kind. */
export function ofKind<K extends LogReportKind>(
  reports: readonly LogReport[],
  kind: K,
): Extract<LogReport, { kind: K }>[] {
  return reports.filter((report): report is Extract<LogReport, { kind: K }> => report.kind === kind);
}
