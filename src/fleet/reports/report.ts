/** What a named report is. */
import type { FleetReportColumn, FleetValue } from '../../../schema/index.ts';
import type { Label, Scope } from '../scope.ts';
import type { FleetSource } from '../sink.ts';

/** What the user asked beside the scope. */
export interface ReportOptions {
  readonly metrics?: readonly string[];
  readonly kinds?: readonly string[];
  /** Sides of a comparison. */
  readonly base?: readonly Label[];
  readonly head?: readonly Label[];
  /** Runs of a side of a comparison at most, the newest. */
  readonly newest?: number;
  /** Rows at most. */
  readonly limit?: number;
  readonly threshold?: number;
  readonly alpha?: number;
}

export interface ReportRows {
  readonly rows: readonly (readonly FleetValue[])[];
  readonly notes?: readonly string[];
}

export interface FleetReport {
  readonly name: string;
  /** What it answers, one sentence. */
  readonly title: string;
  readonly columns: readonly FleetReportColumn[];
  /** Rows at most, unless asked otherwise. */
  readonly limit: number;
  /** The same rows in the same order from every back end. */
  rows(source: FleetSource, scope: Scope, options: ReportOptions): Promise<ReportRows>;
}

export const column = (name: string, type: FleetReportColumn['type'], about: string): FleetReportColumn => ({
  name,
  type,
  about,
});

/** Order by code units, which no locale changes. */
export const byText = (a: FleetValue, b: FleetValue): number => (String(a) < String(b) ? -1 : a === b ? 0 : 1);

/** A share with as many digits as mean something. */
export const share = (part: number, whole: number): number => (whole === 0 ? 0 : Number((part / whole).toPrecision(4)));
