/**
 * Lock inversions: minimal cycles of the dependency graph (MODEL L5.27), each with its witnesses, whether one run of addresses
 * confirms it (L5.11), and whether a reordering of this run could have deadlocked.
 */
import type { Evidence, Finding, Note } from '../../../../../schema/index.ts';
import { breadthFirst, groupedBy } from '../../../core/graph.ts';
import { note, notesOf } from '../../../core/note.ts';
import type { LockClass } from '../../../model/lock/class.ts';
import { CONTEXT_TASK, contextText } from '../../../model/lock/held.ts';
import type { EdgeWitness } from '../../../model/lock/order/edge-witness.ts';
import { dependencyText, type LockEdge } from '../../../model/lock/order/graph.ts';
import type { LockRecord } from '../../../record/lock-record.ts';
import { identified } from '../../finding-id.ts';
import { eventEvidence, siteText, taskLabel } from '../evidence.ts';
import { commonGuards, feasibility } from '../predict/feasibility.ts';
import { waitViolations } from '../wait-context.ts';
import { type Cycle, classSet, isStrong, minimalCycles } from './cycles.ts';
import { ASSUMED_READERS, type JudgedEdge, judgedEdges, readTypeOf } from './read-type.ts';
import { isOnlyRecursive, type ReadState, strongStep } from './strong-path.ts';

/** More cycles than this come from one broken class; the rest is counted in a note. */
const MAX_FINDINGS = 100;

export function judgeInversions(evidence: LockRecord): Finding[] {
  const edges = judgedEdges(evidence);
  const invalid = invalidNests(evidence);
  const minimal = minimalCycles(edges)
    // Cycles of one report alone are the report's own finding.
    .filter((cycle) => cycle.some(({ edge }) => edge.count > 0))
    .filter((cycle) => cycle.some(({ from }) => evidence.classes[from].isLock));
  const cycles = [...minimal, ...reportedCycles(evidence, edges, minimal)];
  return cycles
    .slice(0, MAX_FINDINGS)
    .map((cycle) => inversion(evidence, edges, invalid, fromClosing(cycle), cycles.length));
}

/** Pairs that are an invalid wait context themselves, as `held acquired`: lockdep reports that first, and adds no edge (L5.30). */
function invalidNests(evidence: LockRecord): ReadonlySet<string> {
  return new Set(
    waitViolations(evidence).flatMap(({ real, nesting }) => (real ? [`${nesting.held} ${nesting.acquired}`] : [])),
  );
}

/** What lockdep reported and this capture shows edge by edge, beyond the minimal cycles (O35). */
function reportedCycles(
  evidence: LockRecord,
  edges: readonly JudgedEdge[],
  minimal: readonly Cycle<JudgedEdge>[],
): Cycle<JudgedEdge>[] {
  const known = new Set(minimal.map((cycle) => classSet(cycle).join()));
  return evidence.reportedCycles.flatMap((classes) => {
    const cycle = classes.flatMap((from, i) => {
      const to = classes[(i + 1) % classes.length];
      return edges.find((judged) => judged.from === from && judged.to === to && judged.edge.count > 0) ?? [];
    });
    if (cycle.length < Math.max(classes.length, 2) || known.has(classSet(cycle).join())) return [];
    known.add(classSet(cycle).join());
    return [cycle];
  });
}

/** The edge that closed the cycle: the one seen last. lockdep would have reported at its acquisition. */
function closingEdge(cycle: Cycle<JudgedEdge>): JudgedEdge {
  return cycle.reduce((last, next) =>
    next.edge.firstNs > last.edge.firstNs ||
    (next.edge.firstNs === last.edge.firstNs && next.edge.acquireEvent > last.edge.acquireEvent)
      ? next
      : last,
  );
}

/** Rotated so that the closing edge comes last: the list starts with the lock that lockdep calls the one being acquired. */
function fromClosing(cycle: Cycle<JudgedEdge>): Cycle<JudgedEdge> {
  const closing = cycle.indexOf(closingEdge(cycle));
  return [...cycle.slice(closing + 1), ...cycle.slice(0, closing + 1)];
}

