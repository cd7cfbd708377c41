/** One finding with every event and log line that proves it, read back from the store: the material of `quiesce explain`. */
import { type Evidence, type Finding, type KernelProfile, RequestError, type RunInfo } from '../../schema/index.ts';
import { RECORDER_FRAME } from '../replay/knowledge/stack/recorder-frames.ts';
import { readError } from '../store/store-error.ts';
import { parsedFinding, parsedProfile } from '../store/stored-values.ts';
import type { QueryConnection, SqlValue } from './user-sql.ts';

/** An event of the evidence, as people read it. */
export interface ExplainedEvent {
  readonly event: number;
  readonly role: string;
  readonly tsNs: number;
  readonly cpu: number | null;
  readonly task: string;
  /** The kernel's flag column, '' when the recording has none. */
  readonly flags: string;
  readonly name: string;
  /** `key=value` of the event's fields. */
  readonly fields: string;
  /** Functions, innermost first; of the event itself or of the stack record right behind it. */
  readonly stack: readonly string[];
}

/** Many events that are evidence together: from one event to another, all of them or those named. */
export interface ExplainedRange {
  readonly event: number;
  readonly toEvent: number;
  readonly role: string;
  readonly fromNs: number;
  readonly toNs: number;
  /** Event names; empty: all. */
  readonly names: readonly string[];
  readonly cpu: number | undefined;
  readonly tid: number | undefined;
}

/** A line of a kernel log that is evidence. */
export interface ExplainedLine {
  readonly line: number;
  readonly role: string;
  readonly tsNs: number | null;
  readonly text: string;
  /** The report's stack as printed. */
  readonly stack: readonly string[];
}

export interface Explanation {
  readonly finding: Finding;
  readonly runId: number;
  readonly runName: string;
  /** Of the times of its events. */
  readonly timeUnit: KernelProfile['timeUnit'];
  readonly events: readonly ExplainedEvent[];
  readonly ranges: readonly ExplainedRange[];
  readonly lines: readonly ExplainedLine[];
  /** Titles of the run's other findings of that id: tasks of one kind behind one root share it. */
  readonly others: readonly string[];
  /** Evidence of which the store holds no event. */
  readonly missing: readonly string[];
}

/** The finding asked for is not there, or the id fits several. */
export class UnknownFinding extends RequestError {
  override readonly name = 'UnknownFinding';
}

const EVENT_ID_BITS = 36n;

/** Events behind one of which the stack is looked for. */
const STACK_WITHIN = 64;

/** Columns of every event view that are not fields of the event. */
const COMMON = new Set(['id', 'run_id', 'ts_ns', 'cpu', 'tid', 'comm', 'flags', 'context', 'stack_id']);

/**
 * @param id a finding's id, or the beginning of one
 * @param runId default: the latest run that has such a finding
 * @throws UnknownFinding naming the findings there are
 * @throws StoreError
 */
export function explainFinding(connection: QueryConnection, id: string, runId: number | undefined): Explanation {
  try {
    return explained(connection, id, runId);
  } catch (error) {
    throw readError(connection.path, error);
  }
}

function explained(connection: QueryConnection, asked: string, runId: number | undefined): Explanation {
  // A root cause has the id of its first finding.
  const id = asked.replace(/^root-/, '');
  const found = rows(
    connection,
    `SELECT f.run_id, f.position, f.body, r.name, r.kernel FROM finding AS f JOIN run AS r USING (run_id)
     WHERE f.finding_id = :id OR substr(f.finding_id, 1, length(:id)) = :id ORDER BY f.run_id DESC, f.position`,
    { id },
  ).filter((row) => runId === undefined || Number(row[0]) === runId);
  const exact = found.filter((row) => parsedFinding(row[2]).id === id);
  const candidates = exact.length > 0 ? exact : found;
  const latest = candidates.filter((row) => row[0] === candidates[0]?.[0]);
  const ids = new Set(latest.map((row) => parsedFinding(row[2]).id));
  if (ids.size !== 1) throw new UnknownFinding(describeUnknown(connection, id, [...ids], runId));
  const [run, , body, runName, kernel] = latest[0];
  return evidenceOf(connection, parsedFinding(body), Number(run), String(runName), parsedProfile(kernel).timeUnit);
}

