/**
 * Recursion that addresses prove (MODEL L5.29): a task asks for a lock that it holds already, and is still asking when the
 * capture ends. Same-class nesting of different addresses is legal with an annotation that events do not carry: no finding.
 */

import type { Finding } from '../../../../schema/index.ts';
import { note, notesOf } from '../../core/note.ts';
import type { World } from '../../core/world.ts';
import { PERSISTS_NS } from '../../knowledge/thresholds.ts';
import type { LockHolder } from '../../model/lock/wait.ts';
import type { Models } from '../../models.ts';
import { identified } from '../finding-id.ts';
import { taskLabel } from './evidence.ts';

export function detectRecursions(world: World, models: Models): Finding[] {
  return models.locks.waits().flatMap((wait) => {
    if (wait.source !== 'lockdep' || world.nowNs - wait.sinceNs < PERSISTS_NS) return [];
    const held = models.locks
      .heldBy(wait.taskKey)
      .find(
        (holder) => holder.owned && !holder.pseudo && holder.instance === wait.instance && !(holder.read && wait.read),
      );
    return held === undefined ? [] : [recursion(world, held, wait.eventId, wait.sinceNs)];
  });
}

function recursion(world: World, held: LockHolder, acquireEvent: number, sinceNs: number): Finding {
  const task = taskLabel(world, held.taskKey, held.comm);
  return identified({
    kind: 'lock-recursion',
    severity: 'error',
    confidence: 'observed',
    title: `${task} waits for ${held.className}, which it holds itself`,
    start_ns: sinceNs,
    end_ns: world.nowNs,
    evidence: [
      { event: held.eventId, role: `${task} acquires ${held.className}` },
      { event: acquireEvent, role: `${task} acquires the same ${held.className} again and never gets it` },
    ],
    notes: notesOf([note('same address, no release in between, still waiting at the end of the capture', 'L5.29')]),
    locks: [held.className],
  });
}
