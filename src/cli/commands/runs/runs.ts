/** `quiesce runs`: what a store holds, and how it is kept in order. */
import { statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { RunsResult, StoredRun } from '../../../../schema/index.ts';
import { runDetails, runTable } from '../../../report/runs/runs-text.ts';
import { formatSize, plural } from '../../../report/text/text-format.ts';
import { labelRuns, prunable, removeRuns, vacuumStore } from '../../../store/runs/change-runs.ts';
import { mergeStore } from '../../../store/runs/merge.ts';
import { listRuns, type RunFilter } from '../../../store/runs/run-list.ts';
import type { WaitOptions } from '../../../store/store-file.ts';
import { UsageError } from '../../exit-status.ts';
import { parseAge } from '../../options/durations.ts';
import { type Labels, parseLabels } from '../../options/labels.ts';
import { argument, collectLabels, parseCount, waitingFor, waitOption } from '../../options/replay-options.ts';
import { outPaged, type Session, styleOf } from '../../terminal/output.ts';

interface RunsOptions {
  readonly label?: Labels;
  readonly since?: string;
  readonly older?: string;
  readonly keepLast?: number;
  readonly dryRun?: boolean;
  readonly unset?: readonly string[];
  readonly wait?: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Runs are numbers and ranges: 3 5-9. What is changed or removed is so whole, or not at all; numbers are not given twice.

Examples:
  quiesce runs list farm.db --label job=nightly --since 7d
  quiesce runs label farm.db 12-15 commit=1a2b3c,bisect=bad
  quiesce runs prune farm.db --older 30d --keep-last 100 --dry-run
  quiesce runs merge farm.db host-a.db host-b.db
  quiesce runs vacuum farm.db`;

export function registerRuns(program: Command, session: Session): void {
  const runs = program.command('runs').addHelpText('after', EXAMPLES);
  const verb = (usage: string, description: string): Command =>
    runs.command(usage).description(description).option('--json', 'print the runs as JSON (quiesce.runs/1)');
  const filtered = (command: Command): Command =>
    command
      .addOption(new Option('--label <k=v,…>', 'only runs with these labels; may be repeated').argParser(collectLabels))
      .addOption(sinceOption('only runs stored since'));
  const show = (db: string, found: readonly StoredRun[], { json }: RunsOptions, text: () => string): void => {
    if (json)
      session.streams.out(
        `${JSON.stringify({ schema: 'quiesce.runs/1', db, runs: found } satisfies RunsResult, null, 1)}\n`,
      );
    else outPaged(session, text());
  };

  filtered(verb('list <store>', 'runs with labels, size and findings')).action((db: string, options: RunsOptions) => {
    const found = listRuns(db, filterOf(options));
    show(db, found, options, () => runTable(found, styleOf(session.streams)));
  });
  verb('show <store> <run...>', 'everything that is known of runs').action(
    (db: string, ids: string[], options: RunsOptions) => {
      const found = listRuns(db, { ids: parseIds(ids) });
      show(db, found, options, () => found.map(runDetails).join('\n'));
    },
  );
  verb('label <store> <run...>', 'set labels: the words with = are labels, the others runs')
    .option('--unset <keys>', 'take these labels away: job,url', (text: string) => text.split(','))
    .addOption(waitOption())
    .action(async (db: string, words: string[], options: RunsOptions) => {
      const labels = Object.assign({}, ...words.filter((word) => word.includes('=')).map(parseLabels)) as Labels;
      const ids = parseIds(words.filter((word) => !word.includes('=')));
      if (Object.keys(labels).length === 0 && !options.unset)
        throw new UsageError('no label given: key=value, or --unset key');
      const found = await labelRuns(db, { ids }, labels, options.unset ?? [], waitOf(options, session));
      show(db, found, options, () => runTable(found, styleOf(session.streams)));
    });
  verb('rm <store> <run...>', 'remove runs with everything that belongs to them')
    .addOption(waitOption())
    .action(async (db: string, ids: string[], options: RunsOptions) => {
      const found = await removeRuns(db, { ids: parseIds(ids) }, undefined, waitOf(options, session));
      show(
        db,
        found,
        options,
        () => `${plural(found.length, 'run')} removed; quiesce runs vacuum ${db} gives the room back\n`,
      );
    });
  filtered(verb('prune <store>', 'remove old runs'))
    .addOption(
      new Option('--older <age>', 'those stored longer ago: 30d, 12h, 2w, or before a day').argParser(
        argument(parseAge),
      ),
    )
    .option('--keep-last <n>', 'the latest n stay, however old', parseCount)
    .option('--dry-run', 'only list them')
    .addOption(waitOption())
    .action(async (db: string, options: RunsOptions) => {
      const { older, keepLast, dryRun } = options;
      if (older === undefined && keepLast === undefined)
        throw new UsageError('nothing says what is old: --older, --keep-last');
      const rule = { ...(older !== undefined && { before: older }), ...(keepLast !== undefined && { keepLast }) };
      const found = dryRun
        ? prunable(listRuns(db, filterOf(options)), rule)
        : await removeRuns(db, filterOf(options), rule, waitOf(options, session));
      show(db, found, options, () => {
        if (dryRun)
          return `${plural(found.length, 'run')} would be removed\n${found.length > 0 ? runTable(found, styleOf(session.streams)) : ''}`;
        return `${plural(found.length, 'run')} removed${found.length > 0 ? `; quiesce runs vacuum ${db} gives the room back` : ''}\n`;
      });
    });
  verb('merge <store> <other...>', 'bring the runs of other stores into this one; what is there already is passed over')
    .addOption(waitOption())
    .action(async (db: string, others: string[], options: RunsOptions) => {
      const itself = others.find((other) => isSameFile(db, other));
      if (itself !== undefined) throw new UsageError(`${itself}: is the store that the others are merged into`);
      const ids: number[] = [];
      for (const other of others) {
        const merged = await mergeStore(db, other, waitOf(options, session));
        const added = merged.filter((run) => run.added).map(({ to }) => to);
        ids.push(...added);
        if (!options.json)
          session.streams.out(
            `${other}: ${plural(added.length, 'run')} added, ${merged.length - added.length} there already\n`,
          );
      }
      if (options.json) show(db, listRuns(db, { ids }), options, () => '');
    });
  verb('vacuum <store>', 'give back the room that removed runs took')
    .addOption(waitOption())
    .action(async (db: string, options: RunsOptions) => {
      const { beforeBytes, afterBytes } = await vacuumStore(db, waitOf(options, session));
      show(
        db,
        options.json ? listRuns(db) : [],
        options,
        () => `${db}: ${formatSize(beforeBytes)} before, ${formatSize(afterBytes)} after\n`,
      );
    });
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

export function sinceOption(help: string): Option {
  return new Option('--since <age>', `${help}: 7d, 12h, 2w ago, or a day`).argParser(argument(parseAge));
}

export function filterOf({ label, since }: Pick<RunsOptions, 'label' | 'since'>): RunFilter {
  return { ...(label && { labels: label }), ...(since !== undefined && { since }) };
}

function waitOf({ wait }: RunsOptions, { streams }: Session): WaitOptions {
  const signal = streams.interruptSignal?.();
  return {
    ...(wait !== undefined && { waitMs: wait / 1e6 }),
    ...(signal && { signal }),
    onWait: (path) => streams.err(`quiesce: ${waitingFor(path)}\n`),
  };
}

/** `3 5-9`. @throws UsageError */
function parseIds(words: readonly string[]): number[] {
  if (words.length === 0) throw new UsageError('no run given: 3, or 5-9');
  const ids = words.flatMap((word) => {
    const match = /^([1-9]\d{0,8})(?:-([1-9]\d{0,8}))?$/.exec(word);
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || to < from || to - from > 1e6) throw new UsageError(`${word}: not a run; write 3, or 5-9`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  return [...new Set(ids)];
}
