/** A capture as the user gives it, opened and recognised. */

import type { DictionaryWriter } from '../../parsers/index.ts';
import {
  type ByteSource,
  bufferSource,
  type CaptureFacts,
  detectFormat,
  isRecording,
  openSource,
  type ParseOptions,
  type TraceFormat,
  unpackMail,
  withLineFeeds,
} from '../../parsers/index.ts';
import { DiagnosticSink, type EventBatch } from '../../schema/index.ts';

/** A path (`-` is standard input), or bytes with a name. */
export type CaptureInput = string | { readonly name: string; readonly bytes: Uint8Array };

/** Id of the format whose captures are kernel logs. */
const LOG_FORMAT = 'console';

export class Capture {
  readonly input: CaptureInput;
  readonly source: ByteSource;
  readonly format: TraceFormat;
  readonly diagnostics: DiagnosticSink;
  readonly facts: CaptureFacts;
  readonly #options: ParseOptions;

  constructor(input: CaptureInput, source: ByteSource, format: TraceFormat, options: ParseOptions) {
    this.input = input;
    this.source = source;
    this.format = format;
    this.#options = options;
    this.diagnostics = new DiagnosticSink(source.name);
    this.facts = { format: format.title, cpus: 0, lost: 0, profile: {}, baseNs: 0n, timeUnit: 'ns' };
  }

  get isLog(): boolean {
    return this.format.id === LOG_FORMAT;
  }

  /** The capture's batches; may be asked for once. */
  async *batches(dictionary: DictionaryWriter): AsyncGenerator<EventBatch> {
    const { diagnostics, facts, source } = this;
    yield* this.format.parse(source, { dictionary, diagnostics, facts, options: this.#options });
    const { damage } = source;
    if (damage !== undefined) diagnostics.report('data-damaged', { byte: damage.byteOffset }, damage.text);
  }

  close(): Promise<void> {
    return this.source.close();
  }
}

/** @throws CaptureError when it cannot be opened or is of no known format. */
export async function openCapture(input: CaptureInput, options: ParseOptions): Promise<Capture> {
  const given = typeof input === 'string' ? await openSource(input) : bufferSource(input.bytes, input.name);
  const source = await withLineFeeds(await unpackMail(given, isRecording));
  try {
    return new Capture(input, source, await detectFormat(source), options);
  } catch (error) {
    await source.close();
    throw error;
  }
}
