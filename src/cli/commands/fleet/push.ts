/** `quiesce fleet push`: runs of stores into the fleet. */
import type { Command } from 'commander';
import type { FleetRun } from '../../../../schema/index.ts';
import { splitRunSpec } from '../../../compare/run-record.ts';
import { collectRuns, type Label, openSink } from '../../../fleet/index.ts';
import { plural } from '../../../report/text/text-format.ts';
import { UsageError } from '../../exit-status.ts';
import type { Session } from '../../terminal/output.ts';
import { addTarget, labelOption } from './options.ts';

/** Runs that are sent at once: few enough for memory. */
const BATCH_RUNS = 500;

const HELP = `
Sends of each run its labels, kernel and host, which kinds of findings it could have shown, its findings with
identity and root, its latencies as histograms, and the slowest handlers, locks and tasks. Never its events.
A run that is there already is left out, so a push may be repeated at any time; each run appears whole or not
at all. The same recording with other labels is another run.

A lake is a folder: day=2026-12-01/…/*.parquet. Reports from it need the package @duckdb/node-api, ClickHouse
needs @clickhouse/client; its user is CLICKHOUSE_USER, its password CLICKHOUSE_PASSWORD.

Examples:
  quiesce fleet push farm.db --to /srv/lake
  quiesce fleet push farm.db#12 --to /srv/lake --label job=boot-test
  quiesce fleet push *.db --to 'clickhouse://ch1:8443/quiesce?secure=true&cluster=lab'`;

export function registerFleetPush(fleet: Command, session: Session): void {
  addTarget(fleet.command('push').description('send runs: findings, histograms and assessments, never events'))
    .argument('<store...>', 'stores, or single runs of them (farm.db#12)')
    .addOption(labelOption('--label <key=value,...>', 'labels in addition to those of the runs'))
    .addHelpText('after', HELP)
    .action(async (specs: string[], options: { to: string; label?: readonly Label[] }) => {
      const sink = await openSink(options.to, process.env);
      const counts = { pushed: 0, known: 0 };
      const send = async (runs: readonly FleetRun[]): Promise<void> => {
        const { pushed, known } = await sink.push(runs);
        counts.pushed += pushed;
        counts.known += known;
      };
      try {
        let batch: FleetRun[] = [];
        for (const run of runsOf(specs, options.label ?? [])) {
          batch.push(run);
          if (batch.length < BATCH_RUNS) continue;
          await send(batch);
          batch = [];
        }
        if (batch.length > 0) await send(batch);
      } finally {
        await sink.close();
      }
      const known = counts.known > 0 ? `, ${plural(counts.known, 'run')} there already` : '';
      session.streams.out(`${options.to}: ${plural(counts.pushed, 'run')} pushed${known}\n`);
    });
}

function* runsOf(specs: readonly string[], labels: readonly Label[]): Generator<FleetRun> {
  const added = Object.fromEntries(labels.map(({ key, value }) => [key, value]));
  for (const spec of specs) {
    const { path, run } = splitRunSpec(spec);
    if (run !== undefined && !/^\d+$/.test(run)) throw new UsageError(`${spec}: the number of a run expected after #`);
    yield* collectRuns(path, { labels: added, ...(run !== undefined && { run: Number(run) }) });
  }
}
