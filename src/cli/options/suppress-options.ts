/** `--suppress`: known issues, for the verbs that print findings. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fileProblem } from '../../../schema/index.ts';
import { hasExpired, parseSuppressions, type Suppression } from '../../report/replay/suppressions.ts';
import { UsageError } from '../exit-status.ts';
import type { Streams } from '../terminal/output.ts';

export interface SuppressOptions {
  readonly suppress?: readonly string[];
  readonly showSuppressed?: boolean;
}

/** For verbs that only count them. */
export function addSuppressFiles(command: Command): Command {
  return command.option(
    '--suppress <file>',
    'known issues, which are counted and not shown (docs/SUPPRESS.md); may be repeated',
    (file: string, files: readonly string[] = []) => [...files, file],
  );
}

export function addSuppressOptions(command: Command): Command {
  return addSuppressFiles(command).option('--show-suppressed', 'show the known issues as well, marked');
}

/**
 * The entries of all files; undefined when none is given. Those that have expired are told and match nothing.
 * @throws UsageError when a file cannot be read, or does not say what it should
 */
export function suppressionsOf(
  { suppress }: SuppressOptions,
  { err }: Pick<Streams, 'err'>,
): readonly Suppression[] | undefined {
  return suppress?.flatMap((file) => {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      throw new UsageError(`${file}: ${fileProblem(error)}`);
    }
    const entries = parseSuppressions(text, file);
    entries.forEach((entry, i) => {
      if (!hasExpired(entry)) return;
      const owner = entry.owner === undefined ? '' : ` (${entry.owner})`;
      err(
        `quiesce: ${file}: suppressions[${i}]${owner} expired on ${entry.expires} and holds no longer: ${entry.reason}\n`,
      );
    });
    return entries;
  });
}