/**
 * A finding of a run with what proves it. Tasks of one kind share the id of their findings: the finding itself says which is meant.
 * @throws StoreError
 */
export function explainStored(
  connection: QueryConnection,
  finding: Finding,
  { run_id, name, kernel }: RunInfo,
): Explanation {
  try {
    return evidenceOf(connection, finding, run_id ?? 1, name, kernel.timeUnit);
  } catch (error) {
    throw readError(connection.path, error);
  }
}

/** Makes the rows that explaining these findings of a run reads once for all of them. */
export function withEvidence<T>(
  connection: QueryConnection,
  findings: readonly Finding[],
  run: number,
  use: () => T,
): T {
  const spans = findings
    .flatMap(({ evidence }) => evidence)
    .flatMap((item) => ('event' in item ? [item.event, ...(item.range ? [item.range.to] : [])] : []))
    .map((event) => ({ first: event, last: event + STACK_WITHIN }));
  return connection.withEvents(run, spans, use);
}

function evidenceOf(
  connection: QueryConnection,
  finding: Finding,
  run: number,
  runName: string,
  timeUnit: KernelProfile['timeUnit'],
): Explanation {
  return withEvidence(connection, [finding], run, () => read(connection, finding, run, runName, timeUnit));
}

function read(
  connection: QueryConnection,
  finding: Finding,
  run: number,
  runName: string,
  timeUnit: KernelProfile['timeUnit'],
): Explanation {
  const base = (BigInt(run) - 1n) << EVENT_ID_BITS;
  const missing: string[] = [];
  const events: ExplainedEvent[] = [];
  const ranges: ExplainedRange[] = [];
  const lines: ExplainedLine[] = [];
  for (const item of finding.evidence) {
    if ('event' in item && item.range) {
      const range = explainRange(connection, base, item);
      if (range) ranges.push(range);
      else missing.push(`events ${item.event} to ${item.range.to}`);
    } else if ('event' in item) {
      const event = explainEvent(connection, base + BigInt(item.event), item.event, item.role);
      if (event) events.push(event);
      else missing.push(`event ${item.event}`);
    } else lines.push(explainLine(connection, run, item));
  }
  events.sort((a, b) => a.event - b.event);
  ranges.sort((a, b) => a.event - b.event);
  const others = rows(
    connection,
    'SELECT title FROM finding WHERE run_id = :run AND finding_id = :id ORDER BY position',
    { run, id: finding.id },
  )
    .map(([title]) => String(title))
    .filter((title) => title !== finding.title);
  return { finding, runId: run, runName, timeUnit, events, ranges, lines, others, missing };
}

function describeUnknown(
  connection: QueryConnection,
  id: string,
  ids: readonly string[],
  runId: number | undefined,
): string {
  if (ids.length > 1) {
    const titles = rows(
      connection,
      `SELECT finding_id, title FROM finding WHERE substr(finding_id, 1, length(:id)) = :id
       AND (:run IS NULL OR run_id = :run) GROUP BY finding_id ORDER BY min(position)`,
      { id, run: runId ?? null },
    ).filter(([found]) => ids.includes(String(found)));
    return `"${id}" fits several findings: ${titles.map(([found, title]) => `${String(found)} (${String(title)})`).join('; ')}`;
  }
  const known = rows(
    connection,
    'SELECT DISTINCT finding_id FROM finding WHERE :run IS NULL OR run_id = :run ORDER BY 1 LIMIT 20',
    {
      run: runId ?? null,
    },
  ).map((row) => String(row[0]));
  return `no finding "${id}"; there ${known.length === 1 ? 'is' : 'are'}: ${known.join(', ') || 'none'}`;
}

function rows(connection: QueryConnection, sql: string, values: Readonly<Record<string, SqlValue>> = {}): SqlValue[][] {
  return [...connection.query(sql, values).rows].map((row) => [...row]);
}

