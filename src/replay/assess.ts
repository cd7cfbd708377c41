/** For each kind of finding: could this capture decide it, and if not, what was missing (DESIGN "Honesty rules"). */
import { type Assessment, FINDING_KINDS, type FindingKind } from '../../schema/index.ts';
import { REQUIREMENTS, type Requirement } from './knowledge/requirements.ts';
import type { World } from './world.ts';

/** One assessment per kind, in the order of FINDING_KINDS. */
export function assessAll(world: World): Assessment[] {
  return FINDING_KINDS.map((kind) => assess(world, kind, REQUIREMENTS[kind]));
}

function assess(world: World, kind: FindingKind, requirement: Requirement): Assessment {
  const reported = requirement.reports.some((report) => world.reportsSeen.has(report));
  const missing = requirement.events.filter((group) => !satisfied(world, group.anyOf));
  const essential = missing.filter((group) => group.essential);
  const lost = world.lostMarkers > 0 ? 'events were lost: nothing is concluded from their absence (E0.4)' : '';
  if (essential.length > 0) {
    return {
      kind,
      status: reported ? 'partial' : 'not-assessed',
      missing: missing.map((group) => group.name),
      note: join(reported ? 'from the kernel log only' : essential.map((group) => group.why).join('; '), lost),
    };
  }
  if (missing.length > 0 || lost) {
    return {
      kind,
      status: 'partial',
      missing: missing.map((group) => group.name),
      note: join(missing.map((group) => group.why).join('; '), lost),
    };
  }
  return { kind, status: 'assessed', missing: [], note: '' };
}

function satisfied(world: World, anyOf: readonly string[]): boolean {
  return anyOf.some((need) => {
    if (need === '<stacks>') return world.stacksSeen > 0;
    if (need === '<context-flags>') return world.contextFlagsSeen;
    return world.count(need) > 0;
  });
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('; ');
}
