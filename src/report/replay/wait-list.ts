/** Waits of tasks, each shown once: the blocked call and the hung task are two facts about one wait. Alike ones are one line. */
import { type Finding, formatDuration, stableTaskName } from '../../../schema/index.ts';
import { type Style, widthOf } from '../text/style.ts';
import { clip, formatCount, padTo, printable, textWidth } from '../text/text-format.ts';

export type WaitFinding = Extract<Finding, { kind: 'blocked-sync' | 'hung-task' }>;

/** One task's wait. */
export interface TaskWait {
  readonly task: string;
  readonly tid: number;
  readonly blockedNs: number;
  readonly api: string | undefined;
  /** The longest first in importance: the blocked call, then the hung task. */
  readonly findings: readonly WaitFinding[];
}

export const isWait = (finding: Finding): finding is WaitFinding =>
  finding.kind === 'blocked-sync' || finding.kind === 'hung-task';

/** The waits of findings, one per task while they overlap, in the order of the findings. */
export function taskWaits(findings: readonly WaitFinding[]): TaskWait[] {
  const waits: WaitFinding[][] = [];
  const open = new Map<string, WaitFinding[]>();
  for (const finding of findings) {
    const key = `${finding.task}:${finding.tid}`;
    const known = open.get(key);
    if (known?.some((other) => other.start_ns <= finding.end_ns && finding.start_ns <= other.end_ns))
      known.push(finding);
    else {
      const wait = [finding];
      waits.push(wait);
      open.set(key, wait);
    }
  }
  return waits.map((group) => {
    const sorted = [...group].sort((a, b) => a.kind.localeCompare(b.kind, 'en'));
    const [{ task, tid }] = sorted;
    return {
      task,
      tid,
      blockedNs: Math.max(...sorted.map(({ blocked_ns }) => blocked_ns)),
      api: sorted.find(({ api }) => api !== undefined)?.api,
      findings: sorted,
    };
  });
}

/** The one to show in full: the longest chain tells most, and one that says what the caller was about. */
export function representative(waits: readonly TaskWait[]): TaskWait {
  return waits.reduce((a, b) => (weight(b) > weight(a) ? b : a));
}

/** The finding of a root that tells most: what the report draws, and what a page opens. */
export function tellingFinding(findings: readonly Finding[]): Finding {
  const drawn = findings.find((finding) => !isWait(finding) && 'chain' in finding && (finding.chain?.length ?? 0) > 1);
  if (drawn !== undefined) return drawn;
  const waits = taskWaits(findings.filter(isWait));
  return waits.length === 0 ? findings[0] : representative(waits).findings[0];
}

function weight({ findings: [finding], blockedNs }: TaskWait): number {
  const { chain } = finding;
  // Side branches do not make a chain longer.
  const branch = chain.findIndex((link, i) => i > 0 && link.parent !== undefined && link.parent !== i - 1);
  const way = branch < 0 ? chain : chain.slice(0, branch);
  const kinds = new Set(way.map((link) => link.kind)).size;
  const site = chain[0]?.note?.startsWith('in ') ? 0 : 1;
  return kinds * 1e3 + site * 500 + Math.min(400, blockedNs / 1e9);
}

/** `job0 … job499` */
interface Fold {
  readonly waits: TaskWait[];
  readonly call: string;
}

const FOLDED_SHOWN = 12;
const NARROWEST_NAME = 16;

/**
 * Waits as lines. @param all each task on its own line
 */
export function waitLines(waits: readonly TaskWait[], style: Style, indent: string, all: boolean): string[] {
  const folds = all ? waits.map((wait) => ({ waits: [wait], call: callOf(wait) })) : folded(waits);
  const shown = all ? folds : folds.slice(0, FOLDED_SHOWN);
  const cells = shown.map((fold) => [nameOf(fold), lengthOf(fold), fold.call, idsOf(fold)] as const);
  const widths = [0, 1, 2].map((i) => Math.max(...cells.map((row) => textWidth(row[i])), 0));
  const room = widthOf(style) - indent.length;
  const plainWidth = widths[0] + widths[1] + widths[2] + 4;
  const withIds = plainWidth + 2 + Math.max(...cells.map((row) => row[3].length)) <= room;
  const nameWidth = Math.min(widths[0], Math.max(NARROWEST_NAME, widths[0] - Math.max(0, plainWidth - room)));
  const lines = cells.map(([name, length, call, ids]) => {
    const head = `${padTo(clip(name, nameWidth), nameWidth)}  ${length.padStart(widths[1])}  ${padTo(call, widths[2])}`;
    return `${indent}${withIds ? `${head}  ${style.dim(ids)}` : clip(head.trimEnd(), room)}`;
  });
  const rest = folds.slice(shown.length).reduce((sum, fold) => sum + fold.waits.length, 0);
  return rest > 0 ? [...lines, `${indent}and ${formatCount(rest)} more tasks (--all)`] : lines;
}

function folded(waits: readonly TaskWait[]): Fold[] {
  const folds = new Map<string, Fold>();
  for (const wait of waits) {
    const call = callOf(wait);
    const key = `${stableTaskName(wait.task)}\u0000${call}`;
    const fold = folds.get(key);
    if (fold) fold.waits.push(wait);
    else folds.set(key, { waits: [wait], call });
  }
  return [...folds.values()];
}

function callOf({ api, findings: [finding] }: TaskWait): string {
  const [, next] = finding.chain;
  const lock = next?.kind === 'lock' ? printable(next.name) : '';
  const call = api === undefined ? '' : `in ${printable(api)}()`;
  return [call, lock === '' ? '' : `for ${lock}`].filter((part) => part !== '').join(' ');
}

function nameOf({ waits }: Fold): string {
  const names = [...new Set(waits.map(({ task, tid }) => `${task}:${tid}`))];
  if (names.length <= 2) return printable(names.join(', '));
  const sorted = waits.map(({ task }) => task).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const [first, last] = [sorted[0], sorted[sorted.length - 1]];
  const span = first === last ? first : `${first} … ${last}`;
  return `${printable(span)}: ${formatCount(names.length)} tasks`;
}

function lengthOf({ waits }: Fold): string {
  const lengths = waits.map(({ blockedNs }) => blockedNs);
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)].map(formatDuration);
  if (shortest === longest) return longest;
  const unit = longest.slice(longest.indexOf(' '));
  return shortest.endsWith(unit) ? `${shortest.slice(0, -unit.length)}–${longest}` : `${shortest} – ${longest}`;
}

function idsOf({ waits }: Fold): string {
  const ids = [...new Set(waits.flatMap(({ findings }) => findings.map(({ id }) => id)))];
  return ids.length === 1 || ids.length === 2 ? ids[0] : `${ids[0]}, …`;
}
