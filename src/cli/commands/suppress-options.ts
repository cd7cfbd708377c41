/** `--suppress`: known issues, for the verbs that print findings. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fileProblem } from '../../../schema/index.ts';
import { parseSuppressions, type Suppression } from '../../report/suppressions.ts';
import { UsageError } from '../exit-status.ts';

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
 * The entries of all files; undefined when none is given.
 * @throws UsageError when a file cannot be read, or does not say what it should
 */
export function suppressionsOf({ suppress }: SuppressOptions): readonly Suppression[] | undefined {
  return suppress?.flatMap((file) => {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      throw new UsageError(`${file}: ${fileProblem(error)}`);
    }
    return parseSuppressions(text, file);
  });
}