function inversion(
  evidence: LockRecord,
  edges: readonly JudgedEdge[],
  invalid: ReadonlySet<string>,
  judged: Cycle<JudgedEdge>,
  total: number,
): Finding {
  const cycle = judged.map(({ edge }) => edge);
  const nameOf = (classId: number): string => evidence.classes[classId].name;
  const locks = cycle.map((edge) => nameOf(edge.from));
  const closing = closingEdge(judged).edge;
  const possible = feasibility(
    cycle,
    evidence.history,
    evidence.wakes,
    (classId) => evidence.classes[classId].isLock,
    (classId) => readTypeOf(evidence, evidence.classes[classId]) === 'recursive',
    nameOf,
  );
  const loose = classLevelJunctions(evidence, cycle);
  const readDependent = !isStrong(judged.map(({ from, to, certain }) => ({ from, to, dep: certain })));
  const reportedOnly = cycle.filter((edge) => edge.count === 0);
  const doubtful = loose.filter((classId) => isDoubtful(evidence.classes[classId]));
  const invalidEdges = cycle.filter(({ from, to }) => invalid.has(`${from} ${to}`));
  const certain = doubtful.length === 0 && !readDependent && reportedOnly.length === 0 && invalidEdges.length === 0;
  const guards = commonGuards(cycle);
  const notes = notesOf([
    ...judged.map(
      ({ edge, dep }) =>
        `${nameOf(edge.from)} → ${nameOf(edge.to)} (${dependencyText(dep)}): ${
          edge.count > 0
            ? `${edge.count}×, first by ${taskLabel(evidence, edge.firstTask, edge.firstComm)}${context(edge)}`
            : (edge.added ?? 'from a lockdep report')
        }`,
    ),
    note(
      `each lock is held while the next one is acquired, all the way round${closing.count > 0 ? `; closed by ${taskLabel(evidence, closing.firstTask, closing.firstComm)}` : ''}`,
      'L5.27',
    ),
    `feasible: ${possible.verdict}: ${possible.why}`,
    ...(possible.wakeOrdered
      ? [
          'in this run wakeups put one nested acquisition before the other; whether the code depends on that order is not visible',
        ]
      : []),
    ...guards.map((classId) =>
      note(
        `guarded by ${nameOf(classId)}: every witness holds it exclusively; lockdep reports such cycles all the same`,
        'L5.8',
      ),
    ),
    ...loose.map((classId) => classLevelNote(evidence.classes[classId])),
    ...(readDependent ? [ASSUMED_READERS] : []),
    ...invalidEdges.map(({ from, to }) =>
      note(
        `${nameOf(to)} under ${nameOf(from)} is an invalid wait context: that has to go anyway, and this cycle with it`,
        'L5.30',
      ),
    ),
    ...(kernelFinds(edges, judged)
      ? []
      : [note('lockdep may not report this: its BFS visits each class once, regardless of read state', 'L5.27')]),
    ...(total > MAX_FINDINGS ? [`${total} cycles in all; the shortest ${MAX_FINDINGS} are listed`] : []),
  ]);
  return identified({
    kind: 'lock-inversion',
    severity: certain ? 'error' : 'warning',
    confidence: certain ? 'observed' : 'inferred',
    title: `${[...locks, locks[0]].join(' → ')}: each is held while the next is acquired`,
    start_ns: Math.min(...cycle.map((edge) => edge.firstNs)),
    end_ns: closing.firstNs,
    evidence: cycle.flatMap((edge) => edgeEvidence(evidence, edge)),
    notes,
    locks,
    feasible: possible.verdict,
  });
}

function context(edge: LockEdge): string {
  return edge.firstContext === CONTEXT_TASK ? '' : ` in ${contextText(edge.firstContext)}`;
}

