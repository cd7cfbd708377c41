/**
 * SARIF 2.1.0 (OASIS): findings for code-scanning dashboards. A finding points at the capture and, when the kernel log proves it, at
 * the lines; events of binary captures are named in the message of a location. Ids go to partialFingerprints, so that a dashboard
 * recognises a finding in the next run.
 */
import {
  type Assessment,
  type CompareResult,
  FINDING_KINDS,
  type Finding,
  type FindingComparison,
  type FindingKind,
  kindRow,
  type RootCause,
  type RunInfo,
  type Severity,
} from '../../schema/index.ts';
import { rootsOfRuns } from '../replay/roots/roots.ts';

const SCHEMA_URI = 'https://json.schemastore.org/sarif-2.1.0.json';

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
};

/** More evidence than this hides what matters. */
const MAX_LOCATIONS = 20;

export interface SarifRun {
  readonly info: RunInfo;
  readonly findings: readonly Finding[];
  readonly assessments: readonly Assessment[];
}

/** @param version of quiesce */
export function sarifOfRuns(runs: readonly SarifRun[], version: string): unknown {
  return sarifLog(
    runs.map(({ info, findings, assessments }) => ({
      tool: tool(version),
      automationDetails: { id: `quiesce/${info.name}` },
      artifacts: info.captures.map(({ path, format }) => ({
        location: { uri: fileUri(path) },
        description: { text: format },
      })),
      results: rootedResults(findings, info),
      invocations: [
        {
          executionSuccessful: true,
          toolExecutionNotifications: assessments
            .filter(({ status }) => status !== 'assessed')
            .map(({ kind, status, missing, note }) => ({
              level: 'note',
              associatedRule: { id: kind, index: FINDING_KINDS.indexOf(kind) },
              message: { text: `${kind} ${status}: ${note} Missing: ${missing.join('; ') || 'nothing'}.` },
            })),
        },
      ],
    })),
  );
}

/** What became of the findings, as SARIF baseline states. @param version of quiesce */
export function sarifOfComparison({ findings, head }: CompareResult, version: string): unknown {
  const states = [
    [findings.appeared, 'new'],
    [findings.worse, 'updated'],
    [findings.remains, 'unchanged'],
    [findings.gone, 'absent'],
  ] as const;
  return sarifLog([
    {
      tool: tool(version),
      automationDetails: { id: 'quiesce/compare' },
      artifacts: head.runs.map(({ source }) => ({ location: { uri: fileUri(source) } })),
      results: states.flatMap(([list, baselineState]) =>
        list.map((finding) => comparedResult(finding, baselineState, head.runs[0]?.source)),
      ),
      invocations: [{ executionSuccessful: true }],
    },
  ]);
}

function sarifLog(runs: readonly unknown[]): unknown {
  return { $schema: SCHEMA_URI, version: '2.1.0', runs };
}

function tool(version: string): unknown {
  return {
    driver: {
      name: 'quiesce',
      semanticVersion: version,
      rules: FINDING_KINDS.map((kind) => {
        const { meaning, counterpart } = kindRow(kind);
        return {
          id: kind,
          name: pascalCase(kind),
          shortDescription: { text: meaning },
          fullDescription: {
            text: counterpart === '' ? meaning : `${meaning} The kernel says: ${counterpart}.`,
          },
          defaultConfiguration: { level: 'error' },
        };
      }),
    },
  };
}

function pascalCase(kind: FindingKind): string {
  return kind.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Results in the order of their root causes, each naming its own: dashboards group by a fingerprint. */
function rootedResults(found: readonly Finding[], info: RunInfo): unknown[] {
  const { roots, findings } = rootsOfRuns(found);
  const causes = roots.flatMap((root) => root.findings.map(() => root));
  return findings.map((finding, i) => result(finding, info, causes[i]));
}

function result(finding: Finding, info: RunInfo, root: RootCause): unknown {
  const { id, kind, severity, confidence, title, start_ns, end_ns, evidence, notes } = finding;
  const log = info.captures.find(({ format }) => /log|console/i.test(format)) ?? info.captures[0];
  const capture = info.captures.find((candidate) => candidate !== log) ?? info.captures[0];
  return {
    ruleId: kind,
    ruleIndex: FINDING_KINDS.indexOf(kind),
    level: LEVELS[severity],
    message: { text: [title, ...notes.map((note) => note.text)].join(' ') },
    partialFingerprints: { 'quiesceFinding/v1': id, 'quiesceRoot/v1': root.id },
    locations: [{ physicalLocation: { artifactLocation: { uri: fileUri(capture?.path ?? info.name) } } }],
    relatedLocations: evidence.slice(0, MAX_LOCATIONS).map((item, i) => ({
      id: i + 1,
      message: { text: 'line' in item ? item.role : `event ${item.event}: ${item.role}` },
      physicalLocation:
        'line' in item && item.line > 0
          ? { artifactLocation: { uri: fileUri(log?.path ?? info.name) }, region: { startLine: item.line } }
          : { artifactLocation: { uri: fileUri(capture?.path ?? info.name) } },
    })),
    properties: { confidence, start_ns, end_ns, run: info.name, root: root.id, rootCause: root.title },
  };
}

function comparedResult(finding: FindingComparison, baselineState: string, source: string | undefined): unknown {
  const { id, kind, severity, title, identity, base_runs, head_runs, base_ns, head_ns } = finding;
  return {
    ruleId: kind,
    ruleIndex: FINDING_KINDS.indexOf(kind),
    level: LEVELS[severity],
    baselineState,
    message: { text: title },
    partialFingerprints: { 'quiesceFinding/v1': id, 'quiesceIdentity/v1': identity },
    locations: [{ physicalLocation: { artifactLocation: { uri: fileUri(source ?? 'head') } } }],
    properties: { base_runs, head_runs, base_ns, head_ns },
  };
}

/** A path as a URI reference: relative paths stay relative. */
function fileUri(path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return path.startsWith('/') ? `file://${encoded}` : encoded;
}
