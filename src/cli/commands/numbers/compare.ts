/** `quiesce compare`: is the head slower than the base? */
import type { Command } from 'commander';
import { readSide } from '../../comparison-side.ts';
import type { Session } from '../../terminal/output.ts';
import { addComparisonOptions, type ComparisonOptions, finishComparison, readOptionsOf } from './comparison-output.ts';

const HELP = `
Each side takes any number of files: stores (all of their runs), single runs of stores (lab.db#3), baselines
(quiesce baseline save), or captures, which are replayed first. Record each kernel at least three times:
boots differ.

A metric has regressed or improved when its median, tail or mean changed by at least --threshold, chance does
not explain it (permutation of stretches of the recording, corrected for all metrics), the 95 % interval of the
ratio excludes 1, and runs of one side do not differ as much among themselves. Findings are matched by kind,
lock classes or domain, API and task, never by their text.

Examples:
  quiesce compare base.dat --with patched.dat
  quiesce compare lab.db#1 lab.db#2 lab.db#3 --with lab.db#4 lab.db#5 lab.db#6 --metric rcu-gp,synchronize-rcu
  quiesce compare baseline.json --with head.db --fail-on regression --format junit -o compare.xml
  quiesce compare base.db --with head.db --by label --metric lock-hold --changes`;

export function registerCompare(program: Command, session: Session): void {
  const command = program
    .command('compare')
    .argument('<base...>', 'stores, runs of stores (file#run), baselines or captures')
    .requiredOption('--with <head...>', 'the same, of what is compared with it');
  addComparisonOptions(command, 'never')
    .addHelpText('after', HELP)
    .action(async (base: string[], options: ComparisonOptions & { with: string[] }) => {
      const read = readOptionsOf(options);
      finishComparison(
        await readSide(base, read, session.streams),
        await readSide(options.with, read, session.streams),
        options,
        session,
      );
    });
}
