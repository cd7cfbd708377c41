/**
 * Closed wait-for cycles in a log (MODEL W4.31): hung tasks of which each waits for a lock that the next one holds. Proven by the
 * kernel's blocker lines or the lists of held locks; or by lockdep's report of the very cycle whose tasks then hang at its sites.
 */

import type { ChainLink, DeadlockWait, Finding, LogLock } from '../../../../../schema/index.ts';
import { shortestCycles } from '../../../core/graph.ts';
import { type NoteInput, note, notesOf } from '../../../core/note.ts';
import { REPORT_AT_WAIT_NS, REPORT_AT_WAIT_SHARE } from '../../../knowledge/thresholds.ts';
import { WAITS_FOR } from '../../../knowledge/waits-for.ts';
import type { LogHung } from '../../../model/log/hung.ts';
import type { LockdepReport, LogPlace } from '../../../model/log/log.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { identified } from '../../finding-id.ts';
import { reportEvidence } from '../evidence.ts';
import type { LogWaits } from './waits.ts';

interface Edge {
  readonly hung: LogHung;
  readonly on: string;
  readonly lock: string;
  readonly place: LogPlace | undefined;
  /** A work item, not a lock. */
  readonly flush?: boolean;
}

export function detectLogDeadlocks(log: LogRecord, waits: LogWaits): Finding[] {
  const findings = new Map<string, Finding>();
  const add = (edges: readonly Edge[], confidence: 'reported' | 'inferred', why: NoteInput): void => {
    const finding = deadlock(log, edges, confidence, why);
    if (!findings.has(finding.id)) findings.set(finding.id, finding);
  };
  for (const cycle of shortestCycles(log.hung.flatMap((hung) => nextEdge(waits, hung) ?? []))) {
    if (cycle.some((edge) => edge.flush))
      add(
        cycle,
        'inferred',
        note(
          'each lock is held by the next task, and the work item that is flushed is that of the only blocked worker',
          'W4.20',
        ),
      );
    else
      add(
        cycle,
        'reported',
        'each lock is held by the next task: the kernel names the owners, or lists them with the lock',
      );
  }
  for (const report of log.lockdep) {
    const edges = hungAtReport(log, report);
    if (edges)
      add(
        edges,
        'inferred',
        note('lockdep reported this cycle, and afterwards its tasks hang at the very calls of the report', 'W4.20'),
      );
  }
  return [...findings.values()];
}

/** To the owner of the lock, or to the only worker whose work item it can wait for. */
function nextEdge(waits: LogWaits, hung: LogHung): (Edge & { from: LogHung; to: LogHung }) | undefined {
  const lock = waits.lockOf(hung);
  if (lock?.owner) {
    const { comm, tid } = lock.owner;
    const to = waits.hungTask(tid, hung.last.tsNs);
    return (
      to && { hung, from: hung, to, on: `${lock.name} held by ${comm}:${tid}`, lock: lock.name, place: lock.place }
    );
  }
  const [worker, ...others] = waits.flushed(hung);
  if (!worker?.last.workqueue || others.length > 0) return undefined;
  const { fn } = worker.last.workqueue;
  return {
    hung,
    from: hung,
    on: `${hung.verdict.api} of ${fn}, which ${worker.comm}:${worker.tid} runs`,
    lock: fn,
    place: worker.last,
    flush: true,
    to: worker,
  };
}

/** One hung task for each edge of a reported cycle: the reporter, and for each chain entry a task at that entry's call. */
function hungAtReport(log: LogRecord, report: LockdepReport): Edge[] | undefined {
  const reporter = log.hung.find(
    (hung) =>
      hung.tid === report.task.tid &&
      hung.comm === report.task.comm &&
      hung.last.tsNs >= report.tsNs &&
      waitsSince(hung, report),
  );
  if (!reporter) return undefined;
  if (report.kind === 'lockdep-recursion') {
    const same = report.acquiring.address !== undefined && report.acquiring.address === report.holding.address;
    return same && atSite(reporter, report.stack)
      ? [edge(reporter, report.acquiring, report.task.comm, report.task.tid, report)]
      : undefined;
  }
  if (report.kind !== 'lockdep-circular' || report.chain.length < 2 || !atSite(reporter, report.stack))
    return undefined;
  const used = new Set([reporter]);
  const others: { hung: LogHung; wants: LogLock }[] = [];
  for (const { lock, stack } of report.chain.slice(1)) {
    const hung = log.hung.find(
      (candidate) => !used.has(candidate) && waitsSince(candidate, report) && atSite(candidate, stack),
    );
    if (!hung) return undefined;
    used.add(hung);
    others.push({ hung, wants: lock });
  }
  // The task of entry k holds lock k−1 and wants lock k; the reporter holds the last and wants #0.
  const waiters = [{ hung: reporter, wants: report.chain[0].lock }, ...others];
  return waiters.map(({ hung, wants }, k) => {
    const holder = k + 1 < waiters.length ? waiters[k + 1].hung : reporter;
    return edge(hung, wants, holder.comm, holder.tid, report);
  });
}

