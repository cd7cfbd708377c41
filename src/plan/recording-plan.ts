/**
 * Which recordings show the findings wanted. Needs come from the table of finding kinds (schema/finding-kinds), so a plan and an
 * assessment that says "not recorded" speak of the same events.
 */
import {
  type EventGroup,
  type FindingKind,
  kindRow,
  METRICS,
  type MetricName,
  type MissingEvent,
  namesOf,
  type PlannedRecording,
  RECORDING_TIERS,
  type RecordingPlan,
  type RecordingTier,
} from '../../schema/index.ts';
import { eventNames, RECORDABLES, type Recordable } from './recordable-events.ts';
import { recorderCommands } from './recorder-commands.ts';
import type { TracefsTarget } from './tracefs-target.ts';

export interface PlanRequest {
  readonly kinds: readonly FindingKind[];
  readonly metrics: readonly MetricName[];
  readonly durationS: number;
  /** Most that a recording may cost; what the verdict can do without is left out. */
  readonly tier?: RecordingTier;
  /** Locks in the same recording as everything else. */
  readonly together?: boolean;
}

/** Events per second and CPU up to which a recording belongs to a tier. */
const TIER_LIMITS: Readonly<Record<RecordingTier, number>> = {
  light: 5_000,
  moderate: 30_000,
  heavy: Number.POSITIVE_INFINITY,
};

/** Bytes that an event takes in the ring buffer: header, common fields, payload. */
const EVENT_BYTES = 56;
/** Time that trace-cmd or perf may be late with reading. */
const READER_DELAY_S = 3;
const SMALLEST_BUFFER_KB = 8192;

/** @param target kernel to record on; undefined: unknown, everything is taken to be there */
export function planRecordings(request: PlanRequest, target: TracefsTarget | undefined): RecordingPlan {
  const impossible = request.kinds.filter((kind) => essentialsMissing(kind, target).length > 0);
  const kinds = request.kinds.filter((kind) => !impossible.includes(kind));
  const isLockKind = (kind: FindingKind) => needed(kind).includes('lock_acquire');
  const isLockMetric = (metric: MetricName) => metricEvents(metric).includes('lock_acquire');
  const parts = request.together
    ? [{ name: 'everything', kinds, metrics: request.metrics }]
    : [
        {
          name: 'hangs',
          kinds: kinds.filter((kind) => !isLockKind(kind)),
          metrics: request.metrics.filter((metric) => !isLockMetric(metric)),
        },
        { name: 'locks', kinds: kinds.filter(isLockKind), metrics: request.metrics.filter(isLockMetric) },
      ];
  return {
    schema: 'quiesce.plan/1',
    tracefs: target?.path ?? null,
    duration_s: request.durationS,
    tier_limit: request.tier ?? 'heavy',
    recordings: parts
      .filter((part) => part.kinds.length + part.metrics.length > 0)
      .map((part) => planRecording(part, request, target)),
    from_log: impossible.map((kind) => ({
      kind,
      needs: essentialsMissing(kind, target).flatMap((group) => recordablesOf(group).map(nameWithCondition)),
      reports: kindRow(kind).needs.reports,
    })),
  };
}

/** Groups without which the kind cannot be judged from events, and of which this kernel has none. */
function essentialsMissing(kind: FindingKind, target: TracefsTarget | undefined): EventGroup[] {
  return kindRow(kind).needs.events.filter(
    (group) =>
      group.essential &&
      !namesOf(group).includes('<context-flags>') &&
      !recordablesOf(group).some((recordable) => onTarget(recordable, target) !== undefined),
  );
}

function recordablesOf(group: EventGroup): Recordable[] {
  const names = namesOf(group);
  return RECORDABLES.filter(({ shows }) => shows.some((name) => names.includes(name)));
}

function nameWithCondition({ id, condition }: Recordable): string {
  return condition === undefined ? id : `${id} (${condition})`;
}

function needed(kind: FindingKind): string[] {
  return kindRow(kind).needs.events.flatMap(namesOf);
}

function metricEvents(metric: MetricName): string[] {
  return METRICS[metric].events.flatMap(eventNames);
}

interface RecordingPart {
  readonly name: string;
  readonly kinds: readonly FindingKind[];
  readonly metrics: readonly MetricName[];
}

