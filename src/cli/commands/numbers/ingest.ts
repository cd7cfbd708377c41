/** `quiesce ingest`: store without replay. */
import type { Command } from 'commander';
import { ingest } from '../../../jobs/replay.ts';
import { IN_MEMORY } from '../../../jobs/replay-options.ts';
import { replayText } from '../../../report/replay/replay-text.ts';
import { UsageError } from '../../exit-status.ts';
import { addCaptureOptions, type CaptureOptions, jobOptions, waitingFor } from '../../options/replay-options.ts';
import { type Session, styleOf } from '../../terminal/output.ts';
import { progressBar } from '../../terminal/progress.ts';

const EXAMPLES = `
Examples:
  quiesce ingest trace.dat --db lab.db --name "before the patch"
  quiesce replay lab.db                                the findings, later`;

export function registerIngest(program: Command, { streams }: Session): void {
  const command = program.command('ingest').argument('<capture...>', 'captures of one boot; - is standard input');
  addCaptureOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (captures: string[], options: CaptureOptions) => {
      if (options.db === IN_MEMORY) throw new UsageError('--db: ingest has to keep what it reads; name a file');
      const bar = progressBar(streams.terminal && !options.quiet, 'bytes');
      const signal = streams.interruptSignal?.();
      try {
        const result = await ingest(captures, {
          ...jobOptions(options),
          db: options.db,
          ...(signal && { signal }),
          onProgress: (progress) => bar.update(progress),
          onWait: (path) => {
            if (!options.quiet) streams.err(`quiesce: ${waitingFor(path)}\n`);
          },
        });
        bar.stop();
        if (options.json) streams.out(`${JSON.stringify(result, null, 1)}\n`);
        else streams.out(replayText(result, { style: styleOf(streams), ingestOnly: true }));
      } finally {
        bar.stop();
      }
    });
}
