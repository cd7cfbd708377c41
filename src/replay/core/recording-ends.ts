/**
 * Until when each event was recorded, in a run of several traces of different length. An event that no trace shows any more after the end of one that had it was
 * recorded up to there only.
 */

interface Ended {
  readonly atNs: number;
  /** Events of that name up to then. */
  readonly events: number;
}

export class RecordingEnds {
  readonly #ended = new Map<string, Ended>();

  /** A trace ends that had these events. @param eventsOf how many there were of a name so far */
  end(names: readonly string[], atNs: number, eventsOf: (name: string) => number): void {
    for (const name of names) this.#ended.set(name, { atNs, events: eventsOf(name) });
  }

  get any(): boolean {
    return this.#ended.size > 0;
  }

  /**
   * To where the last of these events was recorded.
   * @param runEndNs end of the run, for events that reach it
   */
  of(names: Iterable<string>, runEndNs: number, eventsOf: (name: string) => number): number {
    let lastNs = Number.NEGATIVE_INFINITY;
    for (const name of names) {
      const ended = this.#ended.get(name);
      if (ended === undefined || eventsOf(name) > ended.events) return runEndNs;
      lastNs = Math.max(lastNs, ended.atNs);
    }
    return lastNs === Number.NEGATIVE_INFINITY ? runEndNs : Math.min(lastNs, runEndNs);
  }
}
