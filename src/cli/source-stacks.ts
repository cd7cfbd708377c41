/** The stacks behind the findings of a replay, with their lines of the source. */
import type { ReplayResult } from '../../schema/index.ts';
import { explainFinding } from '../query/explain.ts';
import { QueryConnection } from '../query/user-sql.ts';
import type { SourceStack } from '../report/replay/replay-text.ts';
import { linesOfFrames, type SourceOptions } from './options/source-options.ts';

interface FindingStack {
  readonly title: string;
  readonly frames: readonly string[];
}

/**
 * One stack per root cause, and the lines of all frames.
 * @throws SymbolsError
 */
export function withSources(
  result: ReplayResult,
  options: SourceOptions,
): { readonly sources?: Readonly<Record<string, string>>; readonly stacks: readonly SourceStack[] } {
  if (options.vmlinux === undefined && options.modules === undefined) return { stacks: [] };
  const found = result.db === null ? [] : stacksOfStore(result, result.db);
  const inLog = result.roots.flatMap(({ findings }) => findings.flatMap((id) => stackOfLog(result, id)));
  const stacks = [...found, ...inLog];
  const lines = linesOfFrames(
    options,
    stacks.flatMap(({ frames }) => frames),
    result.run.kernel,
  );
  if (lines === undefined) return { stacks: [] };
  const seen = new Set<string>();
  const told = stacks.flatMap(({ title, frames }): SourceStack[] => {
    const placed = frames.flatMap((frame) => ({ frame, line: lines.get(frame) ?? '' }));
    const key = frames.join(' ');
    if (seen.has(key) || placed.every(({ line }) => line === '')) return [];
    seen.add(key);
    return [{ title, frames: placed }];
  });
  return { sources: Object.fromEntries(lines), stacks: told };
}

function stackOfLog({ findings }: ReplayResult, id: string): FindingStack[] {
  const finding = findings.find((other) => other.id === id);
  const frames = finding?.evidence.flatMap((item) => ('stack' in item ? (item.stack ?? []) : [])) ?? [];
  return finding && frames.length > 0 ? [{ title: finding.title, frames }] : [];
}

/** Frames of events are in the store alone. */
function stacksOfStore({ roots, run }: ReplayResult, path: string): FindingStack[] {
  const connection = new QueryConnection(path);
  try {
    return roots.flatMap(({ findings, run_id = run.run_id }) =>
      findings.flatMap((id) => {
        const { finding, events } = explainFinding(connection, id, run_id);
        return events
          .filter(({ stack }) => stack.length > 0)
          .map(({ stack }) => ({ title: finding.title, frames: stack }));
      }),
    );
  } finally {
    connection.close();
  }
}
