/** Replays a kernel log without a store, for tests. */
import { consoleFormat } from '../../parsers/console/format.ts';
import { bufferSource, DictionaryWriter } from '../../parsers/index.ts';
import { DiagnosticSink, type Finding, type FindingKind, type KernelProfile, NO_FACTS } from '../../schema/index.ts';
import { ReplayEngine, type ReplayOutcome } from '../../src/replay/engine.ts';

/** @param boot which of the log's boots is replayed. */
export async function replayLog(text: string, profile?: KernelProfile, boot = 0): Promise<ReplayOutcome> {
  const engine = new ReplayEngine({ facts: NO_FACTS, ...(profile && { profile }) });
  const context = {
    dictionary: new DictionaryWriter(),
    diagnostics: new DiagnosticSink('log'),
    facts: { format: '', cpus: 0, lost: 0, profile: {}, baseNs: 0n, timeUnit: 'ns' as const },
    options: {},
  };
  let firstEventId = 1;
  for await (const batch of consoleFormat.parse(bufferSource(new TextEncoder().encode(text), 'log'), context)) {
    if (batch.boot !== boot) continue;
    batch.firstEventId = firstEventId;
    firstEventId += batch.length;
    engine.step(batch);
  }
  return engine.finish();
}

export function findingsOf<K extends FindingKind>(outcome: ReplayOutcome, kind: K): Extract<Finding, { kind: K }>[] {
  return outcome.findings.filter((finding): finding is Extract<Finding, { kind: K }> => finding.kind === kind);
}

/** Lines with kernel stamps: `at` seconds, then a microsecond apart. */
export function stamped(at: number, lines: readonly string[]): string {
  return `${lines.map((line, i) => `[${(at + i * 1e-6).toFixed(6).padStart(12)}] ${line}`).join('\n')}\n`;
}

/** A hung-task report. @param frames innermost first */
export function hungTask(
  at: number,
  name: string,
  seconds: number,
  frames: readonly string[],
  more: readonly string[] = [],
): string {
  const colon = name.lastIndexOf(':');
  return stamped(at, [
    `INFO: task ${name} blocked for more than ${seconds} seconds.`,
    '      Not tainted 7.0.0-rc2 #1',
    '"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.',
    `task:${name.slice(0, colon).padEnd(15)} state:D stack:0     pid:${name.slice(colon + 1)} tgid:1     ppid:2      flags:0x00004000`,
    ...more.filter((line) => line.startsWith('Workqueue:')),
    'Call Trace:',
    ' <TASK>',
    ...frames.map((frame) => ` ${frame}+0x10/0x20`),
    ' </TASK>',
    ...more.filter((line) => !line.startsWith('Workqueue:')),
  ]);
}
