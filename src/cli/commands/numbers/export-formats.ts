/** What `quiesce export` writes: one row per format. */
import { packageVersion } from '../../../../schema/index.ts';
import { ChromeTarget } from '../../../export/chrome/chrome-target.ts';
import { githubOfRuns } from '../../../export/ci/github.ts';
import { junitOfRuns } from '../../../export/ci/junit.ts';
import { type SarifRun, sarifOfRuns } from '../../../export/ci/sarif.ts';
import { tapOfRuns } from '../../../export/ci/tap.ts';
import { PerfettoTarget } from '../../../export/perfetto/perfetto-target.ts';
import { exportRun } from '../../../export/run-export.ts';
import type { RunTarget } from '../../../export/run-target.ts';
import type { ExportSelection } from '../../../export/selection.ts';
import { stacksOfRun } from '../../../export/stacks/stack-export.ts';
import { writeFolded, writeSpeedscope } from '../../../export/stacks/stack-formats.ts';
import type { StackMetric } from '../../../export/stacks/stack-metrics.ts';
import type { WeightedStacks } from '../../../export/stacks/weighted-stacks.ts';
import { findingSvg, type PictureKind } from '../../../export/svg/finding-svg.ts';
import { knownIdentities } from '../../../query/across/findings-across.ts';
import { rootsOf } from '../../../replay/roots/roots.ts';
import type { Graphviz } from '../../../report/graph/svg-of-dot.ts';
import { StoreReader } from '../../../store/run-reader.ts';
import { UsageError } from '../../exit-status.ts';
import { identitiesOf } from '../../options/gate.ts';
import type { Sink } from '../../terminal/output-file.ts';

export interface ExportRequest {
  /** The store. */
  readonly path: string;
  readonly run?: number;
  /** What of the run; formats that show findings alone do not ask. */
  readonly selection: ExportSelection;
  /** What a flame graph is of. */
  readonly metric: StackMetric;
  /** Files of known identities; missing: those of the store. */
  readonly against?: readonly string[];
  /** What a picture is of: a finding by its id, and how it is drawn. */
  readonly finding?: string;
  readonly picture: PictureKind;
  /** Loaded, where a picture needs it. */
  readonly graphviz?: Graphviz;
}

/** Options that only some formats know. */
export type ExportOption = 'from' | 'to' | 'cpu' | 'only' | 'metric' | 'against' | 'finding' | 'picture';

export interface ExportFormat {
  readonly title: string;
  readonly options?: readonly ExportOption[];
  /** It shows one run: the latest, when none is asked for. */
  readonly ofOneRun?: boolean;
  /**
   * @returns sentences for the user about what the file lacks
   * @throws StoreError, UsageError when the store has no such run, or a run was never replayed
   */
  readonly write: (request: ExportRequest, sink: Sink) => readonly string[];
}