/** The two acquisitions that first showed an edge; one with a stack is preferred to one without. */
export function edgeEvidence(evidence: LockRecord, edge: LockEdge): Evidence[] {
  if (edge.count === 0)
    return edge.reportedLine > 0 ? [{ line: edge.reportedLine, role: `lockdep: ${edgeText(evidence, edge)}` }] : [];
  const believed = edge.witnesses.filter((candidate) => !candidate.doubtful);
  const witness = believed.find((candidate) => candidate.stack !== 0) ?? believed[0];
  const task = taskLabel(evidence, witness?.taskKey ?? edge.firstTask, witness?.comm ?? edge.firstComm);
  const from = evidence.classes[edge.from].name;
  const to = evidence.classes[edge.to].name;
  return [
    ...eventEvidence(
      witness?.heldEvent ?? edge.heldEvent,
      `${task} acquires ${from}${witness ? siteText(evidence, heldStack(edge, witness)) : ''}`,
    ),
    ...eventEvidence(
      witness?.acquireEvent ?? edge.acquireEvent,
      `${task} acquires ${to}${witness ? siteText(evidence, witness.stack) : ''} while it holds ${from}`,
    ),
  ];
}

function heldStack(edge: LockEdge, witness: EdgeWitness): number {
  return witness.held.findLast((hold) => hold.classId === edge.from)?.stack ?? 0;
}

function edgeText(evidence: LockRecord, edge: LockEdge): string {
  return `${evidence.classes[edge.from].name} → ${evidence.classes[edge.to].name}`;
}

/**
 * A class that only its name holds together may be several in the kernel: nested with annotations, or the same text in
 * unrelated code (L5.10). Names that the table knows belong to one class.
 */
function isDoubtful(cls: LockClass): boolean {
  return (
    cls.nested ||
    cls.rule.nests === true ||
    cls.rule.homonym === true ||
    cls.rule.convention === true ||
    cls.rule.match === ''
  );
}

function classLevelNote(cls: LockClass): Note {
  const why = cls.nested
    ? '; it is nested in itself elsewhere, so annotations that events do not carry may make two classes of it'
    : cls.rule.homonym
      ? '; several unrelated classes carry this name'
      : '';
  return note(
    `class-level only: no two acquisitions in this trace used the same instance of ${cls.name} (${cls.instances} instances seen)${why}`,
    'L5.10',
    'L5.11',
  );
}

/**
 * Classes at which no witness shows one and the same lock on both sides: neither a nested acquisition that has both edges, nor an address that is
 * acquired by the one and held by the other, nor a single address at all (L5.11).
 */
function classLevelJunctions(evidence: LockRecord, cycle: Cycle<LockEdge>): number[] {
  return cycle.flatMap((edge, i) => {
    const into = cycle[(i + cycle.length - 1) % cycle.length];
    const cls = evidence.classes[edge.from];
    if (cls.single || (!cls.isLock && !cls.rule.homonym) || into.count === 0 || edge.count === 0) return [];
    if (edge.after.includes(into.edgeId)) return [];
    const acquired = new Set(
      into.witnesses.filter((witness) => !witness.doubtful).map((witness) => witness.toInstance),
    );
    return edge.witnesses.some((witness) => !witness.doubtful && acquired.has(witness.fromInstance)) ? [] : [edge.from];
  });
}

/**
 * Whether lockdep's own search, which visits each class once, gets from the new edge's end back to its start (kernel/locking/lockdep.c
 * __bfs). The graph is taken as it is at the end; edges that came later can only add ways.
 */
function kernelFinds(edges: readonly JudgedEdge[], cycle: Cycle<JudgedEdge>): boolean {
  const closing = closingEdge(cycle);
  const inCycle = new Set(cycle.map((edge) => edge.from));
  const out = groupedBy(edges, (edge) => edge.from);
  const way = breadthFirst<ReadState, Parameters<typeof strongStep>[0] & { readonly from: number }>({
    start: { node: closing.to, onlyRecursive: isOnlyRecursive(closing.dep) },
    edges: ({ node }) => out.get(node) ?? [],
    follow: (edge, from) => (inCycle.has(edge.to) ? strongStep(edge, from) : undefined),
    key: ({ node }) => node,
    ends: ({ node }) => node === closing.from,
  });
  return way !== undefined;
}
