/** Reads captures in the calling thread: for the library, for tests, and where worker threads are not wanted. */
import type { EventBatch, KernelProfile } from '../../../schema/index.ts';
import type { CaptureSummary, ReadProgress, RunStream } from '../../ingest/run-stream.ts';
import type { BatchSource, SourcedBatch } from './batch-source.ts';

export class InlineSource implements BatchSource {
  readonly #stream: RunStream;
  #header: KernelProfile | undefined;

  constructor(stream: RunStream) {
    this.#stream = stream;
  }

  async *batches(): AsyncGenerator<SourcedBatch> {
    for await (const batch of this.#stream.batches()) {
      this.#header ??= { ...this.#stream.profile() };
      yield { batch };
    }
    this.#header ??= { ...this.#stream.profile() };
  }

  headerProfile(): KernelProfile {
    return this.#header ?? {};
  }

  progress(): ReadProgress {
    return this.#stream.progress();
  }

  summary(): CaptureSummary {
    return this.#stream.summary();
  }

  close(): Promise<void> {
    return this.#stream.close();
  }
}

/** Batches in memory: from a store, or made by hand. */
export function givenBatches(
  batches: Iterable<EventBatch>,
  header: KernelProfile,
  summary: CaptureSummary,
): BatchSource {
  return {
    async *batches() {
      for (const batch of batches) yield { batch };
    },
    headerProfile: () => header,
    progress: () => ({ readBytes: 0, totalBytes: undefined }),
    summary: () => summary,
    close: async () => undefined,
  };
}
