/**
 * The timeline of a stored run, read from its facts: who ran where, in which interrupts, which grace periods were in flight and what they
 * waited for, what the tasks, workers and locks of the findings did. A run with more spans than a page can hold keeps the long ones and
 * those around its findings one by one, and of the others how much of the time they took.
 */
import type { Finding, Lane, Timeline } from '../../../schema/index.ts';
import { readError } from '../../store/store-error.ts';
import { type Connection, openForReading } from '../../store/store-file.ts';
import { gracePeriodLanes } from './grace-period-lanes.ts';
import { lockLanes } from './lock-lanes.ts';
import { reportedLanes } from './reported-lanes.ts';
import { laneOrder, type TimelineSource } from './source.ts';
import { subjectsOf } from './subjects.ts';
import { taskAndCpuLanes } from './task-lanes.ts';
import { type DetailLevel, StringTable } from './track-builder.ts';

export interface TimelineOptions {
  /** Spans kept one by one, about. */
  readonly mostSpans?: number;
  /** Only what lies between these instants; default: the whole run. */
  readonly fromNs?: number;
  readonly toNs?: number;
}

const MOST_SPANS = 250_000;
/** Of one row of the picture, where the run is too long for all of its spans. */
const MOST_SLICES = 8192;
const FEWEST_SLICES = 256;
/** Around the begin and the end of each finding. */
const WINDOW_NS = 20e6;
const MOST_WINDOWS = 200;

/**
 * @param findings worst first: the lanes follow their order
 * @throws StoreError
 */
export function runTimeline(
  path: string,
  runId: number,
  findings: readonly Finding[],
  options: TimelineOptions = {},
): Timeline {
  const db = openForReading(path);
  try {
    return timelineOf(db, runId, findings, options);
  } catch (error) {
    throw readError(path, error);
  } finally {
    db.close();
  }
}

function timelineOf(
  db: Connection,
  runId: number,
  findings: readonly Finding[],
  { mostSpans = MOST_SPANS, fromNs, toNs }: TimelineOptions,
): Timeline {
  const run = db.prepare('SELECT first_ns, last_ns, cpus FROM run WHERE run_id = ?').get(runId) as {
    first_ns: number;
    last_ns: number;
    cpus: number;
  };
  // What the log tells may lie before and after the trace.
  const firstNs = fromNs ?? Math.min(run.first_ns, ...findings.map(({ start_ns }) => start_ns));
  const lastNs = toNs ?? Math.max(run.last_ns, ...findings.map(({ end_ns }) => end_ns));
  const spans = countOf(db, runId, 'context_span') + countOf(db, runId, 'task_state');
  const slices = Math.max(FEWEST_SLICES, Math.min(MOST_SLICES, Math.floor(mostSpans / (4 * Math.max(1, run.cpus)))));
  const level: DetailLevel = {
    firstNs,
    lastNs,
    sliceNs: spans > mostSpans ? Math.ceil((lastNs - firstNs + 1) / slices) : 0,
    windows: windowsOf(findings),
  };
  const strings = new StringTable();
  const source: TimelineSource = { db, runId, level, strings, subjects: subjectsOf(findings) };
  const lanes: Lane[] = [...taskAndCpuLanes(source), ...lockLanes(source), ...gracePeriodLanes(source)];
  lanes.push(...reportedLanes(source, findings, new Set(lanes.map(({ key }) => key))));
  lanes.sort(laneOrder(source.subjects));
  return { firstNs, lastNs, lanes, strings: strings.texts, sliceNs: level.sliceNs };
}

function countOf(db: Connection, runId: number, table: 'context_span' | 'task_state'): number {
  return db.prepare(`SELECT count(*) FROM ${table} WHERE run_id = ?`).pluck().get(runId) as number;
}

/** Where findings begin and end. */
function windowsOf(findings: readonly Finding[]): (readonly [number, number])[] {
  const around = findings
    .slice(0, MOST_WINDOWS)
    .flatMap(({ start_ns, end_ns }) => [start_ns, end_ns])
    .sort((a, b) => a - b);
  const windows: [number, number][] = [];
  for (const at of around) {
    const last = windows.at(-1);
    if (last !== undefined && at - WINDOW_NS <= last[1]) last[1] = at + WINDOW_NS;
    else windows.push([at - WINDOW_NS, at + WINDOW_NS]);
  }
  return windows;
}
