/** `quiesce fleet gate`: fails a build for findings that are new in the fleet. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type FleetGateResult, fileProblem, type Severity } from '../../../../schema/index.ts';
import { fleetGate, type Label, openSource } from '../../../fleet/index.ts';
import { fleetGateText } from '../../../report/fleet/gate-text.ts';
import { EXIT_FINDINGS, UsageError } from '../../exit-status.ts';
import { type Session, styleOf } from '../../terminal/output.ts';
import { addScope, addTarget, type FleetOptions, kindOption, labelOption, scopeOf } from './options.ts';

const FAIL_ON = ['new:error', 'new:warning', 'new:info', 'never'] as const;

interface Options extends FleetOptions {
  readonly head: readonly Label[];
  readonly base?: readonly Label[];
  readonly failOn: (typeof FAIL_ON)[number];
  readonly kind?: readonly string[];
  readonly require?: readonly string[];
  readonly known?: string;
  readonly json?: boolean;
}

const HELP = `
New is an identity (kind, locks or domain, task, root) that no run of the base has; the base is every other run of
the fleet, or those with --base. Runs with the labels of --head never count as base.

Exit status 1 when something is new, or a run of the head could not have shown a kind that --require names. A head
or a base without runs is an error (2): a gate that looked at nothing does not pass.

Examples:
  quiesce fleet gate --to /srv/lake --head job=4711
  quiesce fleet gate --to /srv/lake --head commit=1a2b3c --base branch=master --fail-on new:warning
  quiesce fleet gate --to /srv/lake --head job=4711 --require rcu-stall --known known-issues.txt`;

export function registerFleetGate(fleet: Command, session: Session): void {
  const command = fleet
    .command('gate')
    .description('exit with status 1 when runs have findings that are new in the fleet');
  addScope(addTarget(command))
    .addOption(labelOption('--head <key=value,...>', 'runs that are judged').makeOptionMandatory())
    .addOption(labelOption('--base <key=value,...>', 'runs they are judged against (default: all others)'))
    .addOption(new Option('--fail-on <what>', 'what fails').choices(FAIL_ON).default('new:error'))
    .addOption(kindOption('--kind <names>', 'only these kinds of findings, separated by commas'))
    .addOption(kindOption('--require <kinds>', 'fail when a run of the head could not have shown these kinds'))
    .option('--known <file>', 'identities that are known, one per line; # begins a comment')
    .option('--json', 'the result as JSON (quiesce.fleet-gate/1)')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const scope = scopeOf(options);
      const source = await openSource(options.to, scope, process.env);
      let result: FleetGateResult;
      try {
        const never = options.failOn === 'never';
        result = await fleetGate(source, scope, {
          head: options.head,
          ...(options.base && { base: options.base }),
          severity: never ? 'error' : (options.failOn.slice('new:'.length) as Severity),
          ...(options.kind && { kinds: options.kind }),
          ...(options.require && { required: options.require }),
          ...(options.known !== undefined && { known: knownIdentities(options.known) }),
        });
        // Before it is printed: a reader that goes away does not change the verdict.
        if (!result.passed && !never) session.status = EXIT_FINDINGS;
      } finally {
        await source.close();
      }
      session.streams.out(
        options.json ? `${JSON.stringify(result, undefined, 2)}\n` : fleetGateText(result, styleOf(session.streams)),
      );
    });
}

function knownIdentities(path: string): ReadonlySet<string> {
  try {
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.trim());
    return new Set(lines.filter((line) => line !== '' && !line.startsWith('#')));
  } catch (error) {
    throw new UsageError(`${path}: ${fileProblem(error)}`);
  }
}
