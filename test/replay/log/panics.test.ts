import { describe, expect, it } from 'vitest';
import { findingsOf, replayLog } from '../../support/replay-log.ts';

const panic = (why: string): string => `[  812.123456] Kernel panic - not syncing: ${why}`;

describe('panic lines alone, as pstore keeps them', () => {
  it('are a stall of unknown holdouts, and a hung task of unknown name', async () => {
    const stall = await replayLog(panic('RCU Stall'));
    expect(findingsOf(stall, 'rcu-stall')).toMatchObject([{ cause: 'unknown', cpus: [], evidence: [{ line: 1 }] }]);
    const hung = await replayLog(panic('hung_task: blocked tasks'));
    expect(findingsOf(hung, 'hung-task')).toMatchObject([{ task: 'unknown', evidence: [{ line: 1 }] }]);
  });

  it('add nothing where the report is in the log', async () => {
    const outcome = await replayLog(
      `[  812.000000] INFO: task a:7 blocked for more than 120 seconds.\n${panic('hung_task: blocked tasks')}`,
    );
    expect(findingsOf(outcome, 'hung-task')).toMatchObject([{ task: 'a' }]);
  });
});
