/** `quiesce findings`: findings over the runs of a store. */
import { type Command, Option } from 'commander';
import { FINDING_KINDS } from '../../../../schema/index.ts';
import { findingsAcross } from '../../../query/across/findings-across.ts';
import { acrossText, identityList } from '../../../report/runs/across-text.ts';
import { EXIT_FINDINGS, UsageError } from '../../exit-status.ts';
import { addFailOn, type GateOptions, identitiesOf, reaches } from '../../options/gate.ts';
import type { Labels } from '../../options/labels.ts';
import { collectLabels } from '../../options/replay-options.ts';
import { outPaged, type Session, styleOf } from '../../terminal/output.ts';
import { filterOf, sinceOption } from './runs.ts';

interface FindingsOptions extends GateOptions {
  readonly across?: boolean;
  readonly by: 'root' | 'finding';
  readonly kind?: readonly string[];
  readonly label?: Labels;
  readonly since?: string;
  readonly format: 'text' | 'json' | 'list';
  readonly json?: boolean;
}

const EXAMPLES = `
A problem is recognised by its identity: its kind, root cause, lock classes, domain, function and task, without what differs
from boot to boot. A rate counts the runs that could have shown it; a label is named when chance does not explain it (Fisher's
exact test over all labels, 1 %).

Examples:
  quiesce findings farm.db                                    of the latest run
  quiesce findings farm.db --across --since 7d --kind rcu-stall
  quiesce findings farm.db --across --label job=nightly --by finding
  quiesce findings master.db --across --by finding --format list > known.txt
  quiesce findings topic.db --across --fail-on new:error --against known.txt`;

export function registerFindings(program: Command, session: Session): void {
  const command = program
    .command('findings')
    .argument('<store>', 'store of runs')
    .option('--across', 'of all runs (default: of the latest)')
    .addOption(
      new Option('--by <what>', 'root: what has one root cause is one · finding: each by itself')
        .choices(['root', 'finding'])
        .default('root', 'root'),
    )
    .option('--kind <kinds>', 'only these kinds: rcu-stall,hung-task', parseKinds)
    .addOption(new Option('--label <k=v,…>', 'only runs with these labels; may be repeated').argParser(collectLabels))
    .addOption(sinceOption('only runs stored since'))
    .addOption(
      new Option('--format <format>', 'list: identities, one per line')
        .choices(['text', 'json', 'list'])
        .default('text'),
    )
    .option('--json', 'the same as --format json (quiesce.findings/1)');
  addFailOn(command, 'all are new')
    .addHelpText('after', EXAMPLES)
    .action((db: string, options: FindingsOptions) => {
      const { across = false, by, kind, format, json, failOn, against = [] } = options;
      const result = findingsAcross(db, { ...filterOf(options), by, latest: !across, ...(kind && { kinds: kind }) });
      if (failOn !== undefined) {
        const known = failOn.onlyNew ? identitiesOf(against) : new Set<string>();
        const failed = result.findings.some(
          ({ severity, identity }) => reaches(severity, failOn.severity) && !known.has(identity),
        );
        if (failed) session.status = EXIT_FINDINGS;
      }
      if (json || format === 'json') session.streams.out(`${JSON.stringify(result, null, 1)}\n`);
      else if (format === 'list') session.streams.out(identityList(result));
      else outPaged(session, acrossText(result, styleOf(session.streams)));
    });
}

/** @throws UsageError */
function parseKinds(text: string): readonly string[] {
  const kinds = text.split(',');
  const odd = kinds.find((kind) => !(FINDING_KINDS as readonly string[]).includes(kind));
  if (odd !== undefined) throw new UsageError(`${odd}: no kind of finding; known are ${FINDING_KINDS.join(', ')}`);
  return kinds;
}