interface ExportedRun extends SarifRun {
  readonly name: string;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;

const ofFindings =
  (render: (runs: readonly ExportedRun[], known: Iterable<string>) => string): ExportFormat['write'] =>
  ({ path, run, against }, sink) => {
    sink(render(readRuns(path, run), against === undefined ? knownIdentities(path) : identitiesOf(against)));
    return [];
  };

const SELECTION = ['from', 'to', 'cpu', 'only'] as const;

/** A viewer's file of one run. */
const ofRun =
  (target: (sink: Sink) => RunTarget): ExportFormat['write'] =>
  ({ path, run, selection }, sink) => {
    const { leftOut } = exportRun(path, run, selection, target(sink));
    if (leftOut === 0) return [];
    const left = leftOut === 1 ? '1 event belongs' : `${leftOut} events belong`;
    return [`${left} to no CPU, or to one that the viewer cannot show, and ${leftOut === 1 ? 'is' : 'are'} left out`];
  };

/** A flame graph of one run. */
const ofStacks =
  (render: (stacks: WeightedStacks, title: string, out: (text: string) => void) => void): ExportFormat['write'] =>
  ({ path, run, selection, metric }, sink) => {
    const { run: name, stacks } = stacksOfRun(path, run, selection, metric);
    render(stacks, `${name}: ${metric.title}`, sink);
    return stacks.entries().length > 0 ? [] : [`${name} has no ${metric.title}`];
  };

const OF_STACKS = ['from', 'to', 'metric'] as const;

export const EXPORT_FORMATS: Readonly<Record<string, ExportFormat>> = {
  perfetto: {
    title: 'Perfetto trace for https://ui.perfetto.dev and trace_processor',
    options: SELECTION,
    ofOneRun: true,
    write: ofRun((sink) => new PerfettoTarget(sink)),
  },
  'chrome-json': {
    title: "Chrome's trace event format, for viewers that do not read Perfetto traces: no single events",
    options: SELECTION,
    ofOneRun: true,
    write: ofRun((sink) => new ChromeTarget(sink)),
  },
  folded: {
    title: 'folded stacks for flamegraph.pl and inferno; --metric says of what',
    options: OF_STACKS,
    ofOneRun: true,
    write: ofStacks((stacks, _title, out) => writeFolded(stacks, out)),
  },
  speedscope: {
    title: 'the same for https://www.speedscope.app',
    options: OF_STACKS,
    ofOneRun: true,
    write: ofStacks((stacks, title, out) => writeSpeedscope(stacks, title, `quiesce ${packageVersion()}`, out)),
  },
  svg: {
    title: 'a picture of one finding for mails, docs and slides; --finding says of which, --picture how',
    options: ['from', 'to', 'finding', 'picture'],
    ofOneRun: true,
    write: ({ path, run, finding, picture, selection, graphviz }, sink) => {
      const { fromNs, toNs } = selection;
      const bounds = {
        ...(Number.isFinite(fromNs) && { fromNs }),
        ...(Number.isFinite(toNs) && { toNs }),
      };
      const which = { ...(finding !== undefined && { finding }), ...(run !== undefined && { run }) };
      sink(findingSvg(path, graphviz, { picture, ...which, ...bounds }));
      return [];
    },
  },
  junit: {
    title: 'JUnit XML: a case per kind of finding, skipped where nothing could be decided, and one per problem',
    options: ['against'],
    write: ofFindings((runs, known) => junitOfRuns(runs, known)),
  },
  tap: {
    title: 'TAP version 14: the same cases, one line each',
    options: ['against'],
    write: ofFindings((runs, known) => tapOfRuns(runs, known)),
  },
  sarif: {
    title: 'SARIF 2.1.0: findings for code-scanning dashboards; paths relative to this folder',
    write: ofFindings((runs) => json(sarifOfRuns(runs, packageVersion(), process.cwd()))),
  },
  github: {
    title: 'annotations of GitHub Actions: one per root cause, to be printed by a step',
    write: ofFindings((runs) => githubOfRuns(runs, process.cwd())),
  },
  json: {
    title: 'runs, findings and assessments (quiesce.export/1)',
    write: ofFindings((runs) =>
      json({
        schema: 'quiesce.export/1',
        runs: runs.map(({ info, assessments, findings }) => ({ run: info, assessments, ...rootsOf(findings) })),
      }),
    ),
  },
};

function readRuns(db: string, run: number | undefined): ExportedRun[] {
  const reader = new StoreReader(db);
  try {
    const ids = run === undefined ? reader.runIds() : [run];
    return ids.map((id) => {
      const info = reader.runInfo(id);
      if (!reader.settings(id).replayed)
        throw new UsageError(`${db}: run ${id} was never replayed; run: quiesce replay ${db} --run ${id}`);
      return { name: info.name, info, findings: reader.findings(id), assessments: reader.assessments(id) };
    });
  } finally {
    reader.close();
  }
}