function planRecording(part: RecordingPart, request: PlanRequest, target: TracefsTarget | undefined): PlannedRecording {
  const wantedBy = new Map<string, Set<string>>();
  const want = (names: readonly string[], reason: string) => {
    for (const name of names) wantedBy.set(name, (wantedBy.get(name) ?? new Set()).add(reason));
  };
  for (const kind of part.kinds) want([...needed(kind), ...kindRow(kind).needs.helpful.flatMap(eventNames)], kind);
  for (const metric of part.metrics) want(metricEvents(metric), metric);
  const wanted = RECORDABLES.filter(({ shows }) => shows.some((name) => wantedBy.has(name)));
  const there = wanted.flatMap((recordable) => onTarget(recordable, target) ?? []);
  const missing: MissingEvent[] = [];
  for (const recordable of wanted)
    if (!there.some(({ id }) => id === recordable.id))
      missing.push(missingEvent(recordable, part, wantedBy, there, 'not on this kernel'));
  const chosen = withinTier(there, part, request.tier ?? 'heavy');
  for (const recordable of there)
    if (!chosen.includes(recordable))
      missing.push(missingEvent(recordable, part, wantedBy, chosen, `left out: more than ${request.tier}`));
  const perSecond = chosen.reduce((sum, recordable) => sum + recordable.perSecond, 0);
  const buffer = (seconds: number) =>
    Math.max(SMALLEST_BUFFER_KB, Math.ceil((perSecond * EVENT_BYTES * seconds) / 1024 / 4096) * 4096);
  const recording = {
    name: part.name,
    kinds: part.kinds,
    metrics: part.metrics,
    tier: tierOf(perSecond),
    events: chosen.filter(({ type }) => type === 'tracepoint').map(({ id }) => id),
    kprobes: chosen.flatMap(({ probes }) => probes ?? []),
    stacks: chosen.some(({ type }) => type === 'stacks'),
    events_per_second: perSecond,
    buffer_kb: buffer(READER_DELAY_S),
    buffer_kb_tracefs: buffer(request.durationS),
    missing,
  };
  return { ...recording, commands: recorderCommands(recording, request.durationS, target?.path) };
}

/** As it is recorded there; undefined when it cannot be. */
function onTarget(recordable: Recordable, target: TracefsTarget | undefined): Recordable | undefined {
  if (target === undefined) return recordable;
  const { id, type, probes = [] } = recordable;
  if (type === 'tracepoint') return target.events.has(id) ? recordable : undefined;
  if (type === 'stacks') return target.events.has('sched:sched_switch') ? recordable : undefined;
  const { functions, kprobes } = target;
  if (!kprobes) return undefined;
  if (functions === undefined || functions.has(id)) return recordable;
  // try_check_zero.isra.0: the compiler has changed the arguments, so none is read.
  const variant = [...functions].find((name) => name.startsWith(`${id}.`) && !name.includes('.cold'));
  if (variant === undefined) return undefined;
  return { ...recordable, probes: probes.map((line) => `${line.split(' ', 1)[0]} ${variant}`) };
}

export function tierOf(perSecond: number): RecordingTier {
  return RECORDING_TIERS.find((tier) => perSecond <= TIER_LIMITS[tier]) ?? 'heavy';
}

/**
 * Leaves out what costs most and the verdicts can do without, until the tier is reached. Leaves out nothing when what they cannot
 * do without exceeds it already.
 */
function withinTier(there: readonly Recordable[], part: RecordingPart, tier: RecordingTier): readonly Recordable[] {
  const rate = (recordables: readonly Recordable[]) => recordables.reduce((sum, { perSecond }) => sum + perSecond, 0);
  // An entry without its exit is worth nothing: both go, or none.
  const units = new Map<string, Recordable[]>();
  for (const recordable of there) {
    const unit = recordable.id.replace(/_(entry|exit|begin|end|start|acquire|release|lock|unlock)$/, '');
    units.set(unit, [...(units.get(unit) ?? []), recordable]);
  }
  let chosen = there;
  for (const unit of [...units.values()].sort((a, b) => rate(b) - rate(a))) {
    if (rate(chosen) <= TIER_LIMITS[tier]) return chosen;
    const rest = chosen.filter((recordable) => !unit.includes(recordable));
    const essential = lostGroups(part, chosen, rest).some((group) => group.essential);
    const measured = unit.some(({ shows }) => part.metrics.some((metric) => metricEvents(metric).includes(shows[0])));
    if (!essential && !measured) chosen = rest;
  }
  return rate(chosen) <= TIER_LIMITS[tier] ? chosen : there;
}

/** Requirements that hold with some events and not with fewer. */
function lostGroups(part: RecordingPart, with_: readonly Recordable[], without: readonly Recordable[]): EventGroup[] {
  const holds = (group: EventGroup, recordables: readonly Recordable[]) =>
    recordables.some(({ shows }) => shows.some((name) => namesOf(group).includes(name)));
  const groups = part.kinds.flatMap((kind) => kindRow(kind).needs.events);
  return groups.filter((group) => holds(group, with_) && !holds(group, without));
}

function missingEvent(
  recordable: Recordable,
  part: RecordingPart,
  wantedBy: ReadonlyMap<string, ReadonlySet<string>>,
  remaining: readonly Recordable[],
  reason: string,
): MissingEvent {
  const reasons = [...new Set(recordable.shows.flatMap((name) => [...(wantedBy.get(name) ?? [])]))];
  const lost = lostGroups(part, [recordable], remaining);
  const weaker = [...new Set(lost.map(({ why }) => why))].join('; ');
  return {
    name: nameWithCondition(recordable),
    wanted_by: reasons,
    consequence: `${reason}: ${weaker || 'verdicts are less precise, or other events stand in for it'}`,
  };
}
