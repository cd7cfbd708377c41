/** Which identities are new in some runs of the fleet: the gate of a build. */
import type { FleetGateResult, FleetIdentity, Severity } from '../../schema/index.ts';
import { assessedRuns, bySeverityAndRuns, fleetIdentities } from './reports/findings.ts';
import { type Label, labelsName, type Scope, where } from './scope.ts';
import { FleetRequestError, type FleetSource } from './sink.ts';

export interface GateRequest {
  /** The runs that are judged. */
  readonly head: readonly Label[];
  /** The runs that they are judged against; default: all others. */
  readonly base?: readonly Label[];
  /** Least severity that fails. */
  readonly severity: Severity;
  readonly kinds?: readonly string[];
  /** Identities that are known, besides those of the base. */
  readonly known?: ReadonlySet<string>;
  /** Kinds that every run of the head must have been able to show. */
  readonly required?: readonly string[];
}

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, error: 2 };

/** @throws FleetRequestError when a side has no runs: a gate that looks at nothing must not pass */
export async function fleetGate(source: FleetSource, scope: Scope, request: GateRequest): Promise<FleetGateResult> {
  const side = (labels: readonly Label[]): Scope => ({ ...scope, labels: [...(scope.labels ?? []), ...labels] });
  const headRuns = await countRuns(source, side(request.head));
  if (headRuns === 0) throw new FleetRequestError(`no run has the label ${labelsName(request.head)}`);
  const kinds = { ...(request.kinds && { kinds: request.kinds }) };
  const head = await fleetIdentities(source, side(request.head), kinds);
  const before = await knownBefore(source, side(request.base ?? []), request);
  if (before.runs === 0) throw new FleetRequestError('there is nothing to judge against: no run of the base');
  const atLeast = head.filter(({ severity }) => RANK[severity] >= RANK[request.severity]);
  const isKnown = ({ identity }: FleetIdentity): boolean =>
    before.identities.has(identity) || (request.known?.has(identity) ?? false);
  const fresh = atLeast.filter((one) => !isKnown(one)).sort(bySeverityAndRuns);
  const assessed = await assessedRuns(source, side(request.head));
  const missing = (request.required ?? [])
    .map((kind) => ({ kind, runs: headRuns - (assessed.get(kind) ?? 0) }))
    .filter(({ runs }) => runs > 0);
  return {
    schema: 'quiesce.fleet-gate/1',
    head_runs: headRuns,
    base_runs: before.runs,
    new: fresh,
    known: atLeast.length - fresh.length,
    not_assessed: missing,
    passed: fresh.length === 0 && missing.length === 0,
  };
}

async function countRuns(source: FleetSource, scope: Scope, ...more: readonly string[]): Promise<number> {
  const { dialect } = source;
  const rows = await source.select(
    `SELECT count(DISTINCT run) AS run_count FROM ${dialect.table('run')}${where(dialect, 'run', scope, ...more)}`,
  );
  return Number(rows[0]?.[0] ?? 0);
}

/** Identities of the base without the runs of the head. */
async function knownBefore(
  source: FleetSource,
  scope: Scope,
  { head }: GateRequest,
): Promise<{ runs: number; identities: ReadonlySet<string> }> {
  const { dialect } = source;
  const ofHead = head.map(({ key, value }) => dialect.contains('labels', `\n${key}=${value}\n`)).join(' AND ');
  const others = `NOT (${ofHead})`;
  const rows = await source.select(
    `SELECT identity FROM ${dialect.table('finding')}${where(dialect, 'finding', scope, others)} GROUP BY identity`,
  );
  return {
    runs: await countRuns(source, scope, others),
    identities: new Set(rows.map(([identity]) => String(identity))),
  };
}
