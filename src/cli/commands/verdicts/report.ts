/** `quiesce report`: one self-contained page to look at, to attach to a mail, to keep with a CI job. */
import type { Command } from 'commander';
import { FINDING_KINDS, packageVersion, type WhatIfResult } from '../../../../schema/index.ts';
import { compareRuns } from '../../../compare/compare-runs.ts';
import { readStoreRuns } from '../../../compare/run-record.ts';
import { judgeVariants } from '../../../jobs/what-if.ts';
import { planRecordings } from '../../../plan/recording-plan.ts';
import { VARIANTS } from '../../../replay/what-if/variants.ts';
import { reportPage } from '../../../report/html/report-page.ts';
import { type RunMaterial, runMaterial } from '../../../report/html/run-material.ts';
import { planText } from '../../../report/plan-text.ts';
import { PLAIN } from '../../../report/text/style.ts';
import { formatSize, plural } from '../../../report/text/text-format.ts';
import { type RunPlace, withRuns } from '../../report-runs.ts';
import { addInputOptions, type InputOptions } from '../../run-input.ts';
import type { Session } from '../../terminal/output.ts';
import { writeOutput } from '../../terminal/output-file.ts';

interface ReportOptions extends InputOptions {
  readonly output: string;
  readonly with?: readonly string[];
  readonly whatif: boolean;
}

const HELP = `
The page needs no network and no second file: root causes and findings with their chains, events and stacks, a
timeline to zoom (w, s, a, d or the mouse; f: the finding), graphs of lock orders, latencies, what-if and what
the recording could not decide.

Examples:
  quiesce report trace.dat dmesg.txt -o report.html         captures of one boot
  quiesce report quiesce.db -o report.html                  the latest run of a store
  quiesce report lab.db#1 lab.db#2 -o report.html           runs beside each other
  quiesce report base.db --with patched.db -o report.html   with a verdict per latency, as compare gives it`;

/** What-if replays the run: beyond this it takes longer than people wait for a page. */
const WHAT_IF_EVENTS = 2_000_000;
const PLAN_SECONDS = 30;

export function registerReport(program: Command, session: Session): void {
  const command = program
    .command('report')
    .argument('<input...>', 'captures of one boot; stores, or runs of stores (file#run)');
  addInputOptions(command)
    .requiredOption('-o, --output <file>', 'the page')
    .option('--with <head...>', 'runs that are compared with the others')
    .option('--no-whatif', 'do not replay under variants of the kernel')
    .addHelpText('after', HELP)
    .action((inputs: string[], options: ReportOptions) =>
      withRuns([inputs, ...(options.with ? [options.with] : [])], options, session, (sides) =>
        writePage(sides, inputs, options, session),
      ),
    );
}

async function writePage(
  [base, head]: readonly (readonly RunPlace[])[],
  inputs: readonly string[],
  options: ReportOptions,
  { streams }: Session,
): Promise<void> {
  const runs: RunMaterial[] = [];
  for (const place of [...base, ...(head ?? [])]) runs.push(await materialOf(place, options));
  const recorded = (places: readonly RunPlace[]) =>
    places.flatMap(({ path, runId }) => readStoreRuns(path, String(runId)));
  const compare = head === undefined ? undefined : compareRuns(recorded(base), recorded(head));
  const words = [...inputs, ...(options.with ? ['--with', ...options.with] : []), '-o', options.output];
  const page = reportPage(runs, {
    version: packageVersion(),
    command: ['quiesce', 'report', ...words].map(quotedWord).join(' '),
    plans: runs.map(planOf),
    ...(compare && { compare }),
  });
  writeOutput(options.output, page);
  if (options.quiet) return;
  const found = runs.reduce((sum, { findings }) => sum + findings.length, 0);
  streams.err(`quiesce: ${options.output}: ${plural(found, 'finding')}, ${formatSize(Buffer.byteLength(page))}\n`);
}

async function materialOf(place: RunPlace, { whatif }: ReportOptions): Promise<RunMaterial> {
  const { path, runId } = place;
  const material = await runMaterial(path, runId);
  const worthwhile = whatif && material.findings.length > 0 && material.info.events <= WHAT_IF_EVENTS;
  if (!worthwhile) return material;
  const whatIf: WhatIfResult = (await judgeVariants([path], VARIANTS, { run: runId })).result;
  return { ...material, whatIf };
}

/** Commands for the kinds that the recording could not decide. */
function planOf({ assessments }: RunMaterial): string | undefined {
  const open = assessments.filter(({ status }) => status !== 'assessed').map(({ kind }) => kind);
  if (open.length === 0) return undefined;
  const kinds = FINDING_KINDS.filter((kind) => open.includes(kind));
  return planText(planRecordings({ kinds, metrics: [], durationS: PLAN_SECONDS }, undefined), 'trace-cmd', PLAIN);
}

/** As a shell takes it. */
const quotedWord = (word: string): string =>
  /^[\w@%+=:,./#-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
