/**
 * Interrupt-unsafe locking (MODEL L5.40–L5.43): a lock used both inside an interrupt and with that interrupt enabled
 * (`irq-lock-state`), or an interrupt-safe lock under which an unsafe one is taken, directly or via others (`irq-lock-order`).
 */

import type { Evidence, Finding } from '../../../../schema/index.ts';
import { note, notesOf } from '../../core/note.ts';
import { type LockClass, USAGE_IN, USAGE_ON, USAGE_READ, USAGE_SOFTIRQ } from '../../model/lock/class.ts';
import { DEP_EN, DEP_SN, DEP_SR, type LockEdge } from '../../model/lock/order/graph.ts';
import { identified } from '../finding-id.ts';
import { eventEvidence, type LockEvidence, siteText, taskLabel } from './evidence.ts';
import { edgeEvidence } from './inversion.ts';

type Irq = 'hardirq' | 'softirq';
const KINDS: readonly Irq[] = ['hardirq', 'softirq'];
const MAX_FINDINGS = 100;

const base = (irq: Irq): number => (irq === 'softirq' ? USAGE_SOFTIRQ : 0);
const has = (cls: LockClass, bit: number): boolean => (cls.usage & (1 << bit)) !== 0;

/** On PREEMPT_RT softirqs are threads: there is no softirq context that could interrupt a holder (L5.35). */
function kinds(evidence: LockEvidence): readonly Irq[] {
  return evidence.profile.rt === true ? ['hardirq'] : KINDS;
}

/** Which use inside conflicts with which use enabled: two readers do not (lockdep.c mark_lock_irq). */
function conflict(cls: LockClass, irq: Irq): { readonly used: number; readonly enabled: number } | undefined {
  const used = base(irq) + USAGE_IN;
  const enabled = base(irq) + USAGE_ON;
  if (has(cls, used) && has(cls, enabled)) return { used, enabled };
  if (has(cls, used) && has(cls, enabled + USAGE_READ)) return { used, enabled: enabled + USAGE_READ };
  if (has(cls, used + USAGE_READ) && has(cls, enabled)) return { used: used + USAGE_READ, enabled };
  return undefined;
}

export function judgeIrqState(evidence: LockEvidence): Finding[] {
  return kinds(evidence).flatMap((irq) =>
    evidence.classes.flatMap((cls) => {
      const bits = judged(cls) ? conflict(cls, irq) : undefined;
      return bits ? [stateFinding(evidence, cls, irq, bits)] : [];
    }),
  );
}

/** Maps and sequence counters have usage bits too, but nobody spins on them. */
function judged(cls: LockClass): boolean {
  return cls.isLock && !cls.rule.perCpu;
}

function stateFinding(
  evidence: LockEvidence,
  cls: LockClass,
  irq: Irq,
  bits: { readonly used: number; readonly enabled: number },
): Finding {
  const proved = cls.sameInstanceInBoth(irq === 'softirq') && !cls.rule.homonym;
  const [first, second] = [bits.used, bits.enabled].sort((a, b) => cls.usageEvent[a] - cls.usageEvent[b]);
  return identified({
    kind: 'irq-lock-state',
    severity: proved ? 'error' : 'warning',
    confidence: proved ? 'observed' : 'inferred',
    title: `${cls.name} is taken inside ${irq} and held with ${irq}s enabled: the interrupt can spin on its own CPU's holder`,
    start_ns: cls.usageNs[first],
    end_ns: cls.usageNs[second],
    evidence: [...usageEvidence(evidence, cls, bits.used), ...usageEvidence(evidence, cls, bits.enabled)].sort(
      (a, b) => ('event' in a && 'event' in b ? a.event - b.event : 0),
    ),
    notes: notesOf([
      note(`inconsistent {${usageName(first)}} → {${usageName(second)}} usage, {${cls.usageText()}}`, 'L5.40'),
      ...(proved
        ? []
        : [
            note(
              `class-level only: no single instance of ${cls.name} (${cls.instances} seen) was used both ways`,
              'L5.10',
            ),
          ]),
    ]),
    locks: [cls.name],
    irq,
  });
}

/** As lockdep prints it: `IN-HARDIRQ-W`. */
function usageName(bit: number): string {
  const kind = bit & USAGE_SOFTIRQ ? 'SOFTIRQ' : 'HARDIRQ';
  const letter = bit & USAGE_READ ? 'R' : 'W';
  return bit & USAGE_ON ? `${kind}-ON-${letter}` : `IN-${kind}-${letter}`;
}

function usageEvidence(evidence: LockEvidence, cls: LockClass, bit: number): Evidence[] {
  const task = taskLabel(evidence, cls.usageTask[bit], cls.usageComm[bit]);
  return eventEvidence(
    cls.usageEvent[bit],
    `${cls.name} {${usageName(bit)}} by ${task}${siteText(evidence, cls.usageStack[bit])}`,
  );
}

/** A path step: class reached, by which edge, and whether only `*R` is left. */
interface Step {
  readonly node: number;
  readonly onlyRecursive: boolean;
  readonly edge: LockEdge | undefined;
  readonly before: Step | undefined;
}

