/**
 * Interrupt-unsafe locking (MODEL L5.40–L5.43): a lock used both inside an interrupt and with that interrupt enabled
 * (`irq-lock-state`), or an interrupt-safe lock under which an unsafe one is taken, directly or via others (`irq-lock-order`).
 */
import type { Evidence, Finding } from '../../../../schema/index.ts';
import { note, notesOf } from '../../core/note.ts';
import { type LockClass, USAGE_IN, USAGE_ON, USAGE_READ, USAGE_SOFTIRQ } from '../../model/lock/class.ts';
import type { LockEdge } from '../../model/lock/order/graph.ts';
import type { LockRecord } from '../../record/lock-record.ts';
import { identified } from '../finding-id.ts';
import { eventEvidence, siteText, taskLabel } from './evidence.ts';
import { edgesFrom, type IrqPath, irqPaths } from './irq-paths.ts';
import { edgeEvidence } from './order/inversion.ts';
import { ASSUMED_READERS, judgedEdges } from './order/read-type.ts';

type Irq = 'hardirq' | 'softirq';
const KINDS: readonly Irq[] = ['hardirq', 'softirq'];
const MAX_FINDINGS = 100;

const base = (irq: Irq): number => (irq === 'softirq' ? USAGE_SOFTIRQ : 0);
const hasBit = (cls: LockClass, bit: number): boolean => (cls.usage & (1 << bit)) !== 0;

/** On PREEMPT_RT softirqs are threads: there is no softirq context that could interrupt a holder (L5.35). */
function kinds(evidence: LockRecord): readonly Irq[] {
  return evidence.profile.rt === true ? ['hardirq'] : KINDS;
}

/** Which use inside conflicts with which use enabled: two readers do not (lockdep.c mark_lock_irq). */
function conflict(cls: LockClass, irq: Irq): { readonly used: number; readonly enabled: number } | undefined {
  const used = base(irq) + USAGE_IN;
  const enabled = base(irq) + USAGE_ON;
  if (hasBit(cls, used) && hasBit(cls, enabled)) return { used, enabled };
  if (hasBit(cls, used) && hasBit(cls, enabled + USAGE_READ)) return { used, enabled: enabled + USAGE_READ };
  if (hasBit(cls, used + USAGE_READ) && hasBit(cls, enabled)) return { used: used + USAGE_READ, enabled };
  return undefined;
}

export function judgeIrqState(evidence: LockRecord): Finding[] {
  return kinds(evidence).flatMap((irq) =>
    evidence.classes.flatMap((cls) => {
      const bits = judged(cls) ? conflict(cls, irq) : undefined;
      return bits ? [stateFinding(evidence, cls, irq, bits)] : [];
    }),
  );
}

/** Whatever is in lockdep's graph; wait-type overrides are no locks. */
function judged(cls: LockClass): boolean {
  return cls.checked && cls.rule.nature !== 'override';
}

function stateFinding(
  evidence: LockRecord,
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

function usageEvidence(evidence: LockRecord, cls: LockClass, bit: number): Evidence[] {
  const task = taskLabel(evidence, cls.usageTask[bit], cls.usageComm[bit]);
  return eventEvidence(
    cls.usageEvent[bit],
    `${cls.name} {${usageName(bit)}} by ${task}${siteText(evidence, cls.usageStack[bit])}`,
  );
}

export function judgeIrqOrder(evidence: LockRecord): Finding[] {
  const from = edgesFrom(judgedEdges(evidence));
  const findings = kinds(evidence).flatMap((irq) =>
    irqPaths(
      evidence.classes,
      from,
      base(irq),
      (cls) => judged(cls) && !cls.perCpu,
      // A lock that is inconsistent itself has its own finding; paths from or to it would tell the same bug again.
      (cls) => conflict(cls, irq) === undefined,
    ).map((path) => orderFinding(evidence, irq, path)),
  );
  return findings.slice(0, MAX_FINDINGS);
}

function orderFinding(evidence: LockRecord, irq: Irq, { safe, unsafe, edges, assumed }: IrqPath): Finding {
  const path = edges.map(({ edge }) => edge);
  const used = hasBit(safe, base(irq) + USAGE_IN) ? base(irq) + USAGE_IN : base(irq) + USAGE_IN + USAGE_READ;
  const enabled = hasBit(unsafe, base(irq) + USAGE_ON) ? base(irq) + USAGE_ON : base(irq) + USAGE_ON + USAGE_READ;
  const locks = [safe.name, ...path.map((edge) => evidence.classes[edge.to].name)];
  const uncertain = [safe.classId, ...path.map((edge) => edge.to)]
    .map((classId) => evidence.classes[classId])
    .filter((cls) => cls.rule.homonym || (!cls.single && !confirmed(cls, safe, unsafe, path)));
  const certain = uncertain.length === 0 && !assumed;
  const end = Math.max(safe.usageNs[used], unsafe.usageNs[enabled], ...path.map((edge) => edge.firstNs));
  return identified({
    kind: 'irq-lock-order',
    severity: certain ? 'error' : 'warning',
    confidence: certain ? 'observed' : 'inferred',
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
      ...(assumed ? [ASSUMED_READERS] : []),
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
