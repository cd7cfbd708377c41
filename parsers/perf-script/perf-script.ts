/** perf script text: what `perf script` prints of a perf.data, with any `-F`, and the dumps of tools that print alike. */
import { BatchWriter, CaptureError, DiagnosticSink, EventBatch } from '../../schema/index.ts';
import { DictionaryWriter } from '../dictionary-writer.ts';
import { type ParseContext, SNIFF_BYTES, type TraceFormat } from '../format.ts';
import { LineReader, reportLine } from '../lines.ts';
import type { ByteSource } from '../source.ts';
import { PerfScriptLineReader } from './line-reader.ts';
import { timesAreDistances } from './time-distances.ts';

export const perfScript: TraceFormat = {
  id: 'perf-script',
  title: 'perf script text',
  details:
    'default fields and -F sets (pid/tid, no comm, no CPU, no time, period, flags, misc, ip), -G, --ns, --reltime, --header, --show-lost-events and --show-task-events',
  sniff,
  parse,
};

const BINARY_HEAD_BYTES = 1024;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

function markBytes(bytes: Uint8Array, start: number): number {
  return BYTE_ORDER_MARK.every((byte, i) => bytes[start + i] === byte) ? BYTE_ORDER_MARK.length : 0;
}

/** Samples must outweigh what is neither sample nor frame; without times a sample counts only if a frame follows it. */
function sniff(head: Uint8Array): boolean {
  if (head.subarray(0, BINARY_HEAD_BYTES).includes(0)) return false;
  const context: ParseContext = {
    dictionary: new DictionaryWriter(),
    diagnostics: new DiagnosticSink('head'),
    facts: { format: '', cpus: 0, lost: 0, profile: {}, baseNs: 0n, timeUnit: 'ns' },
    options: {},
  };
  const reader = new PerfScriptLineReader(context, new BatchWriter(new EventBatch(1, 1)));
  const lines = new LineReader();
  let samples = 0;
  let others = 0;
  let afterUntimed = false;
  const judge = () => {
    while (lines.next()) {
      const start = lines.start + (lines.lineNumber === 1 ? markBytes(lines.bytes, lines.start) : 0);
      const kind = lines.tooLong ? 'other' : reader.judge(lines.bytes, start, lines.end);
      if (kind === 'timed' || (kind === 'frame' && afterUntimed)) samples++;
      else if (kind === 'other') others++;
      if (kind !== 'layout') afterUntimed = kind === 'untimed';
    }
  };
  lines.push(head);
  judge();
  lines.finish();
  judge();
  return samples > 0 && others <= samples;
}

async function* parse(source: ByteSource, context: ParseContext): AsyncGenerator<EventBatch> {
  context.facts.format = 'perf script';
  context.facts.clock = 'perf';
  const text = new TextRun(context, timesAreDistances(await source.head(SNIFF_BYTES)));
  for await (const chunk of source.chunks()) {
    text.lines.push(chunk);
    for (let full = text.drain(); full; full = text.drain()) yield full;
  }
  text.lines.finish();
  for (let full = text.drain(); full; full = text.drain()) yield full;
  const last = text.finish(source.name);
  if (last.length > 0) yield last;
}

/** Lines of one capture into batches. */
class TextRun {
  readonly lines = new LineReader();
  readonly #context: ParseContext;
  #batch = new EventBatch();
  readonly #writer = new BatchWriter(this.#batch);
  readonly #reader: PerfScriptLineReader;
  /** The current line did not fit into the batch before. */
  #again = false;

  constructor(context: ParseContext, hasDistances: boolean) {
    this.#context = context;
    this.#reader = new PerfScriptLineReader(context, this.#writer);
    this.#reader.timesAreDistances = hasDistances;
  }

  /** Reads the lines that are there. Returns a batch when one is full, undefined when more input is needed. */
  drain(): EventBatch | undefined {
    const { lines } = this;
    while (this.#again || lines.next()) {
      this.#again = false;
      if (lines.tooLong) {
        this.#context.diagnostics.report('line-too-long', { line: lines.lineNumber }, '');
        continue;
      }
      const start = lines.start + (lines.lineNumber === 1 ? markBytes(lines.bytes, lines.start) : 0);
      const outcome = this.#reader.read(lines.bytes, start, lines.end, lines.lineNumber);
      if (outcome === 'full') {
        this.#again = true;
        return this.#takeBatch();
      }
      if (outcome === 'unreadable') reportLine(this.#context.diagnostics, this.lines, 'line-unreadable');
      else if (outcome === 'trace-error') reportLine(this.#context.diagnostics, this.lines, 'unsupported');
    }
    return undefined;
  }

  /**
   * The last batch, possibly empty.
   * @throws CaptureError when the capture held no sample
   */
  finish(name: string): EventBatch {
    this.#reader.finish();
    if (this.#reader.samples === 0 && this.#batch.length === 0) {
      throw new CaptureError(
        `${name}: line ${Math.max(1, this.lines.lineNumber)}: no perf script sample up to here (expected lines like "task 123 [000] 1.000000: event: …")`,
      );
    }
    this.#batch.delta = this.#context.dictionary.takeDelta();
    return this.#batch;
  }

  #takeBatch(): EventBatch {
    const full = this.#batch;
    full.delta = this.#context.dictionary.takeDelta();
    this.#batch = new EventBatch();
    this.#writer.reset(this.#batch);
    this.#reader.startBatch(this.#writer);
    return full;
  }
}