export function judgeIrqOrder(evidence: LockEvidence): Finding[] {
  const out = new Map<number, LockEdge[]>();
  for (const edge of evidence.edges) {
    if (edge.count === 0) continue;
    const list = out.get(edge.from);
    if (list) list.push(edge);
    else out.set(edge.from, [edge]);
  }
  const findings = kinds(evidence).flatMap((irq) =>
    evidence.classes.flatMap((safe) => {
      const used = base(irq) + USAGE_IN;
      // A lock that is inconsistent itself has its own finding; paths over it would tell the same bug again.
      if (!judged(safe) || conflict(safe, irq) || !(has(safe, used) || has(safe, used + USAGE_READ))) return [];
      return unsafePaths(evidence, safe, irq, out).map((path) => orderFinding(evidence, safe, irq, path));
    }),
  );
  return findings.slice(0, MAX_FINDINGS);
}

/** Shortest strong paths from a safe class to the unsafe ones that it reaches first. */
function unsafePaths(
  evidence: LockEvidence,
  safe: LockClass,
  irq: Irq,
  out: ReadonlyMap<number, readonly LockEdge[]>,
): LockEdge[][] {
  const enabled = base(irq) + USAGE_ON;
  const writeUsed = has(safe, base(irq) + USAGE_IN);
  const paths: LockEdge[][] = [];
  const seen = new Set<number>([safe.classId]);
  const queue: Step[] = [{ node: safe.classId, onlyRecursive: false, edge: undefined, before: undefined }];
  for (let head = 0; head < queue.length; head++) {
    const step = queue[head];
    for (const edge of out.get(step.node) ?? []) {
      const dep = step.onlyRecursive ? edge.dep & ~(DEP_SN | DEP_SR) : edge.dep;
      if (dep === 0 || seen.has(edge.to)) continue;
      const onlyRecursive = (dep & (DEP_EN | DEP_SN)) === 0;
      const cls = evidence.classes[edge.to];
      seen.add(edge.to);
      const next: Step = { node: edge.to, onlyRecursive, edge, before: step };
      // A recursive reader at the end does not block behind a reader (lockdep.c usage_match).
      const unsafe = has(cls, enabled) || (writeUsed && !onlyRecursive && has(cls, enabled + USAGE_READ));
      if (judged(cls) && unsafe) {
        if (!conflict(cls, irq)) paths.push(edgesOf(next));
        continue;
      }
      // From the next safe class on it is that class's own finding.
      if (has(cls, base(irq) + USAGE_IN)) continue;
      if (cls.rule.perCpu || cls.rule.nature === 'override') continue;
      queue.push(next);
    }
  }
  return paths;
}

function edgesOf(step: Step): LockEdge[] {
  const edges: LockEdge[] = [];
  for (let at: Step | undefined = step; at?.edge; at = at.before) edges.unshift(at.edge);
  return edges;
}

function orderFinding(evidence: LockEvidence, safe: LockClass, irq: Irq, path: readonly LockEdge[]): Finding {
  const unsafe = evidence.classes[path[path.length - 1].to];
  const used = has(safe, base(irq) + USAGE_IN) ? base(irq) + USAGE_IN : base(irq) + USAGE_IN + USAGE_READ;
  const enabled = has(unsafe, base(irq) + USAGE_ON) ? base(irq) + USAGE_ON : base(irq) + USAGE_ON + USAGE_READ;
  const locks = [safe.name, ...path.map((edge) => evidence.classes[edge.to].name)];
  const uncertain = [safe.classId, ...path.map((edge) => edge.to)]
    .map((classId) => evidence.classes[classId])
    .filter((cls) => cls.rule.homonym || (!cls.single && !confirmed(cls, safe, unsafe, path)));
  const end = Math.max(safe.usageNs[used], unsafe.usageNs[enabled], ...path.map((edge) => edge.firstNs));
  return identified({
    kind: 'irq-lock-order',
    severity: uncertain.length === 0 ? 'error' : 'warning',
    confidence: uncertain.length === 0 ? 'observed' : 'inferred',
    title: `${irq}-safe ${safe.name} is held while ${irq}-unsafe ${unsafe.name} is acquired${path.length > 1 ? ` (via ${locks.slice(1, -1).join(', ')})` : ''}`,
    start_ns: Math.min(safe.usageNs[used], unsafe.usageNs[enabled], ...path.map((edge) => edge.firstNs)),
    end_ns: end,
    evidence: [
      ...usageEvidence(evidence, safe, used),
      ...usageEvidence(evidence, unsafe, enabled),
      ...path.flatMap((edge) => edgeEvidence(evidence, edge)),
    ],
    notes: notesOf([
      note(`${usageName(used)} lock ${safe.name} ⇒ ${usageName(enabled)} lock ${unsafe.name}`, 'L5.42'),
      ...uncertain.map((cls) =>
        note(
          `class-level only: ${cls.name} has ${cls.instances} instances, none of which is seen on both sides`,
          'L5.11',
        ),
      ),
    ]),
    locks,
    irq,
  });
}

/** Whether the witnesses join at one address of this class, as far as they tell. */
function confirmed(cls: LockClass, safe: LockClass, unsafe: LockClass, path: readonly LockEdge[]): boolean {
  // The ends join with usage, which keeps a few addresses per class only: those must be among the edge's.
  if (cls === safe) return path[0].witnesses.some((witness) => cls.usedAt(USAGE_IN, witness.fromInstance));
  if (cls === unsafe)
    return path[path.length - 1].witnesses.some((witness) => cls.usedAt(USAGE_ON, witness.toInstance));
  const at = path.findIndex((edge) => edge.to === cls.classId);
  if (path[at + 1].after.includes(path[at].edgeId)) return true;
  const acquired = new Set(path[at].witnesses.map((witness) => witness.toInstance));
  return path[at + 1].witnesses.some((witness) => acquired.has(witness.fromInstance));
}
