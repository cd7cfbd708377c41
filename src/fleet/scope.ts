/** Which runs a report is about. */
import { FLEET_TABLES, type FleetTableName } from '../../schema/index.ts';
import type { DaySpan, Dialect } from './sink.ts';

export interface Scope extends DaySpan {
  /** All of these must be among the labels of the run. */
  readonly labels?: readonly Label[];
}

export interface Label {
  readonly key: string;
  readonly value: string;
}

/** `kernel=6.12,job=boot`, as a user writes it. */
export function labelsName(labels: readonly Label[]): string {
  return labels.map(({ key, value }) => `${key}=${value}`).join(',');
}

/**
 * WHERE of a table: the scope, and what the report adds.
 * @param more conditions on columns of the table
 */
export function where(dialect: Dialect, table: FleetTableName, scope: Scope, ...more: readonly string[]): string {
  const conditions = [...dayConditions(dialect, scope), ...more];
  const labels = labelConditions(dialect, scope);
  if (labels.length > 0) {
    const own = FLEET_TABLES[table].columns.some(({ name }) => name === 'labels');
    const inRuns = `run ${dialect.inAll} (SELECT run FROM ${dialect.table('run')} WHERE ${[...dayConditions(dialect, scope), ...labels].join(' AND ')})`;
    conditions.push(...(own ? labels : [inRuns]));
  }
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

function dayConditions(dialect: Dialect, { since, until }: DaySpan): string[] {
  return [
    ...(since === undefined ? [] : [`day >= ${dialect.text(since)}`]),
    ...(until === undefined ? [] : [`day <= ${dialect.text(until)}`]),
  ];
}

function labelConditions(dialect: Dialect, { labels = [] }: Scope): string[] {
  return labels.map(({ key, value }) => dialect.contains('labels', `\n${key}=${value}\n`));
}

/** `metric IN ('rcu-gp', 'nmi')`. */
export function oneOf(dialect: Dialect, column: string, values: readonly string[]): string {
  return `${column} IN (${values.map((value) => dialect.text(value)).join(', ')})`;
}
