/** What the kernel at hand can record, read from tracefs. */
import { existsSync, readFileSync } from 'node:fs';

/** Where tracefs is mounted, newest convention first. */
export const TRACEFS_PATHS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'] as const;

export interface TracefsTarget {
  readonly path: string;
  /** `system:event` of available_events. */
  readonly events: ReadonlySet<string>;
  /** Functions that can be probed; undefined when the kernel does not list them (no function tracer). */
  readonly functions: ReadonlySet<string> | undefined;
  /** Functions can be probed at all (CONFIG_KPROBE_EVENTS). */
  readonly kprobes: boolean;
}

/** @returns undefined when there is no tracefs, or it may not be read */
export function readTracefs(path: string): TracefsTarget | undefined {
  const events = linesOf(`${path}/available_events`);
  if (events === undefined || events.length === 0) return undefined;
  // "vfs_read", "nf_ct_get [nf_conntrack]"; compilers add suffixes like .isra.0, which a kprobe needs too.
  const functions = linesOf(`${path}/available_filter_functions`)?.map((line) => line.split(/[\s(]/, 1)[0]);
  return {
    path,
    events: new Set(events),
    functions: functions && functions.length > 0 ? new Set(functions) : undefined,
    kprobes: existsSync(`${path}/kprobe_events`),
  };
}

/** The first tracefs that can be read. */
export function localTracefs(): TracefsTarget | undefined {
  for (const path of TRACEFS_PATHS) {
    const target = readTracefs(path);
    if (target) return target;
  }
  return undefined;
}

function linesOf(path: string): string[] | undefined {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  } catch {
    return undefined;
  }
}
