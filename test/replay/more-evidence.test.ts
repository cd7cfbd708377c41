/** More evidence never gives a worse root: what the log alone is right about, the recording and both together are right about, too. */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../schema/index.ts';
import { quiesce } from '../support/command-line.ts';

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
