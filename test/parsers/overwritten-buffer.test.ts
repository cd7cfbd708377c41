/**
 * A ring buffer that wrapped: the recording begins in the middle of a stall, with the waits and the grace period already under way. What
 * the kernel prints meanwhile tells who waits and for which CPU, the events of the rest tell why.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSource } from '../../parsers/index.ts';
import type { Finding } from '../../schema/index.ts';
import { quiesce } from '../support/command-line.ts';
import { notesRules, notesText } from '../support/notes.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quiesce-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The last part of a sample, as `tail` leaves it. */
async function tailOf(sample: string, share: number): Promise<Finding[]> {
  const source = await openSource(new URL(`../../samples/${sample}.trace.txt.zst`, import.meta.url).pathname);
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of source.chunks()) text += decoder.decode(chunk, { stream: true });
  await source.close();
  const lines = text.split('\n');
  const header = lines.filter((line) => line.startsWith('#'));
  const records = lines.filter((line) => !line.startsWith('#'));
  const path = join(folder, `${sample}.txt`);
  writeFileSync(path, [...header, ...records.slice(Math.floor(records.length * (1 - share)))].join('\n'));
  const { out } = await quiesce('replay', path, '--db', ':memory:', '--json', '--quiet');
  return JSON.parse(out).findings as Finding[];
}

describe('the end of a recording alone', () => {
  it('of nmi-storm: who waits and for which CPU from the log, why from the events', async () => {
    const findings = await tailOf('nmi-storm', 0.45);
    const stalls = findings.filter((finding) => finding.kind === 'rcu-stall');
    expect(stalls).toMatchObject([{ confidence: 'reported', cpus: [1], cause: 'nmi-storm' }]);
    expect(notesText(stalls[0])).toContain('events show NMIs taking 99');
    const close = findings.find((finding) => finding.kind === 'blocked-sync' && finding.task === 'perf close-1');
    expect(close).toMatchObject({ confidence: 'reported', root: { kind: 'nmi-storm', cpu: 1 } });
    // Linux 6.12: one srcu_struct in a tracepoint teardown.
    expect(close && notesRules(close)).not.toContain('T12');
  });

  it('of preempted-reader: the reader', async () => {
    const findings = await tailOf('preempted-reader', 0.5);
    const [blocked] = findings.filter((finding) => finding.kind === 'blocked-sync');
    expect(blocked).toMatchObject({ root: { tid: 83 } });
    expect(findings.filter((finding) => finding.kind === 'deadlock' || finding.kind === 'gp-kthread-starved')).toEqual(
      [],
    );
  });

  it('of srcu-deadlock: the tasks that are blocked, and no other culprit', async () => {
    const findings = await tailOf('srcu-deadlock', 0.5);
    const hung = findings.flatMap((finding) => (finding.kind === 'hung-task' ? [finding] : []));
    expect(hung.map(({ task }) => task)).toEqual(expect.arrayContaining(['lab_rdA', 'lab_rdB']));
    for (const { root, title } of hung)
      expect(['deadlock', 'srcu-reader', 'unknown', undefined], title).toContain(root?.kind);
  });
});
