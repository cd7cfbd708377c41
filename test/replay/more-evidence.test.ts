/** More evidence never gives a worse root: what the log alone is right about, the recording and both together are right about, too. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSource } from '../../parsers/index.ts';
import type { Finding } from '../../schema/index.ts';
import { quiesce } from '../support/command-line.ts';
import { folderOfTest } from '../support/temporary-folder.ts';

const FIXTURES = new URL('../fixtures/replay/', import.meta.url).pathname;

/** Real recordings of Linux 7.2 without CONFIG_RCU_TRACE, reduced to what the verdicts need, each with its kernel log. */
const RECORDINGS = [
  { name: 'expedited-nmi-storm-7.2', tasks: ['perf close-1'], root: { kind: 'nmi-storm', cpu: 1 } },
  { name: 'irqs-off-7.2', tasks: ['lab_rcuupd', 'lab_expupd'], root: { kind: 'cpu-hog', cpu: 1 } },
] as const;

const INPUTS = [['.dmesg.txt'], ['.trace.txt.zst'], ['.trace.txt.zst', '.dmesg.txt']] as const;

async function findingsOf(name: string, inputs: readonly (string | undefined)[]): Promise<Finding[]> {
  const files = inputs.filter((suffix) => suffix !== undefined).map((suffix) => `${FIXTURES}${name}${suffix}`);
  const { out } = await quiesce('replay', '--json', '--quiet', '--db', ':memory:', ...files);
  return JSON.parse(out).findings;
}

describe.each(RECORDINGS)('$name', ({ name, tasks, root }) => {
  it.each(INPUTS)('%s %s', async (...inputs) => {
    const findings = await findingsOf(name, inputs);
    for (const task of tasks) {
      const waits = findings.filter((finding) => finding.kind === 'blocked-sync' && finding.task === task);
      expect(waits).not.toHaveLength(0);
      for (const wait of waits) expect(wait).toMatchObject({ root });
    }
    // Whoever waits for the CPU is no root of its own, nor is the CPU that it spins on.
    for (const finding of findings) if (finding.kind === 'rcu-stall') expect(finding.cpus).not.toContain(0);
  });
});

describe.each(RECORDINGS)('$name without nmi_handler events', ({ name, tasks, root }) => {
  it('has the root that its log alone has: interrupts that were not recorded look like the task of the CPU', async () => {
    const chunks: Buffer[] = [];
    const source = await openSource(`${FIXTURES}${name}.trace.txt.zst`);
    for await (const chunk of source.chunks()) chunks.push(Buffer.from(chunk));
    await source.close();
    const text = Buffer.concat(chunks).toString();
    const file = join(folderOfTest(), 'trace.txt');
    writeFileSync(file, text.replace(/^.*: nmi_handler: .*\n/gm, ''));
    const inputs = [file, `${FIXTURES}${name}.dmesg.txt`];
    const { out } = await quiesce('replay', '--json', '--quiet', '--db', ':memory:', ...inputs);
    const findings = JSON.parse(out).findings as Finding[];
    const waits = findings.filter(({ kind }) => kind === 'blocked-sync');
    for (const task of tasks)
      expect(waits.filter((wait) => 'task' in wait && wait.task === task)).toMatchObject([{ root }]);
    for (const finding of findings) if (finding.kind === 'rcu-stall') expect(finding.cause).toBe(root.kind);
  });
});
