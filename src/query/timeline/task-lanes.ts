/** Lanes of CPUs, of the tasks of findings, and of workers: one pass through the states of tasks, one through interrupts and work items. */
import type { Lane, SpanKind } from '../../../schema/index.ts';
import { rowsOf, type TimelineSource } from './source.ts';
import { TrackBuilder } from './track-builder.ts';

/** Tasks that have a lane; a run with more waits shows those of the worst findings. */
const MOST_TASKS = 40;
/** Workers that no finding names, the slowest ones. */
const MORE_WORKERS = 6;
/** A work item that was queued or ran for this long is worth a lane. */
const SLOW_WORK_NS = 10e6;

type Interrupt = 'nmi' | 'hardirq' | 'softirq';

interface CpuTracks {
  readonly task: TrackBuilder;
  readonly softirq: TrackBuilder;
  readonly hardirq: TrackBuilder;
  readonly nmi: TrackBuilder;
}

interface TaskTracks {
  readonly name: string;
  readonly state: TrackBuilder;
  readonly calls: TrackBuilder;
  readonly work: TrackBuilder;
}

const STATES: Readonly<Record<string, SpanKind>> = {
  running: 'running',
  runnable: 'runnable',
  blocked: 'blocked',
  sleeping: 'sleeping',
};

/** Written on the span. */
const STATE_WORDS: Partial<Record<SpanKind, string>> = { blocked: 'blocked', runnable: 'runnable' };

export function taskAndCpuLanes(source: TimelineSource): Lane[] {
  const cpus = new Map<number, CpuTracks>();
  const tasks = new Map<number, TaskTracks>();
  for (const [tid, name] of [...source.subjects.tasks].slice(0, MOST_TASKS)) tasks.set(tid, taskTracks(source, name));
  for (const [tid, name] of slowWorkers(source)) if (!tasks.has(tid)) tasks.set(tid, taskTracks(source, name));
  readStates(source, cpus, tasks);
  readInterrupts(source, cpus);
  readCalls(source, tasks);
  readWork(source, tasks);
  return [
    ...[...tasks].map(([tid, tracks]) => taskLane(tid, tracks)),
    ...[...cpus].map(([cpu, tracks]) => cpuLane(cpu, tracks)),
  ].filter(({ tracks }) => tracks.length > 0);
}

const taskTracks = ({ level }: TimelineSource, name: string): TaskTracks => ({
  name,
  state: new TrackBuilder('state', level),
  calls: new TrackBuilder('waits in', level),
  work: new TrackBuilder('work', level),
});

function cpuOf({ level }: TimelineSource, cpus: Map<number, CpuTracks>, cpu: number): CpuTracks {
  let tracks = cpus.get(cpu);
  if (tracks === undefined) {
    tracks = {
      task: new TrackBuilder('task', level),
      softirq: new TrackBuilder('softirq', level),
      hardirq: new TrackBuilder('hardirq', level),
      nmi: new TrackBuilder('NMI', level),
    };
    cpus.set(cpu, tracks);
  }
  return tracks;
}

function readStates(source: TimelineSource, cpus: Map<number, CpuTracks>, tasks: Map<number, TaskTracks>): void {
  const { strings } = source;
  const rows = rowsOf<readonly [number, string, string, number | null, number, number | null]>(
    source,
    'SELECT tid, comm, state, cpu, start_ns, end_ns FROM task_state WHERE run_id = ?',
  );
  for (const [tid, comm, state, cpu, startNs, endNs] of rows) {
    if (state === 'running' && cpu !== null && tid !== 0)
      cpuOf(source, cpus, cpu).task.add(startNs, endNs, 'task', strings.id(`${comm}:${tid}`));
    const kind = STATES[state];
    const lane = kind === undefined ? undefined : tasks.get(tid);
    if (lane === undefined || kind === undefined) continue;
    const where = kind === 'running' && cpu !== null ? `CPU ${cpu}` : STATE_WORDS[kind];
    lane.state.add(startNs, endNs, kind, strings.id(where ?? ''));
  }
}