function edge(hung: LogHung, lock: LogLock, ownerComm: string, ownerTid: number, place: LogPlace): Edge {
  return { hung, on: `${lock.name} held by ${ownerComm}:${ownerTid}`, lock: lock.name, place };
}

/** The wait began about when lockdep reported, and still lasts. */
function waitsSince(hung: LogHung, report: LockdepReport): boolean {
  return Math.abs(hung.sinceNs - report.tsNs) <= REPORT_AT_WAIT_NS + hung.last.seconds * REPORT_AT_WAIT_SHARE * 1e9;
}

/** The task sleeps below the same caller as the report's acquisition: two frames outside of the lock functions agree. */
function atSite(hung: LogHung, stack: readonly string[]): boolean {
  const here = hung.stack;
  for (let i = 0; i + 1 < stack.length; i++) {
    const j = here.indexOf(stack[i]);
    if (j >= 0 && here[j + 1] === stack[i + 1] && i + 2 < stack.length && here[j + 2] === stack[i + 2]) return true;
  }
  return false;
}

function deadlock(
  log: LogRecord,
  edges: readonly Edge[],
  confidence: 'reported' | 'inferred',
  why: NoteInput,
): Finding {
  // From the smallest tid, so that every member of the cycle finds the same one.
  const first = edges.reduce((best, { hung }, i) => (hung.tid < edges[best].hung.tid ? i : best), 0);
  const cycle = [...edges.slice(first), ...edges.slice(0, first)];
  const waits: DeadlockWait[] = cycle.map(({ hung, on }) => ({ task: hung.comm, tid: hung.tid, on }));
  const names = cycle.map(({ hung }) => `${hung.comm}:${hung.tid}`);
  return identified({
    kind: 'deadlock',
    severity: 'error',
    confidence,
    title:
      cycle.length === 1
        ? `deadlock: ${names[0]} waits for itself (${cycle[0].lock})`
        : `deadlock: ${[...names, names[0]].join(' waits for ')}`,
    start_ns: Math.max(...cycle.map(({ hung }) => hung.sinceNs)),
    end_ns: Math.max(...cycle.map(({ hung }) => hung.last.tsNs)),
    evidence: cycle.flatMap(({ hung, on, place }) => [
      ...reportEvidence(log, [hung.last], `${hung.comm}:${hung.tid} is blocked, waits for ${on}`),
      ...reportEvidence(
        log,
        place === undefined || place === hung.last ? [] : [place],
        `who holds ${on.split(' held by ')[0]}`,
      ),
    ]),
    notes: notesOf([
      why,
      note('nobody outside of the cycle can wake one of these tasks: it does not resolve itself', 'W4.31'),
    ]),
    waits,
    chain: cycleChain(log, cycle),
    root: { kind: 'deadlock' },
  });
}

/** Once around, from the first task back to it. */
function cycleChain(log: LogRecord, cycle: readonly Edge[]): ChainLink[] {
  const sinceNs = Math.max(...cycle.map(({ hung }) => hung.sinceNs));
  const untilNs = Math.max(...cycle.map(({ hung }) => hung.last.tsNs));
  const label = ({ hung }: Edge): string => `${hung.comm}:${hung.tid}`;
  const links: ChainLink[] = [
    { kind: 'task', name: label(cycle[0]), tid: cycle[0].hung.tid, blame_ns: 0, ...shownBy(log, cycle[0].hung.last) },
  ];
  cycle.forEach(({ lock, place, flush }, i) => {
    const next = cycle[(i + 1) % cycle.length];
    const closes = i === cycle.length - 1;
    links.push({
      ...(flush ? WAITS_FOR.workToEnd : WAITS_FOR.lock),
      name: lock,
      blame_ns: 0,
      parent: links.length - 1,
      ...shownBy(log, place),
    });
    links.push({
      kind: 'task',
      name: label(next),
      tid: next.hung.tid,
      blame_ns: closes ? Math.max(0, untilNs - sinceNs) : 0,
      parent: links.length - 1,
      rule: (flush ? WAITS_FOR.worker : WAITS_FOR.holder).rule,
      note: flush ? 'runs it' : 'holds it',
      ...shownBy(log, next.hung.last),
      ...(closes && { closes }),
    });
  });
  return links;
}

function shownBy(log: LogRecord, place: LogPlace | undefined): { event?: number; line?: number } {
  const [shown] = place ? reportEvidence(log, [place], '') : [];
  if (!shown) return {};
  return 'line' in shown ? { line: shown.line } : { event: shown.event };
}
