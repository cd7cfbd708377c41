/**
 * JUnit XML, as CI systems read it. Of a run: the cases of cases.ts, skipped where the capture could not decide them. Of a comparison: one
 * case per metric and per finding.
 */
import {
  type CompareResult,
  type FindingComparison,
  formatDuration,
  type MetricComparison,
} from '../../../schema/index.ts';
import { formatRatio } from '../../report/runs/compare-text.ts';
import { type Outcome, type RunVerdicts, suitesOf, type TestCase, type TestSuite } from './cases.ts';
import { xmlElement } from './xml.ts';

/** Findings of runs. @param known identities of other runs, whose cases pass where they are not found */
export function junitOfRuns(runs: readonly RunVerdicts[], known: Iterable<string> = []): string {
  const identities = [...known];
  return testSuites(runs.flatMap((run) => suitesOf(run, identities)));
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
