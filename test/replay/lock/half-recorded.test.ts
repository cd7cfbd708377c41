/** Lock events of which half was recorded (`trace-cmd record -e lock:lock_acquire`): what is held is not known, and nothing is concluded from it. */
import { expect, it } from 'vitest';
import { type CaptureReplay, replayFile } from '../../support/replay-capture.ts';

const without = (sample: string, ...events: string[]): Promise<CaptureReplay> =>
  replayFile(new URL(`../../../samples/${sample}`, import.meta.url).pathname, {
    keep: (name) => !events.includes(name),
  });

it('acquisitions without releases: no lock is known to be held', async () => {
  const healthy = await without('lock-cycle-fixed.trace.txt.zst', 'lock_release');
  expect(healthy.findings).toEqual([]);
  const statusOf = (kind: string) => healthy.assessments.find((one) => one.kind === kind);
  for (const kind of [
    'lock-inversion',
    'lock-recursion',
    'irq-lock-state',
    'irq-lock-order',
    'wait-context',
    'lock-misuse',
  ])
    expect(statusOf(kind)).toMatchObject({
      status: 'not-assessed',
      missing: expect.arrayContaining(['lock:lock_acquire, lock:lock_release']),
    });
  const cycle = await without('lock-cycle.trace.txt.zst', 'lock_release');
  expect(cycle.findings).toEqual([]);
  expect(cycle.facts.lockHolds).toEqual([]);
});

it('contended locks without the end of the wait: nobody is known to wait', async () => {
  const healthy = await without('lock-cycle-fixed.trace.txt.zst', 'lock_acquired');
  expect(healthy.findings).toEqual([]);
});

it.each(['contention_begin', 'contention_end', 'lock_contended', 'lock_acquire', 'sched_switch', 'sched_waking'])(
  'a healthy recording without %s stays without findings',
  async (event) => {
    expect((await without('lock-cycle-fixed.trace.txt.zst', event)).findings).toEqual([]);
  },
);
