/** What makes a command end with status 1: findings of a severity, or new ones of it, or kinds that could not be decided. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type Assessment,
  FINDING_KINDS,
  type Finding,
  type FindingKind,
  fileProblem,
  identityOf,
  type Severity,
} from '../../../schema/index.ts';
import { looksLikeBaseline, readBaseline } from '../../compare/baseline-file.ts';
import { knownIdentities } from '../../query/across/findings-across.ts';
import { type Suppression, suppressionOf } from '../../report/replay/suppressions.ts';
import { isStoreFile } from '../../store/store-file.ts';
import { UsageError } from '../exit-status.ts';

const SEVERITIES: readonly Severity[] = ['info', 'warning', 'error'];

/** Whether `severity` is at least `limit`. */
export function reaches(severity: Severity, limit: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(limit);
}

export interface FailOn {
  readonly severity: Severity;
  /** Only what was not known before. */
  readonly onlyNew: boolean;
}

export interface GateOptions {
  readonly failOn?: FailOn;
  readonly against?: readonly string[];
  readonly require?: readonly FindingKind[];
}

/** @param before what `new` compares with where no --against is given */
export function addFailOn(command: Command, before: string): Command {
  return command
    .addOption(
      new Option(
        '--fail-on <severity>',
        `exit with status 1 when a finding is at least: info, warning, error; new:error and so on: one that was not known before (--against, or ${before})`,
      ).argParser(parseFailOn),
    )
    .option(
      '--against <file>',
      'what is known for --fail-on new:…: a store, a baseline, or a list of identities (quiesce findings --format list); may be repeated',
      (file: string, files: readonly string[] = []) => [...files, file],
    );
}

export function addRequire(command: Command): Command {
  return command.addOption(
    new Option(
      '--require <assessed:kind>',
      'exit with status 1 when the recording could not have shown this kind of finding; may be repeated',
    ).argParser(collectRequired),
  );
}

/** @throws InvalidArgumentError */
function parseFailOn(text: string): FailOn {
  const onlyNew = text.startsWith('new:');
  const severity = SEVERITIES.find((name) => name === text.replace(/^new:/, ''));
  if (severity === undefined)
    throw new InvalidArgumentError(`one of ${SEVERITIES.join(', ')} expected, or new: and one of them.`);
  return { severity, onlyNew };
}

/** @throws InvalidArgumentError */
function collectRequired(text: string, before: readonly FindingKind[] = []): readonly FindingKind[] {
  const kind = FINDING_KINDS.find((name) => text === `assessed:${name}`);
  if (kind === undefined)
    throw new InvalidArgumentError(`assessed: and a kind of finding expected, as in assessed:rcu-stall.`);
  return [...before, kind];
}

/** Identities that `--against` names. @throws UsageError, StoreError */
export function identitiesOf(files: readonly string[]): Set<string> {
  const known = new Set<string>();
  for (const file of files) for (const identity of identitiesIn(file)) known.add(identity);
  return known;
}

function identitiesIn(file: string): Iterable<string> {
  if (isStoreFile(file)) return knownIdentities(file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file}: ${fileProblem(error)}`);
  }
  if (looksLikeBaseline(text.slice(0, 256)))
    return readBaseline(file).flatMap(({ findings }) => findings.map(identityOf));
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Findings that make the command fail: neither suppressed nor, when only new ones count, known. */
export function failing(
  findings: readonly Finding[],
  failOn: FailOn,
  suppressions: readonly Suppression[] | undefined,
  known: ReadonlySet<string>,
): Finding[] {
  return findings.filter(
    (finding) =>
      reaches(finding.severity, failOn.severity) &&
      !(suppressions && suppressionOf(finding, suppressions)) &&
      !(failOn.onlyNew && known.has(identityOf(finding))),
  );
}

/** One line per kind that is required and was not decided. */
export function unmet(assessments: readonly Assessment[], required: readonly FindingKind[]): string[] {
  return required.flatMap((kind) => {
    const found = assessments.find((assessment) => assessment.kind === kind);
    if (found?.status === 'assessed') return [];
    const missing = found === undefined || found.missing.length === 0 ? '' : `; missing: ${found.missing.join('; ')}`;
    return [`required: ${kind} is ${found?.status ?? 'not-assessed'}${missing}`];
  });
}
