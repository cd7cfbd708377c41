/**
 * Grace periods that were asked for and did not begin: the kernel shows the state of its kthreads after it has found so (kernel/rcu/tree_stall.h
 * rcu_check_gp_start_stall, show_rcu_gp_kthreads). No stall warning comes then, because no grace period is in progress.
 */
import { type Finding, formatDuration, type Root } from '../../../../../schema/index.ts';
import { background, note, notesOf } from '../../../core/note.ts';
import { WAITS_FOR } from '../../../knowledge/waits-for.ts';
import type { GpRequest } from '../../../model/log/log.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { identified } from '../../finding-id.ts';
import { reportEvidence } from '../evidence.ts';

/** How long the kthread has done nothing about the request; 0 while HZ is not known. */
export function requestedForNs({ idleJiffies }: GpRequest, hz: number | undefined): number {
  return hz === undefined ? 0 : (idleJiffies * 1e9) / hz;
}

/** The kthread asleep or without a CPU. */
export function rootOfRequest({ taskState, flavor }: GpRequest): Root {
  const asleep = taskState !== '0x0';
  return { kind: 'gp-kthread-starved', ...(asleep && { code: 'GPKTHREAD_ASLEEP' as const }), task: flavor };
}

export function detectGpRequests(log: LogRecord, hz: number | undefined): Finding[] {
  return log.gpRequests.map((request) => {
    const { flavor, state, taskState, idleJiffies, gpSeq, neededSeq, tsNs } = request;
    const asleep = taskState !== '0x0';
    const blockedNs = Math.round(requestedForNs(request, hz));
    const lasting = blockedNs > 0 ? formatDuration(blockedNs) : `${idleJiffies} jiffies`;
    return identified({
      kind: 'gp-kthread-starved',
      severity: 'error',
      confidence: 'reported',
      title: `${flavor} kthread ${asleep ? 'was not woken' : 'got no CPU'} for ${lasting} while a grace period was asked for`,
      start_ns: Math.max(0, tsNs - blockedNs),
      end_ns: tsNs,
      evidence: reportEvidence(log, [request], 'the kernel shows the state of the grace-period kthread'),
      notes: notesOf([
        background('grace periods are driven by this kthread: while it does not run, none begins'),
        note(
          `gp_seq is ${gpSeq} and ${neededSeq} is needed: no grace period is in progress, so that no stall warning comes`,
          'R2.45',
        ),
        asleep
          ? note(`it is in ${state} with state ${taskState}: it sleeps, and nobody has woken it`, 'R2.45')
          : `it is in ${state} with state 0x0: it was woken and has no CPU`,
      ]),
      flavor,
      blocked_ns: blockedNs,
      chain: [{ kind: WAITS_FOR.gpKthread.kind, name: `${flavor} kthread`, blame_ns: blockedNs, note: `in ${state}` }],
      root: rootOfRequest(request),
    });
  });
}
