/** The ftrace text that Chrome keeps as one string beside its own events (`systemTraceEvents`). */
import { BatchWriter, EventBatch } from '../../schema/index.ts';
import { FtraceLineReader } from '../ftrace-text/line-reader.ts';
import { LineReader } from '../lines.ts';
import type { EventOutput } from './event-output.ts';

/** Characters collected before lines are looked for. */
const PIECE_CHARACTERS = 1 << 14;

const encoder = new TextEncoder();

export class SystemTrace {
  /** Records read. */
  count = 0;
  readonly #output: EventOutput;
  readonly #lines = new LineReader();
  readonly #writer = new BatchWriter(new EventBatch());
  readonly #reader: FtraceLineReader;
  #text = '';
  #again = false;

  constructor(output: EventOutput) {
    this.#output = output;
    this.#reader = new FtraceLineReader(output.context, this.#writer);
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length >= PIECE_CHARACTERS) this.#readPiece();
  }

  finish(): void {
    this.#readPiece();
    this.#lines.finish();
    this.#readLines();
    this.#reader.finish();
    this.#handOver();
  }

  #readPiece(): void {
    this.#lines.push(encoder.encode(this.#text));
    this.#text = '';
    this.#readLines();
  }

  #readLines(): void {
    const lines = this.#lines;
    while (this.#again || lines.next()) {
      this.#again = false;
      if (lines.tooLong) continue;
      const outcome = this.#reader.read(lines.bytes, lines.start, lines.end, lines.lineNumber);
      if (outcome === 'record') this.count++;
      else if (outcome === 'full') {
        this.#again = true;
        this.#handOver();
      } else if (outcome === 'unreadable') {
        this.#output.context.diagnostics.report('line-unreadable', { line: lines.lineNumber }, 'in systemTraceEvents');
      }
    }
  }

  #handOver(): void {
    const { batch } = this.#writer;
    if (batch.length === 0) return;
    batch.delta = this.#output.context.dictionary.takeDelta();
    this.#output.ready.push(batch);
    this.#writer.reset(new EventBatch());
    this.#reader.startBatch(this.#writer);
  }
}
