/** `quiesce whatif`: which findings a change to the kernel would have cleared. */
import type { Command } from 'commander';
import type { WhatIfResult } from '../../../../schema/index.ts';
import { type JudgedVariants, judgeVariants } from '../../../jobs/what-if.ts';
import { VARIANTS } from '../../../replay/what-if/variants.ts';
import { suppressVerdicts } from '../../../report/replay/suppressions.ts';
import { whatIfText } from '../../../report/what-if-text.ts';
import { StoreError } from '../../../store/store-error.ts';
import { isStoreFile } from '../../../store/store-file.ts';
import { storeVariantResults } from '../../../store/variant-rows.ts';
import { UsageError } from '../../exit-status.ts';
import {
  addCaptureOptions,
  addThresholdOptions,
  type CaptureOptions,
  jobOptions,
  parseRunId,
  thresholdsOf,
  waitingFor,
} from '../../options/replay-options.ts';
import { addSuppressOptions, type SuppressOptions, suppressionsOf } from '../../options/suppress-options.ts';
import { interruptSignal } from '../../terminal/interrupt.ts';
import { type Session, styleOf } from '../../terminal/output.ts';
import { progressBar } from '../../terminal/progress.ts';

interface WhatIfCommandOptions extends CaptureOptions, SuppressOptions {
  readonly variant?: string[];
  readonly list?: boolean;
  readonly run?: number;
}

const EXAMPLES = `
Examples:
  quiesce whatif trace.dat                              every variant
  quiesce whatif quiesce.db --variant srcu-irq-work     one, on the latest run of a store
  quiesce whatif trace.dat --variant srcu-raw-locks+srcu-irq-work
  quiesce whatif trace.dat --variant ./mine.json        a file of your own (docs/WHAT-IF.md)
  quiesce whatif --list                                 the variants by name`;

export function registerWhatIf(program: Command, session: Session): void {
  const command = program
    .command('whatif')
    .argument('[capture...]', 'captures of one boot, or one store; - is standard input');
  addSuppressOptions(addThresholdOptions(addCaptureOptions(command)))
    .option(
      '--variant <name>',
      'a variant by name, several joined by +, or a .json file; may be repeated (default: all)',
      collect,
    )
    .option('--list', 'list the variants')
    .option('--run <id>', 'run of the store (default: the latest)', parseRunId)
    .addHelpText('after', EXAMPLES)
    .action(async (captures: string[], options: WhatIfCommandOptions) => {
      const { streams } = session;
      if (options.list) {
        const width = Math.max(...VARIANTS.map((variant) => variant.name.length));
        streams.out(VARIANTS.map((variant) => `${variant.name.padEnd(width)}  ${variant.title}\n`).join(''));
        return;
      }
      if (captures.length === 0) throw new UsageError('a capture or a store is needed; quiesce whatif --help');
      const known = suppressionsOf(options, session.streams);
      const { result, boots, stored } = await judged(captures, options, streams.terminal && !options.quiet);
      const say = (message: string): void => {
        if (!options.quiet) streams.err(`quiesce: ${message}\n`);
      };
      if (boots > 1) say(`${boots} boots; the first one with findings is judged`);
      if (stored && keepsResults(options)) await keepResults(stored, result, options, say);
      const shown = known ? suppressVerdicts(result, known, options.showSuppressed === true) : result;
      if (options.json) streams.out(`${JSON.stringify(shown, null, 1)}\n`);
      else streams.out(whatIfText(shown, styleOf(streams)));
    });
}

function collect(name: string, names: string[] = []): string[] {
  return [...names, name];
}

/** Results belong to the run as it is stored: with its own settings. */
function keepsResults(options: WhatIfCommandOptions): boolean {
  return options.profile === undefined && Object.keys(thresholdsOf(options)).length === 0;
}

/** A store that cannot be written is no reason to withhold the answer. */
async function keepResults(
  stored: NonNullable<JudgedVariants['stored']>,
  result: WhatIfResult,
  { wait }: WhatIfCommandOptions,
  say: (message: string) => void,
): Promise<void> {
  try {
    await storeVariantResults(stored.path, stored.runId, result.variants, {
      ...(wait !== undefined && { waitMs: wait / 1e6 }),
      onWait: (path) => say(waitingFor(path)),
    });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    say(`the results are not kept: ${error.message}`);
  }
}

async function judged(
  captures: readonly string[],
  options: WhatIfCommandOptions,
  showProgress: boolean,
): Promise<JudgedVariants> {
  const { name: _, ...settings } = jobOptions(options);
  const bar = progressBar(showProgress, captures.some(isStoreFile) ? 'events' : 'bytes');
  try {
    return await judgeVariants(captures, options.variant ?? VARIANTS, {
      ...settings,
      signal: interruptSignal(),
      onProgress: (progress) => bar.update(progress),
    });
  } finally {
    bar.stop();
  }
}
