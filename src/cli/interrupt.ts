/** Ctrl-C during a long ingest: undo what was begun, then end. */

/**
 * A signal that is aborted by the first SIGINT or SIGTERM; the second one ends the process at once. Only for work that
 * looks at it now and then: while SQLite runs a statement no handler runs.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
