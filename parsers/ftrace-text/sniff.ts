/** Detection of ftrace text by content, in a pasted snippet among prose as well as in a whole file. */

import { BatchWriter, DiagnosticSink, EventBatch } from '../../schema/index.ts';
import { DictionaryWriter } from '../dictionary-writer.ts';
import type { ParseContext } from '../format.ts';
import { LineReader } from '../lines.ts';
import { FtraceLineReader } from './line-reader.ts';
import { wrappingOf } from './systrace.ts';

const latin1 = new TextDecoder('latin1');

/** `[   12.345678] …`, `<6>[   12.345678][    T1] …`, `Mar  5 08:31:52 puma kernel: …`: lines of a kernel log. */
const LOG_LINE = /^(?:<\d+>)?\[ *\d+\.\d+\]|^\S.{0,60} kernel: |^\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\]/;
const HEADER_LINE =
  /^(?:[> ]*# tracer: \S|# entries-in-buffer\/entries-written: |cpus=\d+$|version = \d+$|CPU \d+ is empty$)/;
const BINARY_HEAD_BYTES = 1024;

/** Judges the first bytes of a capture; reads no more than them. */
export function sniffFtraceText(head: Uint8Array): boolean {
  const { wrapping } = wrappingOf(head);
  if (wrapping !== 'none') return true;
  if (head.subarray(0, BINARY_HEAD_BYTES).includes(0)) return false;
  const reader = lineReader();
  const lines = new LineReader();
  let records = 0;
  let headers = 0;
  let logLines = 0;
  const count = (): void => {
    while (lines.next()) {
      if (lines.tooLong || lines.start === lines.end) continue;
      if (reader.isRecord(lines.bytes, lines.start, lines.end)) records++;
      else {
        const text = latin1.decode(lines.bytes.subarray(lines.start, Math.min(lines.end, lines.start + 100)));
        if (HEADER_LINE.test(text)) headers++;
        else if (LOG_LINE.test(text)) logLines++;
      }
    }
  };
  lines.push(head);
  count();
  lines.finish();
  count();
  return records + headers > 0 && logLines <= records;
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
