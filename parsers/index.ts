/** Door of the parsers: the ordered registry of formats and detection by content. */
import { CaptureError } from '../schema/index.ts';
import { consoleFormat } from './console/format.ts';
import { namesLog } from './console/sniff.ts';
import { SNIFF_BYTES, type TraceFormat } from './format.ts';
import { ftraceText } from './ftrace-text/format.ts';
import { perfData } from './perf-data/perf-data.ts';
import { perfScript } from './perf-script/perf-script.ts';
import type { ByteSource } from './source.ts';
import { traceDat } from './trace-dat/format.ts';
import { traceJson } from './trace-json/trace-json.ts';

export { withLineFeeds } from './cr-lines.ts';
export { DictionaryWriter } from './dictionary-writer.ts';
export type { CaptureFacts, ParseOptions, TraceFormat } from './format.ts';
export { unpackMail } from './mail/mail-source.ts';
export { type ByteSource, bufferSource, isReadOnce, openSource } from './source.ts';

/** Formats that magic numbers tell. */
const RECORDINGS: readonly TraceFormat[] = [traceDat, perfData];

/** Whether bytes begin a binary recording. */
export function isRecording(head: Uint8Array): boolean {
  return RECORDINGS.some((format) => format.sniff(head));
}

/** Most specific first: magic numbers before text, because text sniffers guess. */
export const FORMATS: readonly TraceFormat[] = [traceDat, perfData, traceJson, perfScript, ftraceText, consoleFormat];

/**
 * The format that a capture is in, judged by its first bytes.
 * @throws CaptureError when no format claims it, with what was looked for.
 */
export async function detectFormat(source: ByteSource): Promise<TraceFormat> {
  const head = await source.head(SNIFF_BYTES);
  if (head.length === 0) {
    // An empty log says that the kernel had nothing to report; an empty recording is a failed one.
    if (namesLog(source.name)) return consoleFormat;
    throw new CaptureError(`${source.name}: the file is empty`);
  }
  const format =
    FORMATS.find((candidate) => candidate.certain?.(head)) ?? FORMATS.find((candidate) => candidate.sniff(head));
  if (format) return format;
  throw new CaptureError(
    `${source.name}: byte 0: no trace format recognised (starts with ${printable(head)}); expected one of: ${FORMATS.map((f) => f.title).join(', ')}`,
  );
}

function printable(head: Uint8Array): string {
  const text = Array.from(head.subarray(0, 16), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
  );
  return `"${text.join('')}"`;
}
