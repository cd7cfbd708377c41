/** Time by stack: what flame graphs are drawn from. */

export class WeightedStacks {
  readonly #weights = new Map<string, number>();

  /** @param frames outermost first; a frame holds no line end */
  add(frames: readonly string[], ns: number): void {
    if (ns <= 0) return;
    const key = frames.map((frame) => frame.replace(/[\n\r]/g, ' ')).join('\n');
    this.#weights.set(key, (this.#weights.get(key) ?? 0) + ns);
  }

  /** The heaviest first. */
  entries(): { readonly frames: readonly string[]; readonly ns: number }[] {
    return [...this.#weights]
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .map(([key, ns]) => ({ frames: key.split('\n'), ns }));
  }
}
