/** The named reports of a fleet. */
import type { FleetReportResult } from '../../../schema/index.ts';
import type { Scope } from '../scope.ts';
import { FleetRequestError, type FleetSource } from '../sink.ts';
import { COVERAGE_REPORT, DAYS_REPORT, SLOWEST_REPORT } from './coverage.ts';
import { FINDINGS_REPORT, ROOTS_REPORT } from './findings.ts';
import { GRACE_PERIOD_REPORT, SLOWEST_HOSTS } from './latencies.ts';
import { REGRESSIONS_REPORT } from './regressions.ts';
import type { FleetReport, ReportOptions } from './report.ts';

/** In the order in which they are listed. */
export const FLEET_REPORTS: readonly FleetReport[] = [
  GRACE_PERIOD_REPORT,
  FINDINGS_REPORT,
  ROOTS_REPORT,
  REGRESSIONS_REPORT,
  SLOWEST_HOSTS,
  SLOWEST_REPORT,
  COVERAGE_REPORT,
  DAYS_REPORT,
];

/** @throws FleetRequestError */
export function fleetReport(name: string): FleetReport {
  const report = FLEET_REPORTS.find((one) => one.name === name);
  if (report) return report;
  throw new FleetRequestError(
    `no report is named '${name}'; reports: ${FLEET_REPORTS.map((one) => one.name).join(', ')}`,
  );
}

/** Asks a fleet. @throws FleetError, FleetRequestError */
export async function runFleetReport(
  source: FleetSource,
  name: string,
  scope: Scope = {},
  options: ReportOptions = {},
): Promise<FleetReportResult> {
  const report = fleetReport(name);
  const { rows, notes = [] } = await report.rows(source, scope, options);
  const limit = options.limit ?? report.limit;
  return {
    schema: 'quiesce.fleet-report/1',
    report: name,
    columns: report.columns,
    rows: rows.slice(0, limit),
    notes: rows.length > limit ? [...notes, `${rows.length - limit} more rows; --limit shows them`] : notes,
  };
}
