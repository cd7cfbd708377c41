/** Names of events as perf writes them, in files and in text: `sched:sched_switch`, `cycles:uppp`, `cpu_core/cycles/u`. */

export interface PerfEventName {
  /** '' for events that are no tracepoints. */
  readonly system: string;
  readonly name: string;
  /** Modifiers without the colon (`u`, `ppp`, `HG`); '' when there are none. */
  readonly modifiers: string;
}

/** Letters of tools/perf/util/parse-events.l: modifier_event. */
const MODIFIERS = /^[ukhpPGHISDWebRX]+$/;

/**
 * Splits a name: what stands behind the last colon is a modifier if it consists of modifier letters, else it is the event of
 * the system before it.
 */
export function splitEventName(text: string): PerfEventName {
  const last = text.lastIndexOf(':');
  if (last > 0 && MODIFIERS.test(text.slice(last + 1))) {
    return { ...splitEventName(text.slice(0, last)), modifiers: text.slice(last + 1) };
  }
  const slash = text.lastIndexOf('/');
  // In `pmu/event=1,umask=2/u` the modifiers follow the slash, and colons inside belong to the terms.
  if (slash > 0 && text.indexOf('/') < slash) {
    return { system: '', name: text.slice(0, slash + 1), modifiers: text.slice(slash + 1) };
  }
  const colon = text.indexOf(':');
  return colon > 0
    ? { system: text.slice(0, colon), name: text.slice(colon + 1), modifiers: '' }
    : { system: '', name: text, modifiers: '' };
}
