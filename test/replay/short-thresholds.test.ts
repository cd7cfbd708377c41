/** Thresholds below a second: what is collected follows from what is asked for. */
import { describe, expect, it } from 'vitest';
import { RcuScene } from '../support/rcu-scene.ts';
import { ofKind, replayText } from '../support/replay-capture.ts';
import { to, trace, wakeup } from '../support/replay-dsl.ts';

const MILLISECONDS = 1e6;

describe('a grace period of 700 ms', () => {
  const scene = new RcuScene()
    .runs(-0.1, 1, 'swapper/1-0', 'hog-7')
    .begins()
    .ticks(0, '<idle>-0', 250, 0, 0.7)
    .ticks(1, 'hog-7', 250, 0, 0.7)
    .reports(0.7, 'hog-7')
    .ends(0.701);
  const stalls = async (ms: number) =>
    ofKind(await replayText(scene.text, { thresholds: { rcuStallNs: ms * MILLISECONDS } }), 'rcu-stall');

  it('is a stall where 500 ms is the limit, with the tick that would notice it', async () => {
    const [stall] = await stalls(500);
    expect(stall?.decision).toMatchObject({ verdict: 'would-warn', due_ns: 5e8, predicted: { cpu: 1 } });
    expect(stall?.cpus).toEqual([1]);
  });

  it('is none where 800 ms is', async () => expect(await stalls(800)).toEqual([]));
});

describe('an uninterruptible sleep of 700 ms', () => {
  const text = trace`
    a-7      [000] d..2. 2.000: ${to('a:7', 'D', 'swapper/0:0')}
    <idle>-0 [000] dNh2. 2.700: ${wakeup('a:7')}
    <idle>-0 [000] d..2. 2.701: ${to('swapper/0:0', 'R', 'a:7')}
    a-7      [000] ..... 9.000: rcu_utilization: Start scheduler-tick`;
  const hung = async (ms: number) =>
    ofKind(await replayText(text, { thresholds: { hungTaskNs: ms * MILLISECONDS } }), 'hung-task').map(
      ({ task }) => task,
    );

  it('is a hung task where 500 ms is the limit', async () => expect(await hung(500)).toEqual(['a']));

  it('is none where 800 ms is', async () => expect(await hung(800)).toEqual([]));
});
