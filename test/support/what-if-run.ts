/** Replayed recordings for what-if tests. */
import type { Finding, KernelProfile, WhatIfVariant } from '../../schema/index.ts';
import type { CaptureInput } from '../../src/ingest/capture.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import type { ReplayedRun, WhatIf } from '../../src/replay/what-if/judge.ts';
import { resolveVariant } from '../../src/replay/what-if/variants.ts';

/** Captures of one boot: names in samples/ and test/fixtures/console/, or captures given as text. */
export function replayedRun(...captures: readonly CaptureInput[]): Promise<ReplayedRun> {
  return replayedWith({}, ...captures);
}

/** The same, with what the user says of the kernel. */
export async function replayedWith(profile: KernelProfile, ...captures: readonly CaptureInput[]): Promise<ReplayedRun> {
  let run: ReplayedRun | undefined;
  await replayCaptures(captures.map(located), {
    threads: 1,
    profile,
    onReplayed: (replayed) => {
      run ??= replayed;
    },
  });
  if (!run) throw new Error('nothing was replayed');
  return run;
}

function located(capture: CaptureInput): CaptureInput {
  if (typeof capture !== 'string') return capture;
  const folder = capture.includes('.') && !capture.endsWith('.txt') ? '../../samples/' : '../fixtures/console/';
  return new URL(`${capture.endsWith('dmesg.txt') ? '../../samples/' : folder}${capture}`, import.meta.url).pathname;
}

export interface Verdicts extends WhatIfVariant {
  /** Baseline findings by verdict, and everything there is afterwards. */
  readonly clearedFindings: readonly Finding[];
  readonly remaining: readonly Finding[];
  readonly after: readonly Finding[];
}

/** The verdicts under a variant, by name, with the findings instead of ids. */
export function verdicts(whatIf: WhatIf, run: ReplayedRun, name: string): Verdicts {
  const result = whatIf.judge(resolveVariant(name));
  // Waits of several tasks of one kind behind one root are one bug, and have one id.
  const of = (ids: readonly string[]): Finding[] => run.baseline.filter(({ id }) => ids.includes(id));
  const remaining = of(result.remains);
  return { ...result, clearedFindings: of(result.cleared), remaining, after: [...remaining, ...result.new] };
}

/** `kind locks…` or `kind task`, for comparison. */
export function brief(findings: readonly Finding[]): string[] {
  return findings
    .map((finding) => {
      if ('locks' in finding) return `${finding.kind} ${finding.locks.join(' ')}`;
      if (finding.kind === 'deferral-hazard') return `${finding.kind} ${finding.api} ${finding.held.join(' ')}`;
      if ('task' in finding) return `${finding.kind} ${finding.task}`;
      return finding.kind;
    })
    .sort();
}
