/** Options that the verbs of `quiesce fleet` share. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { FINDING_KINDS, METRIC_NAMES } from '../../../../schema/index.ts';
import type { Label, Scope } from '../../../fleet/index.ts';
import { UsageError } from '../../exit-status.ts';
import { parseLabels } from '../../options/labels.ts';

export interface FleetOptions {
  readonly to: string;
  readonly since?: string;
  readonly until?: string;
  readonly label?: readonly Label[];
}

export const addTarget = (command: Command): Command =>
  command.requiredOption('--to <target>', 'folder of a Parquet lake, or clickhouse://host:port/database');

export function addScope(command: Command): Command {
  return command
    .addOption(
      new Option('--since <day>', 'runs ingested from this day on: 2026-12-01, or 30d').argParser(checked(day)),
    )
    .addOption(new Option('--until <day>', 'up to and including this day').argParser(checked(day)))
    .addOption(labelOption('--label <key=value,...>', 'only runs with these labels; kernel and host always are'));
}

export const labelOption = (flags: string, about: string): Option =>
  new Option(flags, about).argParser(checked(labels));

export const metricOption = (): Option =>
  new Option('--metric <names>', 'these latencies, separated by commas').argParser(
    checked(namesFrom('metric', METRIC_NAMES)),
  );

export const kindOption = (flags: string, about: string): Option =>
  new Option(flags, about).argParser(checked(namesFrom('kind', FINDING_KINDS)));

/** A whole number above 0. */
export const countOption = (flags: string, about: string): Option =>
  new Option(flags, about).argParser(
    checked((text: string) => {
      const count = Number(text);
      if (!Number.isSafeInteger(count) || count < 1) throw new UsageError(`${text}: a number above 0 expected`);
      return count;
    }),
  );

export const scopeOf = ({ since, until, label }: FleetOptions): Scope => ({
  ...(since !== undefined && { since }),
  ...(until !== undefined && { until }),
  ...(label !== undefined && { labels: label }),
});

/** What commander prints as one line about the argument. */
export function checked<T>(parse: (text: string, before?: T) => T): (text: string, before?: T) => T {
  return (text, before) => {
    try {
      return parse(text, before);
    } catch (error) {
      if (error instanceof UsageError) throw new InvalidArgumentError(`${error.message}.`);
      throw error;
    }
  };
}

const DAY_MS = 24 * 3600 * 1000;

/** `2026-12-01`, or `30d`: that many days before now. UTC. */
function day(text: string): string {
  const ago = /^(\d{1,5})d$/.exec(text);
  if (ago) return new Date(Date.now() - Number(ago[1]) * DAY_MS).toISOString().slice(0, 10);
  const date = new Date(`${text}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(date.getTime()) || !date.toISOString().startsWith(text))
    throw new UsageError(`${text}: no day; write 2026-12-01 or 30d`);
  return text;
}

function labels(text: string, before: readonly Label[] = []): readonly Label[] {
  return [...before, ...Object.entries(parseLabels(text)).map(([key, value]) => ({ key, value }))];
}

function namesFrom(what: string, known: readonly string[]) {
  return (text: string, before: readonly string[] = []): readonly string[] => {
    const names = text.split(',').map((name) => name.trim());
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined) throw new UsageError(`'${unknown}' is no ${what}; ${what}s: ${known.join(', ')}`);
    return [...before, ...names];
  };
}
