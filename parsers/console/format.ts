/**
 * Kernel logs: dmesg, serial console, journal and syslog text (MODEL §7). Every line becomes a `console` event; reports among the
 * lines travel beside the events as {@link LogReport}s. Times are the kernel's own stamps, from 0 at boot; a log without them
 * counts from its first date.
 */
import { CaptureError, type EventBatch } from '../../schema/index.ts';
import type { ParseContext, TraceFormat } from '../format.ts';
import { LineReader } from '../lines.ts';
import type { ByteSource } from '../source.ts';
import { LogReader } from './log-reader.ts';
import { holdsKernelLine, isStampedLog, looksLikeLog, namesLog } from './sniff.ts';

export const consoleFormat: TraceFormat = {
  id: 'console',
  title: 'kernel log',
  details:
    'dmesg in every form, serial console, journalctl (JSON and export, too), syslog, netconsole, logcat; quoted, indented or broken; in mails and mailboxes; ftrace dumps inside',
  certain: isStampedLog,
  sniff: looksLikeLog,
  parse: (source, context) => parseLog(source, context),
};

/** Bytes asked for to learn how the log is written. */
const HEAD_BYTES = 65536;

async function* parseLog(source: ByteSource, context: ParseContext): AsyncGenerator<EventBatch> {
  const head = await source.head(HEAD_BYTES);
  const log = new LogReader(context, head, source.origin);
  const lines = new LineReader();
  for await (const chunk of source.chunks()) {
    lines.push(chunk);
    while (lines.next()) {
      log.line(lines);
      if (log.ready) yield* log.take();
    }
  }
  lines.finish();
  while (lines.next()) log.line(lines);
  log.finish();
  if (!log.isLog && lines.lineNumber > 0 && !namesLog(source.name) && !holdsKernelLine(head))
    throw new CaptureError(
      `${source.name}: line 1: no line of this text is a kernel message or a trace record; give a kernel log (dmesg, journalctl -k, a serial console) or a recording`,
    );
  yield* log.take();
}
