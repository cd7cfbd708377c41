/** Root causes of a run's findings, worst first, and the findings in that order: pure, from the findings alone. */
import { type Finding, type RootCause, rowOf, type Severity } from '../../../schema/index.ts';
import { rootOf } from './cause.ts';
import { groupsOf } from './grouping.ts';
import { headline } from './headline.ts';

export interface RootedFindings {
  /** Worst first. */
  readonly roots: readonly RootCause[];
  /** Those of the first root first: `roots[i].findings` name, one after another, the findings in this order. */
  readonly findings: readonly Finding[];
}

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];

/** What happened comes before what could have, and what has a cause before what has none. */
function urgency(group: readonly Finding[], kind: RootCause['kind']): number {
  if (kind === 'deadlock') return 0;
  const lasting = group.some((finding) => rowOf(finding).lasts === 'interval');
  if (lasting && kind !== 'unknown') return 1;
  return lasting ? 3 : 2;
}

/** The same for findings of several boots: what happened in one explains nothing in another. */
export function rootsOfRuns(findings: readonly Finding[]): RootedFindings {
  const runs = [...new Set(findings.map(({ run_id }) => run_id))];
  const rooted = runs.map((run) => {
    const { roots, findings: own } = rootsOf(findings.filter(({ run_id }) => run_id === run));
    return { roots: run === undefined ? roots : roots.map((root) => ({ ...root, run_id: run })), findings: own };
  });
  return { roots: rooted.flatMap(({ roots }) => roots), findings: rooted.flatMap((one) => one.findings) };
}

interface Ranked {
  readonly cause: RootCause;
  readonly group: readonly Finding[];
  readonly rank: readonly number[];
}

/** Groups findings under their root causes. Findings keep their ids and everything else. */
export function rootsOf(findings: readonly Finding[]): RootedFindings {
  const ranked = alikeJoined(groupsOf(findings).map(inOrder)).map(describe);
  ranked.sort((a, b) => compare(a.rank, b.rank) || a.cause.id.localeCompare(b.cause.id, 'en'));
  return { roots: ranked.map(({ cause }) => cause), findings: ranked.flatMap(({ group }) => group) };
}

function describe(group: readonly Finding[]): Ranked {
  const root = rootOf(group);
  const [head] = group;
  const waits = 'blocked_ns' in head || head.kind === 'rcu-stall';
  const kind: RootCause['kind'] =
    head.kind === 'deadlock'
      ? 'deadlock'
      : (root?.kind ?? (waits && head.kind !== 'gp-kthread-starved' ? 'unknown' : head.kind));
  const severity = SEVERITIES[Math.min(...group.map((finding) => SEVERITIES.indexOf(finding.severity)))];
  const longestNs = Math.max(...group.map((finding) => finding.end_ns - finding.start_ns));
  return {
    group,
    cause: {
      id: `root-${head.id}`,
      kind,
      severity,
      title: headline(group, root),
      findings: group.map(({ id }) => id),
    },
    rank: [
      SEVERITIES.indexOf(severity),
      urgency(group, kind),
      rowOf(head).lasts === 'rule' ? rowOf(head).rank : 0,
      -longestNs,
    ],
  };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : a[at] - b[at];
}

/** Storms explain stalls, and stalls waits: the cause first, then what it held up, the longest first; each wait beside its hung task. */
function inOrder(group: readonly Finding[]): Finding[] {
  const stage = (finding: Finding): number => ('share' in finding ? 15 : rowOf(finding).rank);
  const longest = new Map<number, number>();
  for (const finding of group)
    if ('tid' in finding && 'blocked_ns' in finding)
      longest.set(finding.tid, Math.max(longest.get(finding.tid) ?? 0, finding.blocked_ns));
  const key = (finding: Finding): number[] => {
    const isWait = finding.kind === 'blocked-sync' || finding.kind === 'hung-task';
    return [
      SEVERITIES.indexOf(finding.severity),
      isWait ? 130 : stage(finding),
      isWait ? -(longest.get(finding.tid) ?? 0) : 0,
      isWait ? finding.tid : finding.start_ns,
      rowOf(finding).rank,
      finding.start_ns,
    ];
  };
  const keys = new Map(group.map((finding) => [finding, key(finding)] as const));
  return [...group].sort(
    (a, b) => compare(keys.get(a) as number[], keys.get(b) as number[]) || a.id.localeCompare(b.id, 'en'),
  );
}

/** Tasks that wait in the same call for nobody knows what are one line: what holds them is not known to differ. */
function alikeJoined(groups: readonly Finding[][]): Finding[][] {
  const joined: Finding[][] = [];
  const byWait = new Map<string, Finding[]>();
  for (const group of groups) {
    const [first] = group;
    const lonely =
      (first.kind === 'hung-task' || first.kind === 'blocked-sync') &&
      rootOf(group) === undefined &&
      group.every((finding) => 'tid' in finding && finding.tid === first.tid);
    const api = lonely
      ? group.flatMap((finding) => ('api' in finding && finding.api ? [finding.api] : []))[0]
      : undefined;
    if (!lonely || api === undefined) {
      joined.push(group);
      continue;
    }
    const key = `${first.severity} ${api} ${first.chain[1]?.name ?? ''}`;
    const known = byWait.get(key);
    if (known) known.push(...group);
    else {
      byWait.set(key, group);
      joined.push(group);
    }
  }
  return joined.map((group) => inOrder(group));
}
