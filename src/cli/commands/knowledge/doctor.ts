/** `quiesce doctor`: what a capture contains, and what it can and cannot answer. */
import type { Command } from 'commander';
import type { DoctorResult } from '../../../../schema/index.ts';
import { doctor } from '../../../jobs/doctor.ts';
import { doctorText } from '../../../report/doctor-text.ts';
import { interruptSignal } from '../../terminal/interrupt.ts';
import { type Session, styleOf } from '../../terminal/output.ts';
import { progressBar } from '../../terminal/progress.ts';

const EXAMPLES = `
Examples:
  quiesce doctor trace.dat               event types, clock, CPUs, kernel, losses
  quiesce doctor trace.dat dmesg.txt     and how the clocks of the two were aligned`;

interface DoctorOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly kallsyms?: string;
}

export function registerDoctor(program: Command, session: Session): void {
  program
    .command('doctor')
    .argument('<capture...>', 'captures of one boot; - is standard input')
    .option('--kallsyms <file>', 'symbols of the recorded kernel (/proc/kallsyms or System.map)')
    .option('--json', 'print the result as JSON (quiesce.doctor/1)')
    .option('--quiet', 'no messages and no progress on standard error')
    .addHelpText('after', EXAMPLES)
    .action(async (captures: string[], options: DoctorOptions) => {
      const { streams } = session;
      const result = await examine(captures, options, streams.terminal && !options.quiet);
      streams.out(options.json ? `${JSON.stringify(result, null, 1)}\n` : doctorText(result, styleOf(streams)));
    });
}

async function examine(
  captures: readonly string[],
  options: DoctorOptions,
  showProgress: boolean,
): Promise<DoctorResult> {
  const bar = progressBar(showProgress, 'bytes');
  try {
    return await doctor(captures, {
      ...(options.kallsyms !== undefined && { kallsymsPath: options.kallsyms }),
      signal: interruptSignal(),
      onProgress: (progress) => bar.update(progress),
    });
  } finally {
    bar.stop();
  }
}
