/** Hung tasks and blocked callers of synchronize_*() as the kernel reported them, with chains from their stacks (MODEL 7.4, W4.20). */

import { type Evidence, type Finding, formatDuration, type Note } from '../../../../../schema/index.ts';
import { background, type NoteInput, note, notesOf } from '../../../core/note.ts';
import type { WaitResource } from '../../../knowledge/stack/wait-frames.ts';
import type { LogHung } from '../../../model/log/hung.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { rootPhrase } from '../../chain/root-phrase.ts';
import { identified } from '../../finding-id.ts';
import type { LogChain, LogChains } from '../chain/chain.ts';
import { reportEvidence } from '../evidence.ts';

const SYNC: ReadonlySet<WaitResource | undefined> = new Set(['rcu', 'rcu-expedited', 'srcu', 'rcu-tasks', 'barrier']);

/** @param release of the kernel, when it is known */
export function detectLogHung(log: LogRecord, chains: LogChains, release: string | undefined): Finding[] {
  return log.hung.flatMap((hung) => {
    const chain = chains.of(hung);
    return [hungFinding(log, hung, chain, release), ...blockedSync(log, hung, chain, chains)];
  });
}

function repeats(hung: LogHung): NoteInput[] {
  if (hung.reports < 2) return [];
  const grows = hung.last.seconds > hung.places[0].seconds;
  return [
    note(
      grows
        ? `reported ${hung.reports} times with growing seconds: one wait`
        : `reported ${hung.reports} times with the same stack, the threshold each time: one wait`,
      'W4.21',
    ),
  ];
}

function samePlace(a: Evidence, b: Evidence): boolean {
  return 'line' in a ? 'line' in b && a.line === b.line : 'event' in b && a.event === b.event;
}

/** What the task sleeps in: a known call, or the first function that is neither the scheduler's nor a way to wait. */
function sleepOf({ verdict }: LogHung): string {
  if (verdict.api) return verdict.api;
  if (verdict.primitive && verdict.sleeper) return `${verdict.primitive} called by ${verdict.sleeper}`;
  return verdict.primitive || verdict.sleeper;
}

/** Stamps have microseconds. */
const ROUNDED_S = 1e-5;

/** From v4.20 on the seconds are those that the task has been blocked; before they are hung_task_timeout_secs (kernel/hung_task.c). */
function secondsNote(seconds: number, release: string | undefined): Note {
  const unscheduled = `the kernel's detector: the task has not been scheduled for ${seconds} s in uninterruptible sleep`;
  const version = /^(\d+)\.(\d+)/.exec(release ?? '');
  if (!version)
    return note(`${unscheduled}; a kernel before v4.20 prints its threshold here, so it is at least that long`, 'G4.1');
  const old = Number(version[1]) < 4 || (version[1] === '4' && Number(version[2]) < 20);
  return old
    ? note(`${unscheduled} at least: before v4.20 the kernel prints the threshold`, 'G4.1')
    : note(`${unscheduled}; the seconds are the real time, not the threshold`, 'G4.1', 'T30');
}

/** The detector tells whole seconds, and those that have passed: no finer number can come of it. */
const blockedFor = ({ last, sinceNs }: LogHung): number => Math.floor((last.tsNs - sinceNs) / 1e9 + ROUNDED_S) * 1e9;

function hungFinding(log: LogRecord, hung: LogHung, chain: LogChain, release: string | undefined): Finding {
  const { comm, tid, last } = hung;
  const blockedNs = blockedFor(hung);
  const sleep = sleepOf(hung);
  const { api, primitive, sleeper } = hung.verdict;
  const call = api || primitive || sleeper;
  const leastS = Math.max(last.seconds, Math.floor(blockedNs / 1e9));
  const what = sleep ? ` in ${sleep}` : '';
  const reported = reportEvidence(log, hung.places, `${comm}:${tid} is reported`);
  const cause = chain.root.kind === 'unknown' ? '' : `: ${rootPhrase(chain.root, tid)}`;
  return identified({
    kind: 'hung-task',
    // A task that cannot die runs: it is slow to leave, not blocked.
    severity: last.cannotDie ? 'warning' : 'error',
    confidence: 'reported',
    title: last.cannotDie
      ? `${comm}:${tid} was killed and could not die for ${leastS} s`
      : `${comm}:${tid} blocked for more than ${leastS} s${what}${cause}`,
    start_ns: Math.max(0, last.tsNs - blockedNs),
    end_ns: last.tsNs,
    evidence: [...reported, ...chain.evidence.filter((item) => !reported.some((known) => samePlace(known, item)))],
    notes: notesOf([
      secondsNote(last.seconds, release),
      ...(sleep === call || sleep === '' ? [] : [note(`it sleeps in ${sleep}`, 'W4.20')]),
      ...repeats(hung),
      ...(last.coredump ? ['it waits for a core dump'] : []),
      ...(last.workqueue ? [`it runs ${last.workqueue.fn} of workqueue ${last.workqueue.name}`] : []),
      ...chain.notes,
    ]),
    task: comm,
    tid,
    ...(call && { api: call }),
    blocked_ns: blockedNs,
    chain: chain.links,
    ...(chain.root.kind !== 'unknown' && { root: chain.root }),
  });
}

function blockedSync(log: LogRecord, hung: LogHung, chain: LogChain, chains: LogChains): Finding[] {
  const { comm, tid, last, verdict } = hung;
  if (!SYNC.has(verdict.resource) || verdict.insideSrcuRun || last.cannotDie) return [];
  const flavor = log.stalls[0]?.flavor ?? 'rcu';
  const domain =
    verdict.resource === 'srcu'
      ? (chains.domainOf(hung) ?? 'unknown')
      : verdict.resource === 'rcu-tasks'
        ? 'rcu_tasks'
        : flavor;
  const blockedNs = blockedFor(hung);
  return [
    identified({
      kind: 'blocked-sync',
      severity: 'error',
      confidence: 'reported',
      title: `${comm}:${tid} blocked ${formatDuration(blockedNs)} in ${verdict.api}${verdict.site ? `, ${verdict.site}` : ''}: ${rootPhrase(chain.root, tid)}`,
      start_ns: Math.max(0, last.tsNs - blockedNs),
      end_ns: last.tsNs,
      evidence: chain.evidence,
      notes: notesOf([
        note(
          'read from the stack of the hung task: the innermost frame that is not a generic sleeper names the wait',
          'W4.20',
        ),
        ...repeats(hung),
        ...chain.notes,
        background('a log has no times of the single links: the blocked time is booked on the last one'),
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
