/** Findings of the kernel's log that hang on a load: with the load gone, what it held up goes on (X15). */
import { type Finding, type RootKind, STORM_KINDS } from '../../../schema/index.ts';
import type { Operator } from './operator.ts';

/** The operators that take a load away altogether; a load that only shrinks leaves what a log says of it undecided. */
function loadsGone(operators: readonly Operator[]): { readonly kind: RootKind; readonly cpu: number | undefined }[] {
  return operators.flatMap((operator) =>
    operator.op === 'scale-context' && operator.factor === 0
      ? [{ kind: STORM_KINDS[operator.context], cpu: operator.cpu }]
      : [],
  );
}

/** What the log still reports without those loads. */
export function withoutLoads(log: readonly Finding[], operators: readonly Operator[]): Finding[] {
  const gone = loadsGone(operators);
  return log.filter((finding) => {
    const { kind, cpu } = loadOf(finding);
    return !gone.some(
      (load) => load.kind === kind && (load.cpu === undefined || cpu === undefined || load.cpu === cpu),
    );
  });
}

/** The load that a finding is, or that is its root. */
function loadOf(finding: Finding): { readonly kind: string | undefined; readonly cpu: number | undefined } {
  if ('root' in finding && finding.root) return { kind: finding.root.kind, cpu: finding.root.cpu };
  if (finding.kind === 'rcu-stall') return { kind: finding.cause, cpu: finding.cpus[0] };
  return { kind: finding.kind, cpu: 'cpu' in finding ? (finding.cpu ?? undefined) : undefined };
}
