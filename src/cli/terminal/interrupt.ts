/** Ctrl-C during a long ingest: undo what was begun, then end. */

/** Signals that ask a process to end, and the status with which shells report each: 128 + its number. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Aborted by one of them; `status` is that of the process. */
export class Interrupted extends DOMException {
  readonly status: number;

  constructor(status: number) {
    super('interrupted', 'AbortError');
    this.status = status;
  }
}

let controller: AbortController | undefined;

/**
 * A signal that is aborted by the first SIGINT, SIGTERM or SIGHUP; the second one ends the process at once. Only for work that
 * looks at it now and then: while SQLite runs a statement no handler runs.
 */
export function interruptSignal(): AbortSignal {
  if (controller === undefined) {
    const made = new AbortController();
    controller = made;
    for (const [name, status] of Object.entries(SIGNALS)) process.once(name, () => made.abort(new Interrupted(status)));
  }
  return controller.signal;
}
