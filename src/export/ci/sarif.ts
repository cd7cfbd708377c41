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
  identityOf,
  kindRow,
  type RootCause,
  type RunInfo,
  rowOf,
  type Severity,
} from '../../../schema/index.ts';
import { rootsOfRuns } from '../../replay/roots/roots.ts';
import { relativeUri } from './paths.ts';

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

/**
 * @param version of quiesce
 * @param folder that paths are relative to
 */
export function sarifOfRuns(runs: readonly SarifRun[], version: string, folder = process.cwd()): unknown {
  return sarifLog(
    runs.map(({ info, findings, assessments }) => ({
      tool: tool(version),
      // Up to the last slash it is the category in which a dashboard compares one run with the next.
      automationDetails: {
        id: `quiesce/${info.name}/${info.run_id ?? ''}`,
        description: { text: `quiesce, ${info.name}` },
      },
      columnKind: 'utf16CodeUnits',
      artifacts: info.captures.map(({ path, format }) => ({
        location: { uri: relativeUri(path, folder) },
        description: { text: format },
      })),
      results: rootedResults(findings, info, folder),
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
export function sarifOfComparison({ findings, head }: CompareResult, version: string, folder = process.cwd()): unknown {
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
      artifacts: head.runs.map(({ source }) => ({ location: { uri: relativeUri(source, folder) } })),
      results: states.flatMap(([list, baselineState]) =>
        list.map((finding) => comparedResult(finding, baselineState, head.runs[0]?.source, folder)),
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
function rootedResults(found: readonly Finding[], info: RunInfo, folder: string): unknown[] {
  const { roots, findings } = rootsOfRuns(found);
  const causes = roots.flatMap((root) => root.findings.map(() => root));
  const firstOf = new Map<RootCause, string>();
  findings.forEach((finding, i) => {
    if (!firstOf.has(causes[i])) firstOf.set(causes[i], identityOf(finding));
  });
  return findings.map((finding, i) => result(finding, info, causes[i], firstOf.get(causes[i]) ?? '', folder));
}

function result(finding: Finding, info: RunInfo, root: RootCause, rootIdentity: string, folder: string): unknown {
  const fileUri = (path: string): string => relativeUri(path, folder);
  const { id, kind, severity, confidence, title, start_ns, end_ns, evidence, notes } = finding;
  const log = info.captures.find(({ format }) => /log|console/i.test(format)) ?? info.captures[0];
  const capture = info.captures.find((candidate) => candidate !== log) ?? info.captures[0];
  return {
    ruleId: kind,
    ruleIndex: FINDING_KINDS.indexOf(kind),
    level: LEVELS[severity],
    message: { text: [title, ...notes.map((note) => note.text)].join(' ') },
    partialFingerprints: {
      'quiesceIdentity/v1': identityOf(finding),
      'quiesceRootIdentity/v1': rootIdentity,
      'quiesceFinding/v1': id,
      'quiesceRoot/v1': root.id,
    },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: fileUri(capture?.path ?? info.name) } },
        logicalLocations: logicalLocations(finding),
      },
    ],
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

/** What of the kernel it is about: functions, lock classes, domains, tasks. */
function logicalLocations(finding: Finding): unknown[] {
  const { functions = [], locks = [], held = [], domain, tasks = [] } = rowOf(finding).identity(finding);
  const of = (kind: string, names: readonly string[]): unknown[] =>
    [...new Set(names)].map((name) => ({ name, fullyQualifiedName: `${kind}/${name}`, kind }));
  return [
    ...of('function', functions),
    ...of('lockClass', [...locks, ...held]),
    ...of('domain', domain === undefined ? [] : [domain]),
    ...of('task', tasks),
  ].slice(0, MAX_LOCATIONS);
}

function comparedResult(
  finding: FindingComparison,
  baselineState: string,
  source: string | undefined,
  folder: string,
): unknown {
  const { id, kind, severity, title, identity, base_runs, head_runs, base_ns, head_ns } = finding;
  return {
    ruleId: kind,
    ruleIndex: FINDING_KINDS.indexOf(kind),
    level: LEVELS[severity],
    baselineState,
    message: { text: title },
    partialFingerprints: { 'quiesceFinding/v1': id, 'quiesceIdentity/v1': identity },
    locations: [{ physicalLocation: { artifactLocation: { uri: relativeUri(source ?? 'head', folder) } } }],
    properties: { base_runs, head_runs, base_ns, head_ns },
  };
}
