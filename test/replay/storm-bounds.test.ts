/** Storms: from where to where, how many, and nothing below the threshold that is printed beside it. */
import { describe, expect, it } from 'vitest';
import { type CaptureReplay, ofKind, replayText } from '../support/replay-capture.ts';
import { trace } from '../support/replay-dsl.ts';

const stamp = (us: number): string => `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;

/** A handler of `busyUs` every millisecond in [from, to) ms. */
function load(fromMs: number, toMs: number, busyUs: number): string {
  const lines: string[] = [];
  for (let us = fromMs * 1000; us < toMs * 1000; us += 1000)
    lines.push(
      `a-7 [001] d.h1. ${stamp(us)}: irq_handler_entry: irq=24 name=eth0`,
      `a-7 [001] d.h1. ${stamp(us + busyUs)}: irq_handler_exit: irq=24 ret=handled`,
    );
  return lines.join('\n');
}

const quiet = (ms: number): string => `a-7 [001] ..... ${stamp(ms * 1000)}: rcu_utilization: Start context switch`;
const storms = (outcome: CaptureReplay) => ofKind(outcome, 'irq-storm');

describe('bounds of a storm', () => {
  it('leave out the light load before and after', async () => {
    const outcome = await replayText(trace`${load(1000, 3000, 10)}
      ${load(3000, 5000, 900)}
      ${load(5000, 8000, 10)}
      ${quiet(9000)}`);
    const [storm] = storms(outcome);
    expect(storms(outcome)).toHaveLength(1);
    expect(Math.abs(storm.start_ns - 3e9)).toBeLessThanOrEqual(1e7);
    expect(Math.abs(storm.end_ns - 5e9)).toBeLessThanOrEqual(1e7);
    expect(storm.share).toBeCloseTo(0.9, 2);
    expect(storm.count).toBeGreaterThanOrEqual(1990);
    expect(storm.count).toBeLessThanOrEqual(2010);
  });

  it('begin with the first handler that is cited', async () => {
    const outcome = await replayText(trace`${quiet(1000)}
      ${load(3000, 5000, 900)}
      ${quiet(9000)}`);
    const [storm] = storms(outcome);
    const [first] = storm.evidence;
    expect(first).toMatchObject({ role: 'first handler of the storm', event: 2 });
    expect([storm.start_ns, storm.end_ns]).toEqual([3e9, 4_999_900_000]);
  });
});

describe('what is below the threshold is no storm', () => {
  it('of its length: 966 ms of a second', async () => {
    expect(
      storms(
        await replayText(trace`${quiet(1000)}
      ${load(3000, 3966, 950)}
      ${quiet(9000)}`),
      ),
    ).toEqual([]);
  });

  it('of its share', async () => {
    const outcome = await replayText(trace`${quiet(1000)}
      ${load(3000, 3300, 990)}
      ${load(3300, 6000, 480)}
      ${quiet(9000)}`);
    for (const storm of storms(outcome)) expect(storm.share).toBeGreaterThanOrEqual(0.5);
  });

  it('and each kind has a threshold of its own', async () => {
    const text = trace`${quiet(1000)}
      ${load(3000, 6000, 600)}
      ${quiet(9000)}`;
    expect(storms(await replayText(text))).toHaveLength(1);
    expect(storms(await replayText(text, { thresholds: { irqStormShare: 0.7 } }))).toEqual([]);
    const strict = await replayText(text, { thresholds: { nmiStormShare: 0.9, irqStormShare: 0.55 } });
    expect(storms(strict)).toHaveLength(1);
    expect(storms(strict)[0].notes[0].text).toMatch(/threshold.*55/);
  });
});

it('an NMI runs every handler of its list: two records are one NMI', async () => {
  const lines: string[] = [];
  for (let us = 1e6; us < 3e6; us += 1000)
    lines.push(
      `a-7 [001] d.z1. ${stamp(us + 100)}: nmi_handler: perf_event_nmi_handler() delta_ns: 100000 handled: 0`,
      `a-7 [001] d.z1. ${stamp(us + 900)}: nmi_handler: storm_handler() delta_ns: 800000 handled: 1`,
    );
  const [storm] = ofKind(await replayText(trace`${lines.join('\n')}`), 'nmi-storm');
  expect(storm.count).toBe(2000);
  expect(storm.title).toContain(': 2000 NMIs, longest 800 µs');
});
