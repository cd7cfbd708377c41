/** Detection of ftrace text by content, in a pasted snippet among prose as well as in a whole file. */

import { BatchWriter, DiagnosticSink, EventBatch } from '../../schema/index.ts';
import { DictionaryWriter } from '../dictionary-writer.ts';
import type { ParseContext } from '../format.ts';
import { LineReader } from '../lines.ts';
import { FtraceLineReader, type TraceLayout } from './line-reader.ts';
import { wrappingOf } from './systrace.ts';

const latin1 = new TextDecoder('latin1');

/** `[   12.345678] …`, `<6>[   12.345678][    T1] …`, `Mar  5 08:31:52 puma kernel: …`: lines of a kernel log. */
const LOG_LINE = /^(?:<\d+>)?\[ *\d+\.\d+\]|^\S.{0,60} kernel: |^\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\]/;
const HEADER_LINE =
  /^(?:[> ]*# tracer: \S|# entries-in-buffer\/entries-written: |cpus=\d+$|version = \d+$|CPU \d+ is empty$)/;
const BINARY_HEAD_BYTES = 1024;

/** Most useful first. */
const LAYOUTS: readonly TraceLayout[] = ['ordinary', 'graph', 'latency', 'graph-untimed'];

/** What the lines of a head are. */
interface Tally {
  readonly records: Record<TraceLayout, number>;
  headers: number;
  logLines: number;
}

/** Judges the first bytes of a capture; reads no more than them. */
export function sniffFtraceText(head: Uint8Array): boolean {
  const { wrapping } = wrappingOf(head);
  if (wrapping !== 'none') return true;
  if (head.subarray(0, BINARY_HEAD_BYTES).includes(0)) return false;
  const { records, headers, logLines } = tally(head);
  const count = LAYOUTS.reduce((sum, layout) => sum + records[layout], 0);
  return count + headers > 0 && logLines <= count;
}

/** The layout that a capture with this head is read by: one with seconds of a clock wherever there is any. */
export function traceLayoutOf(head: Uint8Array): TraceLayout | undefined {
  const { records } = tally(head);
  return LAYOUTS.find((layout) => records[layout] > 0);
}

function tally(head: Uint8Array): Tally {
  const reader = lineReader();
  const lines = new LineReader();
  const found: Tally = { records: { ordinary: 0, graph: 0, latency: 0, 'graph-untimed': 0 }, headers: 0, logLines: 0 };
  lines.push(head);
  lines.finish();
  while (lines.next()) {
    if (lines.tooLong || lines.start === lines.end) continue;
    const layout = reader.layoutOf(lines.bytes, lines.start, lines.end);
    if (layout) {
      found.records[layout]++;
      continue;
    }
    const text = latin1.decode(lines.bytes.subarray(lines.start, Math.min(lines.end, lines.start + 100)));
    if (HEADER_LINE.test(text)) found.headers++;
    else if (LOG_LINE.test(text)) found.logLines++;
  }
  return found;
}

function lineReader(): FtraceLineReader {
  const context: ParseContext = {
    dictionary: new DictionaryWriter(),
    diagnostics: new DiagnosticSink('head'),
    facts: { format: '', cpus: 0, lost: 0, profile: {}, baseNs: 0n, timeUnit: 'ns' },
    options: {},
  };
  return new FtraceLineReader(context, new BatchWriter(new EventBatch(1, 1)));
}
