/** What `quiesce export` writes: one row per format. */
import { junitOfRuns } from '../../export/junit.ts';
import { type SarifRun, sarifOfRuns } from '../../export/sarif.ts';
import { rootsOf } from '../../replay/roots/roots.ts';
import { StoreReader } from '../../store/run-reader.ts';
import { UsageError } from '../exit-status.ts';
import type { Sink } from '../output-file.ts';
import { packageVersion } from '../package-version.ts';

export interface ExportRequest {
  /** The store. */
  readonly path: string;
  readonly run?: number;
}

/** Options that only some formats know. */
export type ExportOption = 'from' | 'to' | 'cpu' | 'only' | 'metric';

export interface ExportFormat {
  readonly title: string;
  readonly options?: readonly ExportOption[];
  /** It shows one run: the latest, when none is asked for. */
  readonly ofOneRun?: boolean;
  /** @throws StoreError, UsageError when the store has no such run, or a run was never replayed */
  readonly write: (request: ExportRequest, sink: Sink) => void;
}

interface ExportedRun extends SarifRun {
  readonly name: string;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;

const ofFindings =
  (render: (runs: readonly ExportedRun[]) => string): ExportFormat['write'] =>
  ({ path, run }, sink) =>
    sink(render(readRuns(path, run)));

export const EXPORT_FORMATS: Readonly<Record<string, ExportFormat>> = {
  junit: {
    title: 'JUnit XML: one test case per kind of finding, skipped where the capture could not decide it',
    write: ofFindings(junitOfRuns),
  },
  sarif: {
    title: 'SARIF 2.1.0: findings for code-scanning dashboards',
    write: ofFindings((runs) => json(sarifOfRuns(runs, packageVersion()))),
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
