/** The ftrace text format: the kernel's trace files, trace-cmd report, systrace. */
import { BatchWriter, CaptureError, EventBatch, plausibleLoss } from '../../schema/index.ts';
import { type ParseContext, SNIFF_BYTES, type TraceFormat } from '../format.ts';
import { LineReader, reportLine } from '../lines.ts';
import type { ByteSource } from '../source.ts';
import { FtraceLineReader, type TraceLayout } from './line-reader.ts';
import { sniffFtraceText, traceLayoutOf } from './sniff.ts';
import { inflated, TracePage, wrappingOf } from './systrace.ts';

const PLAIN = 'ftrace text';

export const ftraceText: TraceFormat = {
  id: 'ftrace-text',
  title: 'ftrace text',
  details:
    'trace-cmd report (plain, -l, -R, -N, -t), tracefs trace and trace_pipe of every tracer and clock, latency layouts, systrace HTML, atrace -z, excerpts in mails and documents',
  sniff: sniffFtraceText,
  parse: parseFtraceText,
};

async function* parseFtraceText(source: ByteSource, context: ParseContext): AsyncGenerator<EventBatch> {
  const head = await source.head(SNIFF_BYTES);
  const { wrapping, offset } = wrappingOf(head);
  context.facts.format = wrapping === 'none' ? PLAIN : `${PLAIN} (systrace)`;
  const layout = wrapping === 'none' ? traceLayoutOf(head) : undefined;
  const text = new TextRun(context, wrapping === 'html' ? new TracePage() : undefined, layout);
  const chunks = wrapping === 'zlib' ? inflated(source.chunks(), offset, context.diagnostics) : source.chunks();
  for await (const chunk of chunks) {
    text.lines.push(chunk);
    for (;;) {
      const full = text.drain();
      if (!full) break;
      yield full;
    }
  }
  text.lines.finish();
  for (;;) {
    const full = text.drain();
    if (!full) break;
    yield full;
  }
  const last = text.finish(source.name);
  if (last.length > 0) yield last;
}

/** Lines of one capture into batches. */
class TextRun {
  readonly lines = new LineReader();
  readonly #context: ParseContext;
  readonly #page: TracePage | undefined;
  #batch = new EventBatch();
  readonly #writer = new BatchWriter(this.#batch);
  readonly #reader: FtraceLineReader;
  /** The current line did not fit into the batch before. */
  #again = false;
  #records = 0;

  constructor(context: ParseContext, page: TracePage | undefined, layout: TraceLayout | undefined) {
    this.#context = context;
    this.#page = page;
    this.#reader = new FtraceLineReader(context, this.#writer);
    this.#reader.traceLayout = layout;
  }

  /** Reads the lines that are there. Returns a batch when one is full, undefined when more input is needed. */
  drain(): EventBatch | undefined {
    const lines = this.lines;
    while (this.#again || lines.next()) {
      if (!this.#again && this.#page && !this.#page.take(lines)) continue;
      this.#again = false;
      if (lines.tooLong) {
        this.#context.diagnostics.report('line-too-long', { line: lines.lineNumber }, '');
        continue;
      }
      const outcome = this.#reader.read(lines.bytes, lines.start, lines.end, lines.lineNumber);
      if (outcome === 'record') this.#records++;
      else if (outcome === 'full') {
        this.#again = true;
        return this.#takeBatch();
      } else if (outcome === 'unreadable') reportLine(this.#context.diagnostics, this.lines, 'line-unreadable');
      else if (outcome === 'foreign') reportLine(this.#context.diagnostics, this.lines, 'unsupported');
    }
    return undefined;
  }

  /**
   * The last batch, possibly empty; completes the facts.
   * @throws CaptureError when the capture held neither a record nor a trace header.
   */
  finish(name: string): EventBatch {
    const { facts, diagnostics } = this.#context;
    const { layout } = this.#reader;
    if (this.#records === 0 && !layout.seenHeader)
      throw new CaptureError(
        `${name}: line ${Math.max(1, this.lines.lineNumber)}: no ftrace record up to here (expected lines like "task-pid [cpu] flags seconds: event: …")`,
      );
    if (layout.report && facts.format === PLAIN) facts.format = 'trace-cmd report';
    facts.timeUnit = this.#reader.ticks ? 'ticks' : 'ns';
    if (layout.overwritten > 0) {
      const place = { line: layout.overwrittenLine };
      const text = `${layout.overwritten} records overwritten before the trace was read`;
      const lost = plausibleLoss(layout.overwritten);
      facts.lost += lost || 1;
      if (lost === 0) diagnostics.report('loss-unsized', place, text);
      diagnostics.report('events-lost', place, text, lost || 1);
    }
    this.#reader.finish();
    const batch = this.#batch;
    batch.delta = this.#context.dictionary.takeDelta();
    return batch;
  }

  #takeBatch(): EventBatch {
    const full = this.#batch;
    full.delta = this.#context.dictionary.takeDelta();
    this.#context.facts.timeUnit = this.#reader.ticks ? 'ticks' : 'ns';
    this.#batch = new EventBatch();
    this.#writer.reset(this.#batch);
    this.#reader.startBatch(this.#writer);
    return full;
  }
}
