/** Stamps in jiffies: an interrupt that makes the clock step has no known length. */
import { describe, expect, it } from 'vitest';
import { ClockResolution } from '../../src/replay/model/cpu/clock-resolution.ts';
import { ofKind, replayText } from '../support/replay-capture.ts';
import { trace } from '../support/replay-dsl.ts';

/** 4 s of timer interrupts, HZ=250, each over before the next: the clock is read `lastsS` later at its end. */
function ticks(lastsS: number): string {
  const lines: string[] = [];
  for (let tick = 0; tick < 1000; tick++) {
    const at = 1 + tick * 0.004;
    lines.push(
      `<idle>-0 [000] d.h1. ${at.toFixed(6)}: local_timer_entry: vector=236`,
      `<idle>-0 [000] d.h1. ${(at + lastsS).toFixed(6)}: local_timer_exit: vector=236`,
    );
  }
  return trace`${lines.join('\n')}`;
}

describe('a coarse clock', () => {
  it('makes no storm of timer interrupts that end one step after they began', async () => {
    expect(ofKind(await replayText(ticks(0.004)), 'irq-storm')).toEqual([]);
  });

  it('a fine one shows interrupts that really last that long', async () => {
    expect(ofKind(await replayText(ticks(0.003)), 'irq-storm')).toHaveLength(1);
  });

  it('a sparse recording is not one: its steps are no jiffies', () => {
    const resolution = new ClockResolution();
    for (let step = 0; step < 1000; step++) resolution.advance(step * 1.5e6);
    expect(resolution.stepNs).toBe(0);
    for (let step = 0; step < 1000; step++) resolution.advance(2e9 + step * 4e6);
    expect(resolution.stepNs).toBe(0);
  });
});
