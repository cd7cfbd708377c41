/** `quiesce whatif`: which findings a change to the kernel would have cleared. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { WhatIfResult } from '../../../schema/index.ts';
import { replayCaptures } from '../../jobs/replay-captures.ts';
import { replayStore } from '../../jobs/replay-store.ts';
import { type ReplayedRun, WhatIf } from '../../replay/what-if/judge.ts';
import { combineVariants, type Variant } from '../../replay/what-if/operator.ts';
import { parseVariant } from '../../replay/what-if/variant-file.ts';
import { resolveVariant, VARIANTS } from '../../replay/what-if/variants.ts';
import { suppressVerdicts } from '../../report/suppressions.ts';
import { whatIfText } from '../../report/what-if-text.ts';
import { StoreError } from '../../store/store-error.ts';
import { storeVariantResults } from '../../store/variant-rows.ts';
import { UsageError } from '../exit-status.ts';
import { interruptSignal } from '../interrupt.ts';
import { type Session, styleOf } from '../output.ts';
import { progressBar } from '../progress.ts';
import {
  addCaptureOptions,
  addThresholdOptions,
  type CaptureOptions,
  isStoreFile,
  parseRunId,
  thresholdsOf,
} from './replay-options.ts';
import { addSuppressOptions, type SuppressOptions, suppressionsOf } from './suppress-options.ts';

interface WhatIfOptions extends CaptureOptions, SuppressOptions {
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
    .description('replay under variants of the kernel: which findings are cleared, remain, or appear')
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
    .action(async (captures: string[], options: WhatIfOptions) => {
      const { streams } = session;
      if (options.list) {
        const width = Math.max(...VARIANTS.map((variant) => variant.name.length));
        streams.out(VARIANTS.map((variant) => `${variant.name.padEnd(width)}  ${variant.title}\n`).join(''));
        return;
      }
      if (captures.length === 0) throw new UsageError('a capture or a store is needed; quiesce whatif --help');
      const known = suppressionsOf(options);
      const variants = (options.variant ?? VARIANTS.map(({ name }) => name)).map(selectVariant);
      const { run, runId, boots } = await replayed(captures, options, streams.terminal && !options.quiet);
      const whatIf = new WhatIf(run);
      const result: WhatIfResult = {
        schema: 'quiesce.whatif/1',
        baseline: run.baseline,
        variants: variants.map((variant) => whatIf.judge(variant)),
      };
      const say = (message: string): void => {
        if (!options.quiet) streams.err(`quiesce: ${message}\n`);
      };
      if (boots > 1) say(`${boots} boots; the first one with findings is judged`);
      if (runId !== undefined && keepsResults(options)) keepResults(captures[0], runId, result, say);
      const shown = known ? suppressVerdicts(result, known, options.showSuppressed === true) : result;
      if (options.json) streams.out(`${JSON.stringify(shown, null, 1)}\n`);
      else streams.out(whatIfText(shown, styleOf(streams)));
    });
}

function collect(name: string, names: string[] = []): string[] {
  return [...names, name];
}

/**
 * A name, several joined with `+`, or files that end in .json in their place.
 * @throws UsageError for unknown names, and files that cannot be read or do not say what they should
 */
function selectVariant(text: string): Variant {
  try {
    const parts = text
      .split(/\+(?=[^+])/)
      .map((part) => (part.endsWith('.json') ? parseVariant(readFileSync(part, 'utf8'), part) : resolveVariant(part)));
    return combineVariants(parts.map((part) => part.name).join('+'), parts);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Results belong to the run as it is stored: with its own settings. */
function keepsResults(options: WhatIfOptions): boolean {
  return options.profile === undefined && Object.keys(thresholdsOf(options)).length === 0;
}

/** A store that cannot be written is no reason to withhold the answer. */
function keepResults(path: string, runId: number, result: WhatIfResult, say: (message: string) => void): void {
  try {
    storeVariantResults(path, runId, result.variants);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    say(`the results are not kept: ${error.message}`);
  }
}

interface Replayed {
  readonly run: ReplayedRun;
  /** Of the store; undefined for captures. */
  readonly runId: number | undefined;
  readonly boots: number;
}

async function replayed(captures: readonly string[], options: WhatIfOptions, showProgress: boolean): Promise<Replayed> {
  const stores = captures.filter(isStoreFile);
  if (stores.length > 0 && captures.length > 1)
    throw new UsageError(`${stores[0]}: a store is replayed alone, without further captures`);
  const runs: ReplayedRun[] = [];
  let runId: number | undefined;
  const settings = {
    ...(options.profile && { profile: options.profile }),
    thresholds: thresholdsOf(options),
    signal: interruptSignal(),
    onReplayed: (replayedRun: ReplayedRun) => {
      runs.push(replayedRun);
    },
  };
  const bar = progressBar(showProgress, stores.length > 0 ? 'events' : 'bytes');
  try {
    if (stores.length > 0) {
      const result = await replayStore(stores[0], {
        ...settings,
        ...(options.run !== undefined && { runId: options.run }),
        onProgress: (progress) => bar.update(progress),
      });
      runId = result.run.run_id;
    } else {
      // What-if judges and keeps nothing.
      await replayCaptures(captures, {
        ...settings,
        ...(options.kallsyms !== undefined && { kallsymsPath: options.kallsyms }),
        onProgress: (progress) => bar.update(progress),
      });
    }
  } finally {
    bar.stop();
  }
  const run = runs.find((candidate) => candidate.baseline.length > 0) ?? runs[0];
  if (run === undefined) throw new UsageError(`${captures[0]}: holds no run to judge`);
  return { run, runId, boots: runs.length };
}