function explainEvent(
  connection: QueryConnection,
  id: bigint,
  event: number,
  role: string,
): ExplainedEvent | undefined {
  const [common] = rows(connection, 'SELECT ts_ns, cpu, tid, comm, flags, name, stack_id FROM event WHERE id = :id', {
    id,
  });
  if (!common) return undefined;
  const [tsNs, cpu, tid, comm, flags, name, stackId] = common;
  return {
    event,
    role,
    tsNs: Number(tsNs),
    cpu: cpu === null ? null : Number(cpu),
    task: tid === null ? '' : `${comm ?? '<...>'}:${tid}`,
    flags: flags === null ? '' : String(flags),
    name: String(name),
    fields: fieldsOf(connection, String(name), id),
    stack: stackOf(connection, stackId ?? stackBehind(connection, id, cpu, tid)),
  };
}

/** The times between which a range of events lies. */
function explainRange(
  connection: QueryConnection,
  base: bigint,
  { event, role, range }: Extract<Evidence, { event: number }>,
): ExplainedRange | undefined {
  if (range === undefined) return undefined;
  const [times] = rows(
    connection,
    'SELECT (SELECT ts_ns FROM event WHERE id = :from), (SELECT ts_ns FROM event WHERE id = :to)',
    { from: base + BigInt(event), to: base + BigInt(range.to) },
  );
  if (!times || times[0] === null || times[1] === null) return undefined;
  const [fromNs, toNs] = times.map(Number);
  return { event, toEvent: range.to, role, fromNs, toNs, names: range.events ?? [], cpu: range.cpu, tid: range.tid };
}

/** Fields of the event from its own view; events without one say what other_event keeps. */
function fieldsOf(connection: QueryConnection, name: string, id: bigint): string {
  const [type] = rows(
    connection,
    'SELECT relation FROM event_type WHERE name = :name AND relation IS NOT NULL LIMIT 1',
    { name },
  );
  if (!type) return '';
  const { columns, rows: found } = connection.query(
    `SELECT * FROM "${String(type[0]).replaceAll('"', '""')}" WHERE id = :id`,
    { id },
  );
  const [row] = [...found];
  if (!row) return '';
  return columns
    .map((column, i) => [column, row[i]] as const)
    .filter(([column, value]) => !COMMON.has(column) && value !== null && value !== '')
    .map(([column, value]) => `${column.replace(/^arg_/, '')}=${String(value)}`)
    .join(' ');
}

/** ftrace records the stack as the next event of the same CPU and task (MODEL E0.8). */
function stackBehind(connection: QueryConnection, id: bigint, cpu: SqlValue, tid: SqlValue): SqlValue {
  if (!connection.hasRelation('kernel_stack')) return null;
  const [next] = rows(
    connection,
    `SELECT e.stack_id, e.name FROM event AS e WHERE e.id > :id AND e.id <= :id + ${STACK_WITHIN} AND e.cpu = :cpu AND e.tid = :tid ORDER BY e.id LIMIT 1`,
    { id, cpu, tid },
  );
  return next && next[1] === 'kernel_stack' ? next[0] : null;
}

function stackOf(connection: QueryConnection, stackId: SqlValue): string[] {
  if (stackId === null) return [];
  return rows(connection, 'SELECT symbol, offset, module, size FROM stack WHERE stack_id = :stack ORDER BY depth', {
    stack: stackId,
  })
    .filter(([symbol]) => symbol !== '' && !RECORDER_FRAME.test(String(symbol)))
    .map(([symbol, offset, module, size]) => {
      const length = size === null ? '' : `/0x${Number(size).toString(16)}`;
      const within = offset === null ? '' : `+0x${Number(offset).toString(16)}${length}`;
      return `${String(symbol)}${within}${module === null ? '' : ` [${String(module)}]`}`;
    });
}

/** A log line is a console event that carries its line number. */
function explainLine(
  connection: QueryConnection,
  runId: number,
  { line, role, text = '', stack = [] }: Extract<Evidence, { line: number }>,
): ExplainedLine {
  if (connection.hasRelation('console') && connection.hasColumn('console', 'line')) {
    const [found] = rows(connection, 'SELECT ts_ns, msg FROM console WHERE run_id = :run AND line = :line LIMIT 1', {
      run: runId,
      line,
    });
    if (found) return { line, role, tsNs: Number(found[0]), text: String(found[1]), stack };
  }
  return { line, role, tsNs: null, text, stack };
}
