/**
 * Operators on locks: a changed copy of the evidence, judged by the ordinary lock detectors. An edge disappears with its last
 * witness (MODEL 6.3).
 */
import type { Finding, KernelProfile } from '../../../schema/index.ts';
import { type LockEvidence, lockEvidence } from '../detect/lock-evidence.ts';
import { noteMasking } from '../detect/lock-masking.ts';
import { detectRecursions } from '../detect/lock-recursion.ts';
import { judgeLocks } from '../detect/locks.ts';
import type { WaitType } from '../knowledge/lock-names.ts';
import type { LockClass } from '../model/lock-class.ts';
import { DEP_EN, LockEdge } from '../model/lock-graph.ts';
import { type WaitVerdict, waitTypeOf } from '../model/lock-wait-type.ts';
import type { Models } from '../models.ts';
import type { World } from '../world.ts';
import type { Operator, WaitTypeName } from './operator.ts';

export interface LockRewrite {
  readonly drops: Extract<Operator, { op: 'drop-edge' }>[];
  readonly additions: Extract<Operator, { op: 'add-edge' }>[];
  readonly waitTypes: Extract<Operator, { op: 'set-wait-type' }>[];
}

export interface RejudgedLocks {
  readonly findings: readonly Finding[];
  /** Edges, nestings and classes that the rewrite touched. */
  readonly selected: number;
  readonly because: readonly string[];
}

const WAIT_TYPES: Readonly<Record<WaitTypeName, WaitType>> = { spin: 'raw', config: 'config', sleep: 'sleep' };

/** Judges the locks of the recording under a rewrite and a profile. An empty rewrite gives the recording's own verdicts. */
export function judgeLocksUnder(
  world: World,
  models: Models,
  rewrite: LockRewrite,
  profile: KernelProfile,
): RejudgedLocks {
  const original = lockEvidence(world, models);
  const because: string[] = [];
  const drops = rewrite.drops.map((drop) => ({
    from: new RegExp(drop.from),
    to: new RegExp(drop.to),
    frames: drop.frames === undefined ? undefined : new RegExp(drop.frames),
  }));
  const nameOf = (classId: number): string => original.classes[classId].name;
  const dropped = (from: string, to: string): boolean =>
    drops.some((drop) => drop.frames === undefined && drop.from.test(from) && drop.to.test(to));
  let selected = 0;

  const edges: LockEdge[] = [];
  for (const edge of original.edges) {
    const kept = withoutWitnesses(original, edge, drops);
    if (kept !== edge) {
      selected++;
      because.push(describeDrop(original, edge, kept));
    }
    if (kept) edges.push(kept);
  }
  for (const addition of rewrite.additions) {
    const added = addedEdge(original, addition, edges.length);
    if (!added || edges.some((edge) => edge.from === added.from && edge.to === added.to)) continue;
    selected++;
    because.push(`${addition.from} → ${nameOf(added.to)} is added: ${addition.because}`);
    edges.push(added);
  }
  const nestings = original.nestings.filter(
    (nesting) => nesting.held < 0 || !dropped(nameOf(nesting.held), nameOf(nesting.acquired)),
  );
  selected += original.nestings.length - nestings.length;

  const overrides = new Map<LockClass, WaitVerdict>();
  for (const { classes, type } of rewrite.waitTypes) {
    const pattern = new RegExp(classes);
    const waitType = WAIT_TYPES[type];
    for (const cls of original.classes) {
      if (!cls.isLock || !pattern.test(cls.name) || cls.acquisitions === 0) continue;
      overrides.set(cls, { outer: waitType, inner: waitType, basis: 'proved', why: 'set by the variant' });
      because.push(
        `${cls.name} is a ${type === 'spin' ? 'raw spinlock' : type === 'config' ? 'spinlock_t' : 'sleeping lock'} (${cls.acquisitions} acquisitions)`,
      );
      selected++;
    }
  }

  const evidence: LockEvidence = {
    ...original,
    edges,
    nestings,
    profile,
    waitType: (cls) => overrides.get(cls) ?? waitTypeOf(cls, profile),
    ...(drops.length > 0 && { without: dropped }),
  };
  return { findings: noteMasking([...judgeLocks(evidence), ...detectRecursions(world, models)]), selected, because };
}

/** The edge itself, a copy with fewer witnesses, or undefined when none is left. */
function withoutWitnesses(
  evidence: LockEvidence,
  edge: LockEdge,
  drops: readonly { readonly from: RegExp; readonly to: RegExp; readonly frames: RegExp | undefined }[],
): LockEdge | undefined {
  const from = evidence.classes[edge.from].name;
  const to = evidence.classes[edge.to].name;
  const matching = drops.filter((drop) => drop.from.test(from) && drop.to.test(to));
  if (matching.length === 0) return edge;
  if (matching.some((drop) => drop.frames === undefined)) return undefined;
  const kept = edge.witnesses.filter(
    (witness) =>
      !matching.some((drop) =>
        evidence.dictionary.stackSymbols(witness.stack).some((symbol) => drop.frames?.test(symbol)),
      ),
  );
  if (kept.length === edge.witnesses.length) return edge;
  if (kept.length === 0 && !edge.truncated) return undefined;
  const copy = new LockEdge(edge.edgeId, edge.from, edge.to);
  Object.assign(copy, edge, { witnesses: kept, count: kept.reduce((sum, witness) => sum + witness.count, 0) });
  return copy;
}

function describeDrop(evidence: LockEvidence, edge: LockEdge, kept: LockEdge | undefined): string {
  const pair = `${evidence.classes[edge.from].name} → ${evidence.classes[edge.to].name}`;
  const first = edge.count > 0 ? `, first at event ${edge.acquireEvent}` : ', from a lockdep report';
  return kept === undefined
    ? `${pair} is removed with its ${edge.count} acquisition${edge.count === 1 ? '' : 's'}${first}`
    : `${pair} loses ${edge.witnesses.length - kept.witnesses.length} of its ${edge.witnesses.length} situations`;
}

/** `from` is a regular expression over observed classes, `to` a name; undefined when the recording has neither. */
function addedEdge(
  evidence: LockEvidence,
  addition: LockRewrite['additions'][number],
  edgeId: number,
): LockEdge | undefined {
  const pattern = new RegExp(addition.from);
  const from = evidence.classes.find((cls) => pattern.test(cls.name) && cls.acquisitions > 0);
  const to = evidence.classes.find((cls) => cls.name === addition.to);
  if (!from || !to) return undefined;
  const edge = new LockEdge(edgeId, from.classId, to.classId);
  edge.dep = DEP_EN;
  edge.depRecursive = DEP_EN;
  edge.added = addition.because;
  return edge;
}