function readInterrupts(source: TimelineSource, cpus: Map<number, CpuTracks>): void {
  const { strings } = source;
  const rows = rowsOf<readonly [number, Interrupt, string, number, number]>(
    source,
    'SELECT cpu, kind, name, start_ns, end_ns FROM context_span WHERE run_id = ?',
  );
  for (const [cpu, kind, name, startNs, endNs] of rows)
    cpuOf(source, cpus, cpu)[kind].add(startNs, endNs, kind, strings.id(name));
}

/** Calls that wait for grace periods, and waits for locks. */
function readCalls(source: TimelineSource, tasks: Map<number, TaskTracks>): void {
  const { strings } = source;
  const calls = rowsOf<readonly [number, string, string, number, number | null]>(
    source,
    'SELECT tid, api, domain, start_ns, end_ns FROM sync_wait WHERE run_id = ?',
  );
  for (const [tid, api, domain, startNs, endNs] of calls) {
    const of = domain.startsWith('rcu_') ? '' : domain;
    tasks.get(tid)?.calls.add(startNs, endNs, 'call', strings.id(`${api}(${of})`));
  }
  const locks = rowsOf<readonly [number, string, number, number | null]>(
    source,
    'SELECT w.tid, c.name, w.start_ns, w.end_ns FROM lock_wait AS w JOIN lock_class AS c USING (run_id, class_id) WHERE w.run_id = ?',
  );
  for (const [tid, lock, startNs, endNs] of locks)
    tasks.get(tid)?.calls.add(startNs, endNs, 'lock-wait', strings.id(`waits for ${lock}`));
}

function readWork(source: TimelineSource, tasks: Map<number, TaskTracks>): void {
  const { strings } = source;
  const rows = rowsOf<readonly [number, string, string, number | null, number | null, number | null]>(
    source,
    'SELECT tid, function, workqueue, queued_ns, start_ns, end_ns FROM work_item WHERE run_id = ? AND tid IS NOT NULL',
  );
  for (const [tid, name, workqueue, queuedNs, startNs, endNs] of rows) {
    const tracks = tasks.get(tid);
    if (tracks === undefined || startNs === null) continue;
    const label = strings.id(workqueue === '' ? name : `${name} (${workqueue})`);
    if (queuedNs !== null && startNs - queuedNs > SLOW_WORK_NS)
      tracks.calls.add(queuedNs, startNs, 'work-queued', label);
    tracks.work.add(startNs, endNs, 'work-run', label);
  }
}

/** Those whose items waited or ran for longest. */
function slowWorkers(source: TimelineSource): [number, string][] {
  const rows = source.db
    .prepare(
      `SELECT tid, max(coalesce(end_ns, :last) - coalesce(queued_ns, start_ns)) AS longest,
              (SELECT comm FROM task_state AS s WHERE s.run_id = w.run_id AND s.tid = w.tid LIMIT 1) AS comm
       FROM work_item AS w WHERE run_id = :run AND tid IS NOT NULL AND start_ns IS NOT NULL
       GROUP BY tid HAVING longest >= :slow ORDER BY longest DESC LIMIT :most`,
    )
    .all({ run: source.runId, last: source.level.lastNs, slow: SLOW_WORK_NS, most: MORE_WORKERS });
  return rows.map((row) => {
    const { tid, comm } = row as { tid: number; comm: string | null };
    return [tid, comm ?? `worker ${tid}`];
  });
}

function taskLane(tid: number, { name, state, calls, work }: TaskTracks): Lane {
  const tracks = [state, calls, work].filter(({ length }) => length > 0).map((track) => track.finish());
  return {
    key: `task:${tid}`,
    group: work.length > 0 || /^kworker\//.test(name) ? 'Workers' : 'Tasks of the findings',
    name: `${name}:${tid}`,
    tracks,
  };
}

function cpuLane(cpu: number, { task, softirq, hardirq, nmi }: CpuTracks): Lane {
  return {
    key: `cpu:${cpu}`,
    group: 'CPUs',
    name: `CPU ${cpu}`,
    tracks: [task, softirq, hardirq, nmi].map((track) => track.finish()),
  };
}
