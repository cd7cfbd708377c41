/**
 * JUnit XML, as CI systems read it. Of a run: one test case per kind of finding, failed when there are findings, skipped when the
 * capture could not decide it. Of a comparison: one case per metric and per finding.
 */
import {
  type Assessment,
  type CompareResult,
  FINDING_KINDS,
  type Finding,
  type FindingComparison,
  formatDuration,
  type MetricComparison,
} from '../../schema/index.ts';
import { rootsOfRuns } from '../replay/roots/roots.ts';
import { formatRatio } from '../report/compare-text.ts';
import { findingLines } from '../report/finding-text.ts';
import { PLAIN } from '../report/style.ts';
import { xmlElement } from './xml.ts';

/** What was found in one run. */
export interface RunVerdicts {
  readonly name: string;
  readonly findings: readonly Finding[];
  readonly assessments: readonly Assessment[];
}

type Outcome =
  | { readonly state: 'passed' }
  | { readonly state: 'skipped'; readonly message: string }
  | { readonly state: 'failed'; readonly type: string; readonly message: string; readonly text: string };

interface TestCase {
  readonly className: string;
  readonly name: string;
  readonly outcome: Outcome;
}

/** Findings of runs. Informational ones do not fail a case. */
export function junitOfRuns(runs: readonly RunVerdicts[]): string {
  return testSuites(
    runs.map((run) => ({
      name: run.name,
      cases: runCases(run),
    })),
  );
}

/** Failures under their root causes, worst first; then the kinds of which there are none. */
function runCases(run: RunVerdicts): TestCase[] {
  const { roots, findings } = rootsOfRuns(run.findings);
  const titles = roots.flatMap((root) => root.findings.map(() => root.title));
  const failed = findings.flatMap((finding, i) =>
    finding.severity === 'info' ? [] : [findingFailure(finding, titles[i])],
  );
  const failedKinds = new Set(failed.map(({ className }) => className));
  return [
    ...failed,
    ...FINDING_KINDS.flatMap((kind) => (failedKinds.has(`quiesce.${kind}`) ? [] : [quietCase(kind, run)])),
  ];
}

function findingFailure(finding: Finding, rootTitle: string): TestCase {
  return {
    className: `quiesce.${finding.kind}`,
    name: finding.id,
    outcome: {
      state: 'failed',
      type: finding.kind,
      message: finding.title,
      text: [`root cause: ${rootTitle}`, ...findingLines(finding, PLAIN)].join('\n'),
    },
  };
}

function quietCase(kind: Finding['kind'], { assessments }: RunVerdicts): TestCase {
  const assessment = assessments.find((candidate) => candidate.kind === kind);
  const undecided = assessment?.status === 'not-assessed';
  const outcome: Outcome = undecided
    ? { state: 'skipped', message: `not assessed: ${assessment.note} (missing: ${assessment.missing.join('; ')})` }
    : { state: 'passed' };
  return { className: `quiesce.${kind}`, name: `no ${kind}`, outcome };
}

/** A comparison. Regressed metrics and findings that appeared or got worse fail. */
export function junitOfComparison(result: CompareResult): string {
  const { appeared, worse, gone, remains } = result.findings;
  return testSuites([
    {
      name: 'quiesce compare metrics',
      cases: result.metrics.map((metric) => ({
        className: 'quiesce.metric',
        name: metric.label === undefined ? metric.metric : `${metric.metric} ${metric.label}`,
        outcome: metricOutcome(metric),
      })),
    },
    {
      name: 'quiesce compare findings',
      cases: [
        ...appeared.map((finding) => findingCase(finding, 'appeared')),
        ...worse.map((finding) => findingCase(finding, 'worse')),
        ...[...gone, ...remains].map((finding) => findingCase(finding, undefined)),
      ],
    },
  ]);
}

function metricOutcome(metric: MetricComparison): Outcome {
  if (metric.verdict === 'too-few') return { state: 'skipped', message: metric.note };
  if (metric.verdict !== 'regressed') return { state: 'passed' };
  const ratio = `${metric.statistic} ×${formatRatio(metric.ratio ?? 1)}`;
  const side = (name: 'base' | 'head') => {
    const { n, p50, p99, max } = metric[name];
    return `${name}: n ${n}, p50 ${formatDuration(p50 ?? 0)}, p99 ${formatDuration(p99 ?? 0)}, max ${formatDuration(max ?? 0)}`;
  };
  const interval = metric.ci95 === null ? '' : `, 95 % ${metric.ci95.map(formatRatio).join('–')}`;
  return {
    state: 'failed',
    type: 'regressed',
    message: `${metric.label ?? metric.metric} is slower: ${ratio}`,
    text: [
      side('base'),
      side('head'),
      `${ratio}${interval}, p ${(metric.p_value ?? 1).toPrecision(2)} corrected`,
      metric.note,
    ]
      .filter(Boolean)
      .join('\n'),
  };
}

function findingCase(finding: FindingComparison, problem: 'appeared' | 'worse' | undefined): TestCase {
  const failed = problem !== undefined && finding.severity !== 'info';
  return {
    className: `quiesce.${finding.kind}`,
    name: finding.identity,
    outcome: failed
      ? { state: 'failed', type: problem, message: finding.title, text: finding.id }
      : { state: 'passed' },
  };
}

interface TestSuite {
  readonly name: string;
  readonly cases: readonly TestCase[];
}

function counts(cases: readonly TestCase[]): Record<string, number> {
  const of = (state: Outcome['state']) => cases.filter(({ outcome }) => outcome.state === state).length;
  return { tests: cases.length, failures: of('failed'), errors: 0, skipped: of('skipped') };
}

function testSuites(suites: readonly TestSuite[]): string {
  const elements = suites.map(({ name, cases }) =>
    xmlElement('testsuite', { name, ...counts(cases) }, cases.map(testCase)),
  );
  const all = suites.flatMap(({ cases }) => cases);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement('testsuites', { name: 'quiesce', ...counts(all) }, elements)}\n`;
}

function testCase({ className, name, outcome }: TestCase): string {
  const attributes = { classname: className, name };
  switch (outcome.state) {
    case 'passed':
      return xmlElement('testcase', attributes);
    case 'skipped':
      return xmlElement('testcase', attributes, [xmlElement('skipped', { message: outcome.message })]);
    case 'failed':
      return xmlElement('testcase', attributes, [
        xmlElement('failure', { type: outcome.type, message: outcome.message }, outcome.text),
      ]);
  }
}
