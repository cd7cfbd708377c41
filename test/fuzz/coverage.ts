/** Which blocks of the code under test have run, as V8 counts them: an input that reaches a new one is worth mutating further. */
import { Session } from 'node:inspector/promises';

export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  }

  /** Blocks that ran since the last call. */
  async ran(): Promise<string[]> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    const blocks: string[] = [];
    for (const { url, functions } of result) {
      if (!/\/(parsers|src|schema)\//.test(url)) continue;
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges)
          if (count > 0) blocks.push(`${url}:${startOffset}:${endOffset}`);
    }
    return blocks;
  }

  /** Those of them that had never run before. */
  async news(): Promise<ReadonlySet<string>> {
    const fresh = new Set((await this.ran()).filter((block) => !this.#seen.has(block)));
    for (const block of fresh) this.#seen.add(block);
    return fresh;
  }

  /** Code runs at full speed from here on. */
  async stop(): Promise<void> {
    await this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  get blocks(): number {
    return this.#seen.size;
  }
}
