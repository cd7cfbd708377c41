/**
 * What a run is asked, as test cases with names that stay: one per kind of finding, and one per problem, by its identity. JUnit and TAP print
 * the same ones.
 */
import { type Assessment, FINDING_KINDS, type Finding, type FindingKind, identityOf } from '../../../schema/index.ts';
import { rootsOfRuns } from '../../replay/roots/roots.ts';
import { findingLines } from '../../report/replay/finding-text.ts';
import { PLAIN } from '../../report/text/style.ts';
import { printable } from '../../report/text/text-format.ts';

/** What was found in one run. */
export interface RunVerdicts {
  readonly name: string;
  readonly findings: readonly Finding[];
  readonly assessments: readonly Assessment[];
}

export type Outcome =
  | { readonly state: 'passed' }
  | { readonly state: 'skipped'; readonly message: string }
  | { readonly state: 'failed'; readonly type: string; readonly message: string; readonly text: string };

export interface TestCase {
  readonly className: string;
  readonly name: string;
  readonly outcome: Outcome;
}

export interface TestSuite {
  readonly name: string;
  readonly cases: readonly TestCase[];
}

/** Lines of one case: a storm may have thousands of findings of one identity. */
const MOST_TEXTS = 20;

/**
 * Suites of a run: its kinds; then a suite per root cause, worst first, with a case per identity; then what is known and did not happen.
 * Informational findings fail nothing.
 * @param known identities of other runs, so that their cases pass here
 */
export function suitesOf(run: RunVerdicts, known: Iterable<string> = []): TestSuite[] {
  const { roots, findings } = rootsOfRuns(run.findings);
  let at = 0;
  const rootSuites = roots.map((root): TestSuite => {
    const own = findings.slice(at, at + root.findings.length);
    at += own.length;
    return { name: `${run.name}: ${identityOf(own[0])}`, cases: identityCases(own, root.title) };
  });
  const here = new Set(findings.map(identityOf));
  const absent = [...new Set(known)].filter((identity) => !here.has(identity)).sort();
  return [
    { name: run.name, cases: FINDING_KINDS.map((kind) => kindCase(kind, run)) },
    ...rootSuites,
    ...(absent.length === 0
      ? []
      : [{ name: `${run.name}: known`, cases: absent.map((identity) => absentCase(identity, run)) }]),
  ];
}

function identityCases(findings: readonly Finding[], rootTitle: string): TestCase[] {
  const byIdentity = new Map<string, Finding[]>();
  for (const finding of findings) {
    const identity = identityOf(finding);
    const same = byIdentity.get(identity);
    if (same) same.push(finding);
    else byIdentity.set(identity, [finding]);
  }
  return [...byIdentity].map(([identity, same]) => ({
    className: `quiesce.${same[0].kind}`,
    name: identity,
    outcome: failure(same, rootTitle),
  }));
}

function failure(findings: readonly Finding[], rootTitle: string | undefined): Outcome {
  const serious = findings.filter(({ severity }) => severity !== 'info');
  if (serious.length === 0) return { state: 'passed' };
  const [first] = serious;
  const rest = serious.length - MOST_TEXTS;
  return {
    state: 'failed',
    type: first.kind,
    message: first.title,
    text: [
      ...(rootTitle === undefined ? [] : [`root cause: ${printable(rootTitle)}`]),
      ...serious.slice(0, MOST_TEXTS).flatMap((finding) => findingLines(finding, PLAIN)),
      ...(rest > 0 ? [`and ${rest} more`] : []),
    ].join('\n'),
  };
}

function kindCase(kind: FindingKind, { findings, assessments }: RunVerdicts): TestCase {
  const own = findings.filter((finding) => finding.kind === kind && finding.severity !== 'info');
  const outcome: Outcome =
    own.length === 0
      ? undecided(kind, assessments)
      : {
          state: 'failed',
          type: kind,
          message: own.length === 1 ? own[0].title : `${own.length} findings, the first: ${own[0].title}`,
          text: own
            .slice(0, MOST_TEXTS)
            .map(({ id, title }) => `${id}: ${printable(title)}`)
            .join('\n'),
        };
  return { className: 'quiesce', name: kind, outcome };
}

/** Silence is an answer only where the recording could give another. */
function undecided(kind: FindingKind, assessments: readonly Assessment[]): Outcome {
  const assessment = assessments.find((candidate) => candidate.kind === kind);
  if (assessment?.status !== 'not-assessed') return { state: 'passed' };
  const missing = assessment.missing.length > 0 ? ` (missing: ${assessment.missing.join('; ')})` : '';
  return { state: 'skipped', message: `not assessed: ${assessment.note}${missing}` };
}

/** An identity begins with its kind. */
function absentCase(identity: string, { assessments }: RunVerdicts): TestCase {
  const [first] = identity.split(' ');
  const kind = FINDING_KINDS.find((name) => name === first);
  return {
    className: `quiesce.${kind ?? 'finding'}`,
    name: identity,
    outcome: kind === undefined ? { state: 'passed' } : undecided(kind, assessments),
  };
}
