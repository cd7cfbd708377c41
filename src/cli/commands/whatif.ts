/** `quiesce whatif`: which findings a change to the kernel would have cleared. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { WhatIfResult } from '../../../schema/index.ts';
import { replayCaptures } from '../../ingest/replay-captures.ts';
import { replayStore } from '../../ingest/replay-store.ts';
import { judgeVariant, type ReplayedRun, resolveVariant } from '../../replay/what-if/judge.ts';
import { parseVariant, type Variant, VariantError } from '../../replay/what-if/operator.ts';
import { VARIANTS } from '../../replay/what-if/variants.ts';
import { whatIfText } from '../../report/what-if-text.ts';
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

interface WhatIfOptions extends CaptureOptions {
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
  addThresholdOptions(addCaptureOptions(command))
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
      const variants = selectVariants(options.variant ?? VARIANTS.map((variant) => variant.name));
      const run = await replayed(captures, options, streams.terminal && !options.quiet);
      const result: WhatIfResult = {
        schema: 'quiesce.whatif/1',
        baseline: run.baseline,
        variants: variants.map((variant) => judgeVariant(run, variant)),
      };
      if (options.json) streams.out(`${JSON.stringify(result, null, 1)}\n`);
      else streams.out(whatIfText(result, styleOf(streams)));
    });
}

function collect(name: string, names: string[] = []): string[] {
  return [...names, name];
}

/** @throws UsageError for unknown names and unreadable files. */
function selectVariants(names: readonly string[]): Variant[] {
  return names.map((name) => {
    try {
      if (name.endsWith('.json')) return parseVariant(readFileSync(name, 'utf8'), name);
      return resolveVariant(name, VARIANTS);
    } catch (error) {
      if (error instanceof VariantError || error instanceof Error) throw new UsageError(error.message);
      throw error;
    }
  });
}

async function replayed(
  captures: readonly string[],
  options: WhatIfOptions,
  showProgress: boolean,
): Promise<ReplayedRun> {
  const stores = captures.filter(isStoreFile);
  if (stores.length > 0 && captures.length > 1)
    throw new UsageError(`${stores[0]}: a store is replayed alone, without further captures`);
  let run: ReplayedRun | undefined;
  const settings = {
    ...(options.profile && { profile: options.profile }),
    thresholds: thresholdsOf(options),
    signal: interruptSignal(),
    onReplayed: (replayedRun: ReplayedRun) => {
      run ??= replayedRun;
    },
  };
  const bar = progressBar(showProgress, stores.length > 0 ? 'events' : 'bytes');
  try {
    if (stores.length > 0) {
      await replayStore(stores[0], {
        ...settings,
        ...(options.run !== undefined && { runId: options.run }),
        onProgress: (progress) => bar.update(progress),
      });
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
  if (run === undefined) throw new UsageError(`${captures[0]}: holds no run to judge`);
  return run;
}
