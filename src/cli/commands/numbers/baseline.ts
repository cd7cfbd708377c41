/** `quiesce baseline`: what a kernel is measured against, as a small file to be committed. */
import type { Command } from 'commander';
import { baselineOf, baselineText } from '../../../compare/baseline-file.ts';
import { plural } from '../../../report/text/text-format.ts';
import { readSide } from '../../comparison-side.ts';
import type { Session } from '../../terminal/output.ts';
import { writeOutput } from '../../terminal/output-file.ts';
import {
  addComparisonOptions,
  addMetricOptions,
  type ComparisonOptions,
  finishComparison,
  readOptionsOf,
} from './comparison-output.ts';

const SAVE_EXAMPLES = `
Examples:
  quiesce baseline save lab.db -o baseline.json
  quiesce baseline save boot1.dat boot2.dat boot3.dat -o baseline.json`;

const CHECK_EXAMPLES = `
Exit status 1 when a metric regressed, or a finding appeared or got worse.

Examples:
  quiesce baseline check baseline.json patched.dat
  quiesce baseline check baseline.json lab.db#4 --format junit -o compare.xml`;

export function registerBaseline(program: Command, session: Session): void {
  const baseline = program.command('baseline');
  const save = baseline
    .command('save')
    .description('write a baseline: histograms and findings without events')
    .argument('<run...>', 'stores, runs of stores (file#run), baselines or captures')
    .requiredOption('-o, --output <file>', 'file to write');
  addMetricOptions(save)
    .addHelpText('after', SAVE_EXAMPLES)
    .action(async (specs: string[], options: ComparisonOptions & { output: string }) => {
      const runs = await readSide(specs, readOptionsOf(options), session.streams);
      const text = baselineText(baselineOf(runs));
      writeOutput(options.output, text);
      session.streams.err(`${options.output}: ${plural(runs.length, 'run')}, ${plural(text.length, 'byte')}\n`);
    });
  const check = baseline
    .command('check')
    .description('compare runs with a baseline')
    .argument('<baseline>', 'file that baseline save wrote')
    .argument('<head...>', 'stores, runs of stores (file#run), baselines or captures');
  addComparisonOptions(check, 'regression')
    .addHelpText('after', CHECK_EXAMPLES)
    .action(async (base: string, head: string[], options: ComparisonOptions) => {
      const read = readOptionsOf(options);
      finishComparison(
        await readSide([base], read, session.streams),
        await readSide(head, read, session.streams),
        options,
        session,
      );
    });
}
