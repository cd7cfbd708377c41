/** Hung tasks and blocked callers of synchronize_*() as the kernel reported them, with chains from their stacks (MODEL 7.4, W4.20). */

import type { Evidence, Finding } from '../../../../schema/index.ts';
import { type NoteInput, note, notesOf } from '../../core/note.ts';
import { seconds } from '../../core/wording.ts';
import type { WaitResource } from '../../knowledge/stack/wait-frames.ts';
import type { LogHung } from '../../model/log/hung.ts';
import type { LogModel } from '../../model/log/log.ts';
import { identified } from '../finding-id.ts';
import { rootPhrase } from '../wait/root-phrase.ts';
import type { LogChain, LogChains } from './chain.ts';
import { reportEvidence } from './evidence.ts';

const SYNC: ReadonlySet<WaitResource | undefined> = new Set(['rcu', 'rcu-expedited', 'srcu', 'rcu-tasks', 'barrier']);

export function detectLogHung(log: LogModel, chains: LogChains): Finding[] {
  return log.hung.all.flatMap((hung) => {
    const chain = chains.of(hung);
    return [hungFinding(log, hung, chain), ...blockedSync(log, hung, chain)];
  });
}

function repeats(hung: LogHung): NoteInput[] {
  return hung.reports > 1 ? [note(`reported ${hung.reports} times with growing seconds: one wait`, 'W4.21')] : [];
}

function samePlace(a: Evidence, b: Evidence): boolean {
  return 'line' in a ? 'line' in b && a.line === b.line : 'event' in b && a.event === b.event;
}

function hungFinding(log: LogModel, hung: LogHung, chain: LogChain): Finding {
  const { comm, tid, last, verdict } = hung;
  const blockedNs = last.tsNs - hung.sinceNs;
  const what = verdict.api ? ` in ${verdict.api}` : '';
  const reported = reportEvidence(log, hung.places, `${comm}:${tid} is reported`);
  const cause = chain.root.kind === 'unknown' ? '' : `: ${rootPhrase(chain.root, tid)}`;
  return identified({
    kind: 'hung-task',
    // A task that cannot die runs: it is slow to leave, not blocked.
    severity: last.cannotDie ? 'warning' : 'error',
    confidence: 'reported',
    title: last.cannotDie
      ? `${comm}:${tid} was killed and could not die for ${last.seconds} s`
      : `${comm}:${tid} blocked for more than ${last.seconds} s${what}${cause}`,
    start_ns: hung.sinceNs,
    end_ns: last.tsNs,
    evidence: [...reported, ...chain.evidence.filter((item) => !reported.some((known) => samePlace(known, item)))],
    notes: notesOf([
      note(
        `the kernel's detector: the task has not been scheduled for ${last.seconds} s in uninterruptible sleep; the seconds are the real time, not the threshold`,
        'G4.1',
        'T30',
      ),
      ...repeats(hung),
      ...(last.coredump ? ['it waits for a core dump'] : []),
      ...(last.workqueue ? [`it runs ${last.workqueue.fn} of workqueue ${last.workqueue.name}`] : []),
      ...chain.notes,
    ]),
    task: comm,
    tid,
    ...(verdict.api && { api: verdict.api }),
    blocked_ns: blockedNs,
    chain: chain.links,
    ...(chain.root.kind !== 'unknown' && { root: chain.root }),
  });
}

function blockedSync(log: LogModel, hung: LogHung, chain: LogChain): Finding[] {
  const { comm, tid, last, verdict } = hung;
  if (!SYNC.has(verdict.resource) || verdict.insideSrcuPass || last.cannotDie) return [];
  const flavor = log.stalls.all[0]?.flavor ?? 'rcu';
  const domain =
    verdict.resource === 'srcu'
      ? (verdict.srcuDomain ?? 'unknown')
      : verdict.resource === 'rcu-tasks'
        ? 'rcu_tasks'
        : flavor;
  const blockedNs = last.tsNs - hung.sinceNs;
  return [
    identified({
      kind: 'blocked-sync',
      severity: 'error',
      confidence: 'reported',
      title: `${comm}:${tid} blocked ${seconds(blockedNs)} in ${verdict.api}${verdict.site ? `, ${verdict.site}` : ''}: ${rootPhrase(chain.root, tid)}`,
      start_ns: hung.sinceNs,
      end_ns: last.tsNs,
      evidence: chain.evidence,
      notes: notesOf([
        note(
          'read from the stack of the hung task: the innermost frame that is not a generic sleeper names the wait',
          'W4.20',
        ),
        ...repeats(hung),
        ...chain.notes,
        'a log has no times of the single links: the blocked time is booked on the last one',
      ]),
      api: verdict.api,
      domain,
      task: comm,
      tid,
      blocked_ns: blockedNs,
      chain: chain.links,
      root: chain.root,
    }),
  ];
}
