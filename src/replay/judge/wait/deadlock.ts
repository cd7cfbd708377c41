/**
 * Deadlocks: closed wait-for cycles of AND edges at the end of the capture (W4.31): a task waits for an SRCU grace period
 * that waits for a reader, and the reader waits, directly or via others, for the task. One task alone is the
 * self-wait of S3.23; two are the crossed readers. Lock waits join the same graph through their owners.
 */
import {
  type ChainLink,
  type DeadlockWait,
  type Evidence,
  type Finding,
  formatDuration,
  formatTicks,
} from '../../../../schema/index.ts';
import { shortestCycles } from '../../core/graph.ts';
import { type NoteInput, note, notesOf } from '../../core/note.ts';
import { PERSISTS_NS } from '../../knowledge/thresholds.ts';
import { srcuPeriodName, WAITS_FOR, type WaitEdge } from '../../knowledge/waits-for.ts';
import type { Task } from '../../model/task/task.ts';
import type { RunRecord } from '../../record/run-record.ts';
import type { Timeline } from '../../record/timeline.ts';
import { identified } from '../finding-id.ts';

/** `from` cannot go on before `to` has done something. */
export interface TaskEdge {
  readonly from: Task;
  readonly to: Task;
  readonly on: string;
  readonly sinceNs: number;
  readonly evidence: readonly Evidence[];
  /** What lies between the two tasks, as a link of a chain. */
  readonly via: { readonly edge: WaitEdge; readonly name: string };
  /** How the second task appears in the chain. */
  readonly target: { readonly edge: WaitEdge; readonly note: string };
  /** Set where the edge is not what events show, but what stacks and reports suggest: how. */
  readonly inferredBy?: NoteInput;
}

/** Waits of open synchronize_srcu() calls for the readers that were inside when they began. */
export function srcuReaderEdges(timeline: Timeline): TaskEdge[] {
  return timeline.data.waits
    .filter((wait) => wait.endNs === null)
    .flatMap((wait) => {
      if (wait.resource !== 'srcu' || !wait.domain) return [];
      return timeline
        .readersHolding(wait.domain, wait.startNs + 1, timeline.data.waitsEndNs)
        .filter((reader) => reader.endNs === null)
        .map((reader) => ({
          from: wait.task,
          to: reader.task,
          on: `${wait.api}(${wait.domain}), whose reader is ${timeline.label(reader.task)}`,
          sinceNs: wait.startNs,
          via: { edge: WAITS_FOR.srcuGp, name: srcuPeriodName(wait.domain) },
          target: { edge: WAITS_FOR.srcuReader, note: `reader of ${wait.domain}` },
          evidence: [
            { event: reader.event, role: `${timeline.label(reader.task)} enters srcu_read_lock(${wait.domain})` },
            { event: wait.startEvent, role: `${wait.comm}:${wait.tid} enters ${wait.api}(${wait.domain})` },
          ],
        }));
    });
}

/** Waits for locks, from held stacks and contention (W22, W23). */
export function lockEdges(timeline: Timeline): TaskEdge[] {
  return timeline.data.lockWaits.map((wait) => ({
    from: wait.from,
    to: wait.to,
    on: `${wait.lock} held by ${timeline.label(wait.to)}`,
    sinceNs: wait.sinceNs,
    via: { edge: WAITS_FOR.lock, name: wait.lock },
    target: { edge: WAITS_FOR.holder, note: `holds ${wait.lock}` },
    evidence: wait.evidence,
    ...(wait.certainty === 'inferred' && { inferredBy: `${wait.lock}: ${wait.basis}` }),
  }));
}

/** Waits for another task to end, or for its work item to be done (W24). */
export function joinEdges(timeline: Timeline): TaskEdge[] {
  return timeline.data.joins.flatMap((join): TaskEdge[] => {
    const from = timeline.task(join.tid);
    const to = timeline.task(join.targetTid);
    if (join.endNs !== null || !from || !to) return [];
    const what = join.fn === undefined ? timeline.label(to) : `${join.fn}, which ${timeline.label(to)} runs`;
    return [
      {
        from,
        to,
        on: `${join.api} of ${what}`,
        sinceNs: join.startNs,
        via: { edge: WAITS_FOR.workToEnd, name: join.fn ?? join.api },
        target: {
          edge: { kind: join.fn === undefined ? 'task' : 'worker' },
          note: join.fn === undefined ? 'has to end' : `runs ${join.fn}`,
        },
        evidence: [
          { event: join.targetEvent, role: `${timeline.label(to)} is what it waits for` },
          { event: join.event, role: `${timeline.label(from)} waits in ${join.api}` },
        ],
        ...(join.inferredBy && { inferredBy: join.inferredBy }),
      },
    ];
  });
}

