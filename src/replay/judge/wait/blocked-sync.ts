/** Callers of synchronize_rcu(), synchronize_srcu() and related calls that waited too long, with the chain to the root (MODEL §4). */
import { type Finding, formatDuration } from '../../../../schema/index.ts';
import { type NoteInput, note, notesOf, threshold } from '../../core/note.ts';
import { LOST_EVENTS_NOTE } from '../../core/wording.ts';
import { ruleRelease } from '../../knowledge/kernel-release.ts';
import { ROOTED_WAIT_ERROR_NS } from '../../knowledge/thresholds.ts';
import { type TeardownStep, tracepointTeardown } from '../../knowledge/tracepoint-teardown.ts';
import { phasesOfWait } from '../../model/sync/phases.ts';
import type { SyncWait } from '../../model/sync/sync-wait.ts';
import type { RunRecord } from '../../record/run-record.ts';
import type { Timeline } from '../../record/timeline.ts';
import { hungTaskThresholdNs } from '../../record/wait-thresholds.ts';
import { Attribution } from '../chain/blame.ts';
import { rootPhrase } from '../chain/root-phrase.ts';
import { srcuCauses } from '../chain/srcu/causes.ts';
import { identified } from '../finding-id.ts';
import { stallThresholdNs } from '../stall/rule.ts';

export function detectBlockedSync(record: RunRecord): Finding[] {
  const { timeline } = record;
  return timeline.data.waits
    .filter((wait) => !wait.insideSrcuRun && !wait.nested && timeline.length(wait) >= record.thresholds.blockedSyncNs)
    .map((wait) => finding(record, timeline, wait));
}

function finding(record: RunRecord, timeline: Timeline, wait: SyncWait): Finding {
  const endNs = timeline.end(wait);
  const blockedNs = endNs - wait.startNs;
  const chain = Attribution.ofWait(timeline, wait);
  const limitNs = Math.min(hungTaskThresholdNs(record), stallThresholdNs(record.profile));
  const domain =
    wait.domain || (wait.resource === 'rcu' || wait.resource === 'rcu-expedited' ? timeline.data.flavor : 'unknown');
  const doubt = wait.censored ? LOST_EVENTS_NOTE : timeline.openDoubt(wait);
  const endInferred = wait.endNs !== null && !wait.returned;
  const rooted = chain.root.kind !== 'unknown' && chain.root.kind !== 'srcu-reader';
  return identified({
    kind: 'blocked-sync',
    // A caller that waits behind a stall is a victim of a fault; one that waits for a long reader is only slow.
    severity: !doubt && (blockedNs >= limitNs || (rooted && blockedNs >= ROOTED_WAIT_ERROR_NS)) ? 'error' : 'warning',
    confidence:
      wait.source === 'stack' || doubt || endInferred || chain.inferredBy.length > 0 ? 'inferred' : 'observed',
    title: `${wait.comm}:${wait.tid} blocked ${formatDuration(blockedNs)} in ${wait.api}${wait.site ? `, ${wait.site}` : ''}${wait.endNs === null ? ' (still blocked at end of capture)' : ''}: ${rootPhrase(chain.root, wait.tid)}`,
    start_ns: wait.startNs,
    end_ns: endNs,
    evidence: chain.evidence,
    notes: notesOf([
      threshold(formatDuration(record.thresholds.blockedSyncNs)),
      ...(doubt ? [doubt] : []),
      ...chain.inferredBy,
      ...(wait.source === 'stack'
        ? [
            note(
              'the wait is known from stacks at context switches: record a kprobe on the function for exact times',
              'W4.12',
            ),
          ]
        : endInferred
          ? [note('its return was not recorded: the end is that of its last sleep', 'W4.13')]
          : []),
      ...teardownNote(record, timeline, wait),
      ...(TASKS_TRACE.test(domain)
        ? [
            note(
              'rcu_tasks_trace_srcu_struct is RCU Tasks Trace: from v7.0 on synchronize_rcu_tasks_trace() is synchronize_srcu() of it',
              'S3.43',
            ),
          ]
        : []),
    ]),
    api: wait.api,
    domain,
    task: wait.comm,
    tid: wait.tid,
    blocked_ns: blockedNs,
    chain: chain.links,
    root: chain.root,
    ...phasesOf(timeline, wait),
    ...(wait.resource === 'srcu' && { srcu_causes: srcuCauses(timeline, wait) }),
  });
}

const TASKS_TRACE = /^rcu_tasks_trace_srcu_struct( \(|$)/;

/** What else the caller had waited for, or would have to (S3.50). */
function teardownNote(record: RunRecord, timeline: Timeline, wait: SyncWait): NoteInput[] {
  if (!wait.stack || !timeline.stackVerdict(wait.stack).teardown) return [];
  const release = ruleRelease(record.profile);
  const steps = tracepointTeardown(release)?.map((step) => TEARDOWN_WORDS[step]);
  return steps
    ? [
        note(
          `a tracepoint teardown on ${record.profile.release ?? `${release} or later`} waits for ${steps.join(', then for ')}`,
          'S3.50',
        ),
      ]
    : [
        note(
          'the kernel release is not known: on v7.0 and later this stack may wait for rcu_tasks_trace_srcu_struct',
          'T12',
        ),
      ];
}

const TEARDOWN_WORDS: Readonly<Record<TeardownStep, string>> = {
  'srcu:tracepoint_srcu': 'tracepoint_srcu',
  'srcu:rcu_tasks_trace_srcu_struct': 'rcu_tasks_trace_srcu_struct',
  'tasks-trace': 'RCU Tasks Trace',
  rcu: 'RCU',
};

function phasesOf(timeline: Timeline, wait: SyncWait): { phases?: { phase: string; ns: number }[] } {
  const { data } = timeline;
  const periods = data.periods.filter((gp) => gp.flavor === data.flavor);
  const phases = phasesOfWait(wait, periods, data.srcuPeriods, timeline.end(wait));
  return phases.length > 0 ? { phases: phases.map(({ phase, fromNs, toNs }) => ({ phase, ns: toNs - fromNs })) } : {};
}
