/**
 * What lockdep could not report any more (MODEL L5.30, T22): its graph, as far as its one report shows it, closed with orders that
 * every kernel has (6.1). The BPF lock cycle of Linux 7.0-rc is the example: the invalid wait context (Bug 1) hid the cycle (Bug 2).
 */
import type { Finding } from '../../../../../schema/index.ts';
import { breadthFirst, edgesOfWay, groupedBy } from '../../../core/graph.ts';
import { note, notesOf } from '../../../core/note.ts';
import { STATIC_EDGES, STATIC_SRCU_EDGES, srcuLocksRaw } from '../../../knowledge/lock/api-profiles.ts';
import { lockNameRule, SRCU_USAGE_LOCK } from '../../../knowledge/lock/names.ts';
import { plainLock } from '../../../knowledge/lock/plain-name.ts';
import type { LockdepReport } from '../../../model/log/log.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { isTakenOut } from '../../../record/taken-out.ts';
import { identified } from '../../finding-id.ts';
import { reportEvidence } from '../evidence.ts';
import { reportedCycle } from './locks.ts';

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly why: string;
  /** Of the acquisition, innermost first. */
  readonly stack: readonly string[];
  /** The report that shows it; undefined for a static order. */
  readonly report?: LockdepReport;
}

/** Longer cycles of static orders are guesses. */
const MAX_LOCKS = 6;

export function detectMasked(log: LogRecord, release: string | undefined): Finding[] {
  const stands = ({ from, to, stack }: Edge): boolean => !isTakenOut(log.takenOut, from, to, stack);
  const reported = log.lockdep.flatMap(reportedEdges).filter(stands);
  if (reported.length === 0) return [];
  const edges = [...reported, ...staticEdges(reported, release).filter(stands)];
  const known = new Set(
    log.lockdep.flatMap((report) => (report.kind === 'lockdep-circular' ? [classSet(reportedCycle(report))] : [])),
  );
  const findings = new Map<string, Finding>();
  for (const closing of reported) {
    const path = shortestPath(edges, closing.to, closing.from);
    if (!path || path.every((edge) => edge.report !== undefined)) continue;
    const locks = [closing.to, ...path.map((edge) => edge.to)];
    const key = classSet(locks);
    if (known.has(key) || findings.has(key)) continue;
    findings.set(key, inversion(log, closing, path, locks));
  }
  return [...findings.values()];
}

const classSet = (names: readonly string[]): string => [...new Set(names.map(plainLock))].sort().join('\u0000');

/** Orders that a report proves: held → acquired, and the chain's. */
function reportedEdges(report: LockdepReport): Edge[] {
  const acquired =
    report.kind === 'lockdep-circular' || report.kind === 'lockdep-irq-order' || report.kind === 'lockdep-recursion'
      ? report.acquiring
      : report.lock;
  const edges: Edge[] = report.held
    .filter((held) => held.name !== acquired.name && ordering(held.name))
    .map((held) => ({
      from: plainLock(held.name),
      to: plainLock(acquired.name),
      why: `${report.task.comm}:${report.task.tid} acquires ${acquired.name} while it holds ${held.name}`,
      stack: report.stack,
      report,
    }));
  if (report.kind === 'lockdep-circular')
    for (let k = 1; k < report.chain.length; k++)
      edges.push({
        from: plainLock(report.chain[k - 1].lock.name),
        to: plainLock(report.chain[k].lock.name),
        why: `entry #${k} of lockdep's chain`,
        stack: report.chain[k].stack,
        report,
      });
  return edges.filter((edge) => ordering(edge.to));
}

/** RCU readers and sequence counters are in no order (L5.26). */
function ordering(name: string): boolean {
  const { nature } = lockNameRule(name);
  return nature === 'lock' || nature === 'map';
}

function staticEdges(reported: readonly Edge[], release: string | undefined): Edge[] {
  const edges: Edge[] = STATIC_EDGES.map(({ from, to, why }) => ({
    from,
    to,
    why: `on every kernel: ${why}`,
    stack: [],
  }));
  // From 7.0 on SRCU starts its grace periods from irq_work, outside of the usage lock.
  if (srcuLocksRaw(release) === true) return edges;
  const usage = new Set(reported.flatMap(({ from, to }) => [from, to]).filter((name) => SRCU_USAGE_LOCK.test(name)));
  for (const from of usage) for (const { to, why } of STATIC_SRCU_EDGES) edges.push({ from, to, why, stack: [] });
  return edges;
}

/** Breadth first, so the cycle is minimal. */
function shortestPath(edges: readonly Edge[], from: string, to: string): Edge[] | undefined {
  const out = groupedBy(edges, (edge) => edge.from);
  const way = breadthFirst<string, Edge>({
    start: from,
    edges: (name) => out.get(name) ?? [],
    follow: (edge) => edge.to,
    key: (name) => name,
    ends: (name) => name === to,
    enters: ({ length }) => length < MAX_LOCKS,
  });
  return way && edgesOfWay(way);
}

function inversion(log: LogRecord, closing: Edge, path: readonly Edge[], locks: readonly string[]): Finding {
  const first = log.lockdep.reduce((a, b) => (b.tsNs < a.tsNs ? b : a));
  const reports = [closing, ...path].flatMap((edge) => (edge.report ? [edge.report] : []));
  return identified({
    kind: 'lock-inversion',
    severity: 'warning',
    confidence: 'inferred',
    title: `${[...locks, locks[0]].join(' → ')}: likely, but lockdep had stopped at its first report`,
    start_ns: first.tsNs,
    end_ns: first.tsNs,
    evidence: reportEvidence(log, reports, 'lockdep shows one order of the cycle'),
    notes: notesOf([
      note(
        'the kernel could not report this: lockdep checks the wait context before the order and switches itself off at its first report',
        'L5.30',
        'T22',
      ),
      `${closing.from} → ${closing.to}: ${closing.why}`,
      ...path.map((edge) => `${edge.from} → ${edge.to}: ${edge.why}`),
      note(
        'CYCLE_RISK: orders marked “on every kernel” come from the tables of quiesce, not from this log; record lock events to see them',
        'D6.1',
      ),
    ]),
    locks,
    feasible: 'unknown',
  });
}
