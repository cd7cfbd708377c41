/** The gate of a build: what is new, what is known, and what nobody looked at. */
import { describe, expect, it } from 'vitest';
import type { FleetRun } from '../../schema/index.ts';
import { fleetGate, type GateRequest } from '../../src/fleet/gate.ts';
import { openRunsSource } from '../../src/fleet/store-source.ts';
import { memoryConnection } from '../support/memory-connection.ts';
import { plainRun } from '../support/plain-run.ts';

const OLD = 'rcu-stall rcu_preempt because of nmi-storm';
const NEW = 'deadlock a b task/N';
const HEAD = [{ key: 'job', value: '2' }];

const RUNS: readonly FleetRun[] = [
  plainRun({ run: 'a', day: '2026-11-01', labels: { job: '1', branch: 'master' }, identities: [OLD] }),
  plainRun({
    run: 'b',
    day: '2026-11-02',
    labels: { job: '2' },
    identities: [OLD, NEW],
    notAssessed: ['lock-inversion'],
  }),
  plainRun({ run: 'c', day: '2026-11-03', labels: { job: '20', branch: 'next' }, identities: [] }),
];

async function gate(request: Partial<GateRequest>, runs = RUNS) {
  const source = openRunsSource(memoryConnection(), runs);
  try {
    return await fleetGate(source, {}, { head: HEAD, severity: 'error', ...request });
  } finally {
    await source.close();
  }
}

describe('the gate of a fleet', () => {
  it('fails for an identity that no other run has', async () => {
    const result = await gate({});
    expect(result).toMatchObject({ head_runs: 1, base_runs: 2, known: 1, passed: false, not_assessed: [] });
    expect(result.new.map(({ identity, runs }) => [identity, runs])).toEqual([[NEW, 1]]);
  });

  it('judges against the runs with the labels of the base', async () => {
    expect(await gate({ base: [{ key: 'branch', value: 'next' }] })).toMatchObject({
      base_runs: 1,
      known: 0,
      passed: false,
    });
    expect((await gate({ base: [{ key: 'branch', value: 'next' }] })).new).toHaveLength(2);
  });

  it('takes labels whole: job 2 is not job 20', async () => {
    expect((await gate({ head: [{ key: 'job', value: '20' }] })).passed).toBe(true);
  });

  it('passes what is known, of a lower severity, or of another kind', async () => {
    expect((await gate({ known: new Set([NEW]) })).passed).toBe(true);
    expect((await gate({ kinds: ['rcu-stall'] })).passed).toBe(true);
  });

  it('fails where a kind that is required could not have been shown', async () => {
    const result = await gate({ known: new Set([NEW]), required: ['rcu-stall', 'lock-inversion'] });
    expect(result).toMatchObject({ passed: false, not_assessed: [{ kind: 'lock-inversion', runs: 1 }] });
  });

  it('does not pass when there is nothing to judge, or nothing to judge against', async () => {
    await expect(gate({ head: [{ key: 'job', value: '3' }] })).rejects.toThrow('no run has the label job=3');
    await expect(gate({}, RUNS.slice(1, 2))).rejects.toThrow('nothing to judge against');
  });
});
