/** `# key : value` lines of `perf script --header` (tools/perf/util/header.c print_*). */
import type { CaptureFacts } from '../format.ts';

const LINE = /^# *([a-z][a-z ]*?) *: *(.*?) *$/;

/** Takes what a comment line tells into the facts. */
export function readHeaderComment(text: string, facts: CaptureFacts): void {
  const match = LINE.exec(text);
  if (!match) return;
  const [, key, value] = match;
  const count = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (key === 'os release' && value !== '') facts.profile.release = value;
  else if (key === 'hostname' && value !== '') facts.hostname = value;
  else if (key === 'arch' && value !== '') facts.profile.x86 = /^(x86_64|i[3-6]86)$/.test(value);
  else if (key === 'nrcpus online' && count > 0) facts.cpus = Math.max(facts.cpus, count);
  else if (key === 'nrcpus avail' && count > 0) facts.profile.possibleCpus = count;
  else if (key === 'clockid') facts.clock = CLOCKS.get(value.split(' ')[0]) ?? facts.clock ?? 'perf';
}

/** Names of `perf record -k` as the names that ftrace gives to the same clocks. */
const CLOCKS = new Map([
  ['realtime', 'realtime'],
  ['monotonic', 'mono'],
  ['monotonic_raw', 'mono_raw'],
  ['boottime', 'boot'],
  ['tai', 'tai'],
]);
