/**
 * Tasks in uninterruptible sleep for longer than the hung-task threshold (kernel/hung_task.c check_hung_task): D without
 * TASK_WAKEKILL or TASK_NOLOAD (G4.1). Sleeps of the callers of blocked-sync carry that finding's chain.
 */
import { type ChainLink, type Evidence, type Finding, formatDuration, type Root } from '../../../../schema/index.ts';
import { EvidenceList, mergeEvidence } from '../../core/evidence-list.ts';
import { type NoteInput, notesOf, threshold } from '../../core/note.ts';
import { LOST_EVENTS_NOTE } from '../../core/wording.ts';
import { isGenericFrame } from '../../knowledge/stack/wait-frames.ts';
import type { HungSleep } from '../../model/task/hung-task.ts';
import type { RunRecord } from '../../record/run-record.ts';
import type { Timeline } from '../../record/timeline.ts';
import { hungTaskThresholdNs } from '../../record/wait-thresholds.ts';
import { Attribution } from '../chain/blame.ts';
import { rootPhrase } from '../chain/root-phrase.ts';
import { identified } from '../finding-id.ts';

export function detectHungTasks(record: RunRecord): Finding[] {
  const { timeline } = record;
  const limitNs = hungTaskThresholdNs(record);
  return timeline.data.sleeps
    .filter((sleep) => timeline.length(sleep) >= limitNs)
    .map((sleep) => finding(record, timeline, sleep));
}

function finding(record: RunRecord, timeline: Timeline, sleep: HungSleep): Finding {
  const endNs = timeline.end(sleep);
  const { chain, root, evidence, inferredBy } = chainOf(timeline, sleep);
  const doubt = sleep.censored ? LOST_EVENTS_NOTE : timeline.openDoubt(sleep);
  const verdict = sleep.stack ? timeline.stackVerdict(sleep.stack) : undefined;
  const what = verdict?.api ? ` in ${verdict.api}` : '';
  return identified({
    kind: 'hung-task',
    severity: doubt ? 'warning' : 'error',
    confidence: doubt ? 'inferred' : 'observed',
    title: `${sleep.comm}:${sleep.task.tid} slept uninterruptibly for ${formatDuration(endNs - sleep.startNs)}${what}${sleep.endNs === null ? ' (still blocked at end of capture)' : ''}${root && root.kind !== 'unknown' ? `: ${rootPhrase(root, sleep.task.tid)}` : ''}`,
    start_ns: sleep.startNs,
    end_ns: endNs,
    evidence,
    notes: notesOf([
      threshold(`${formatDuration(hungTaskThresholdNs(record))} (hung_task_timeout_secs)`),
      ...stackNote(timeline, sleep),
      ...(doubt ? [doubt] : []),
      ...inferredBy,
    ]),
    task: sleep.comm,
    tid: sleep.task.tid,
    ...(verdict?.api && { api: verdict.api }),
    blocked_ns: endNs - sleep.startNs,
    chain,
    ...(root && { root }),
  });
}

/** Frames that tell what it does, as the kernel's own report would show them. */
const FRAMES_SHOWN = 6;

function stackNote(timeline: Timeline, { stack }: HungSleep): string[] {
  const frames = timeline.stackSymbols(stack).filter((symbol) => !isGenericFrame(symbol));
  const shown = frames.slice(0, FRAMES_SHOWN).join(' < ');
  return shown ? [`stack: ${shown}${frames.length > FRAMES_SHOWN ? ' < …' : ''}`] : [];
}

/** The chain of the sync wait that the sleep belongs to, else the task alone. */
function chainOf(
  timeline: Timeline,
  sleep: HungSleep,
): { chain: readonly ChainLink[]; root?: Root; evidence: readonly Evidence[]; inferredBy: readonly NoteInput[] } {
  const endNs = timeline.end(sleep);
  const name = `${sleep.comm}:${sleep.task.tid}`;
  const own = new EvidenceList();
  own.cite(sleep.offEvent, `${name} goes to sleep in D`);
  own.cite(sleep.stackEvent, `${name} sleeps with this stack`);
  own.cite(sleep.wakeEvent, 'woken');
  if (sleep.endNs === null) own.cite(timeline.data.lastEvent, `the recording ends, ${name} still sleeps`);
  else own.cite(sleep.endEvent, 'it can run again');
  const wait = timeline
    .waitsOf(sleep.task.tid, sleep.startNs, endNs)
    .find((candidate) => candidate.startNs <= sleep.startNs && timeline.end(candidate) >= endNs);
  if (wait) {
    const { links, root, evidence, inferredBy } = Attribution.ofWait(timeline, wait, sleep.startNs, endNs);
    return { chain: links, root, evidence: mergeEvidence(own.list(), evidence), inferredBy };
  }
  const { links, root, evidence, inferredBy } = Attribution.ofSleep(timeline, sleep);
  // What no lock explains has no chain: the task sleeps, and events do not tell for what.
  return {
    chain: links,
    ...(links.length > 1 && { root }),
    evidence: mergeEvidence(own.list(), evidence),
    inferredBy,
  };
}
