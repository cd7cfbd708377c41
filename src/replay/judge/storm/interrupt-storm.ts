/** NMI, hardirq and softirq storms (MODEL 1.5, 2.7): a CPU that spends most of a second or more in interrupts. */
import { type Finding, formatDuration, STORM_KINDS } from '../../../../schema/index.ts';
import { EvidenceList } from '../../core/evidence-list.ts';
import { type NoteInput, note, notesOf, threshold } from '../../core/note.ts';
import { percent } from '../../core/wording.ts';
import { stormShare } from '../../knowledge/storm-share.ts';
import { SLOW_NS, STORM_MEETS_NS } from '../../knowledge/thresholds.ts';
import type { Storm } from '../../model/cpu/interrupt-load.ts';
import { type GracePeriod, gracePeriodName, type Holdout, heldUntilNs } from '../../model/rcu/grace-period.ts';
import type { RunRecord } from '../../record/run-record.ts';
import type { Timeline } from '../../record/timeline.ts';
import { citeCpuTime } from '../chain/occupancy-evidence.ts';
import { identified } from '../finding-id.ts';

const NAMES = { nmi: 'NMIs', hardirq: 'interrupts', softirq: 'softirqs' } as const;

export function detectInterruptStorms(record: RunRecord): Finding[] {
  const { timeline } = record;
  return timeline.data.storms.map((storm) => finding(record, timeline, storm));
}

function finding(record: RunRecord, timeline: Timeline, storm: Storm): Finding {
  const kind = STORM_KINDS[storm.kind];
  const lengthNs = storm.endNs - storm.startNs;
  const share = Math.min(1, storm.busyNs / lengthNs);
  const [gp, holdout] = stalledBy(timeline, storm) ?? [];
  const evidence = new EvidenceList();
  evidence.cite(storm.firstEvent, 'first handler of the storm');
  evidence.cite(storm.lastEvent, 'last handler of the storm');
  citeCpuTime(evidence, timeline, storm.cpu, storm.firstEvent, storm.lastEvent);
  if (gp && holdout) {
    evidence.cite(gp.startEvent, `${gracePeriodName(gp)} starts`);
    evidence.cite(holdout.fromEvent, `the grace period waits for ${holdout.name}`);
    evidence.cite(holdout.queuedEvent, `${holdout.name} is preempted inside rcu_read_lock`);
    evidence.cite(holdout.toEvent || timeline.data.lastEvent, 'and stops waiting for it');
  }
  return identified({
    kind,
    severity: storm.kind === 'nmi' && gp ? 'error' : 'warning',
    confidence: storm.samplesNs > storm.busyNs / 2 ? 'inferred' : 'observed',
    title: `${NAMES[storm.kind]} took ${percent(share)} of CPU ${storm.cpu} for ${formatDuration(lengthNs)}${handlers(storm)}`,
    start_ns: storm.startNs,
    end_ns: storm.endNs,
    evidence: evidence.list(),
    notes: notesOf([
      threshold(
        `${percent(stormShare(record.thresholds, storm.kind))} of a CPU over ${formatDuration(record.thresholds.nmiStormWindowNs)}`,
      ),
      ...sourceNotes(storm),
      ...(storm.throttled > 0 ? [`perf throttled its events ${storm.throttled} times during the storm`] : []),
      ...(gp ? [`${gracePeriodName(gp)} waited for this CPU during the storm`] : []),
    ]),
    cpu: storm.cpu,
    share,
    count: storm.count,
    max_ns: storm.maxNs,
    ...mainHandler(storm),
  });
}

/** From this share of the time on, others are not worth a word. */
const ALL_BUT_NOTHING = 0.999;

function handlers({ kind, count, maxNs, handlers }: Storm): string {
  if (count === 0) return '';
  const [most] = [...handlers].sort((a, b) => b[1] - a[1]);
  const total = [...handlers.values()].reduce((sum, ns) => sum + ns, 0);
  // An NMI runs several handlers, one after the other.
  const what = kind === 'nmi' ? 'NMIs' : 'handlers';
  const longest = `longest ${formatDuration(maxNs)}`;
  if (most === undefined || total === 0) return `: ${count} ${what}, ${longest}`;
  const share = most[1] / total;
  if (share >= ALL_BUT_NOTHING) return `: ${count} × ${most[0]}, ${longest}`;
  return `: ${count} ${what}, ${longest}, ${percent(share)} of the time in ${most[0]}`;
}

/** The handler that took most of the time; the name tells, so that the order of the events does not. */
function mainHandler({ handlers }: Storm): { handler?: string } {
  const [most] = [...handlers].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return most === undefined ? {} : { handler: most[0] };
}

/** How far the share is what the CPU spent, and not less or more. */
function sourceNotes({ busyNs, contextsNs, samplesNs, threadNs }: Storm): NoteInput[] {
  const notes: NoteInput[] = [];
  if (contextsNs > 0)
    notes.push(note(`${percent(contextsNs / busyNs)} of it from the context flags of records: a lower bound`, 'E1.7'));
  if (samplesNs > 0)
    notes.push(
      note(
        `${percent(samplesNs / busyNs)} of it from stack samples, with an error of about 1/√n; samples do not show NMIs`,
        'E0.10',
      ),
    );
  if (threadNs > 0) notes.push(`${percent(threadNs / busyNs)} of it in interrupt threads`);
  return notes;
}

/** A grace period that the storm held up: alone, a busy CPU is a fact; with somebody who waits for it, it is the fault. */
function stalledBy(timeline: Timeline, storm: Storm): [GracePeriod, Holdout] | undefined {
  const { endNs } = timeline.data;
  for (const gp of timeline.periodsLongerThan(SLOW_NS)) {
    for (const holdout of gp.holdouts) {
      const toNs = heldUntilNs(holdout) ?? endNs;
      const meets = holdout.fromNs < storm.endNs && toNs > storm.startNs;
      if (holdout.cpu === storm.cpu && meets && toNs - holdout.fromNs > STORM_MEETS_NS) return [gp, holdout];
    }
  }
  return undefined;
}