export function detectDeadlocks(record: RunRecord): Finding[] {
  const { timeline } = record;
  const inTicks = record.profile.timeUnit === 'ticks';
  const edges = [...srcuReaderEdges(timeline), ...lockEdges(timeline), ...joinEdges(timeline)];
  return shortestCycles(edges)
    .filter(
      (cycle) => inTicks || timeline.data.waitsEndNs - Math.max(...cycle.map((edge) => edge.sinceNs)) >= PERSISTS_NS,
    )
    .map((cycle) => finding(timeline, cycle, inTicks ? formatTicks : formatDuration));
}

/** That it sleeps still: a call whose return is not recorded counts for no other task. */
function sleepOf(timeline: Timeline, task: Task): Evidence[] {
  const off = timeline.asleepSince(task);
  return off === 0 ? [] : [{ event: off, role: `${timeline.label(task)} goes to sleep` }];
}

function finding(timeline: Timeline, cycle: readonly TaskEdge[], length: (ns: number) => string): Finding {
  const waits: DeadlockWait[] = cycle.map((edge) => ({
    task: timeline.name(edge.from),
    tid: edge.from.tid,
    on: edge.on,
  }));
  const sinceNs = Math.max(...cycle.map((edge) => edge.sinceNs));
  const doubt = timeline.openDoubt({ endNs: null });
  return identified({
    kind: 'deadlock',
    severity: 'error',
    confidence: doubt || cycle.some((edge) => edge.inferredBy) ? 'inferred' : 'observed',
    title:
      cycle.length === 1
        ? `${waits[0].task}:${waits[0].tid} waits for itself: ${waits[0].on}`
        : `${waits.map((wait) => `${wait.task}:${wait.tid}`).join(' → ')} → ${waits[0].task}:${waits[0].tid} wait for each other`,
    start_ns: sinceNs,
    end_ns: timeline.data.waitsEndNs,
    evidence: [
      ...cycle.flatMap((edge) => edge.evidence),
      ...cycle.flatMap(({ from }) => sleepOf(timeline, from)),
      { event: timeline.data.lastEvent, role: 'end of capture, cycle still closed' },
    ],
    notes: notesOf([
      note(
        `cycle held for ${length(timeline.data.waitsEndNs - sinceNs)} until the end of the capture; every wait in it is an AND wait`,
        'W4.31',
      ),
      ...cycle.flatMap((edge) => edge.inferredBy ?? []),
      ...(doubt ? [doubt] : []),
    ]),
    waits,
    chain: cycleChain(timeline, cycle),
    root: { kind: 'deadlock' },
  });
}

/** Once around, from the first task back to it; the time since the cycle closed is the last link's. */
function cycleChain(timeline: Timeline, cycle: readonly TaskEdge[]): ChainLink[] {
  const sinceNs = Math.max(...cycle.map((edge) => edge.sinceNs));
  const [{ from }] = cycle;
  const links: ChainLink[] = [{ kind: 'task', name: timeline.label(from), tid: from.tid, blame_ns: 0 }];
  cycle.forEach(({ to, via, target, evidence }, i) => {
    // By convention the holder's event comes first, the waiter's after it.
    const [held, waits] = evidence.length > 1 ? evidence : [undefined, evidence[0]];
    const closes = i === cycle.length - 1;
    const { kind, rule } = via.edge;
    links.push({
      kind,
      name: via.name,
      ...(rule && { rule }),
      blame_ns: 0,
      parent: links.length - 1,
      ...shownBy(waits),
    });
    links.push({
      kind: target.edge.kind,
      note: target.note,
      ...(target.edge.rule && { rule: target.edge.rule }),
      name: timeline.label(to),
      tid: to.tid,
      blame_ns: closes ? timeline.data.waitsEndNs - sinceNs : 0,
      parent: links.length - 1,
      ...shownBy(held),
      ...(closes && { closes }),
    });
  });
  return links;
}

const shownBy = (item: Evidence | undefined): { event?: number; line?: number } =>
  item === undefined ? {} : 'event' in item ? { event: item.event } : { line: item.line };
