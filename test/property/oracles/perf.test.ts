/** MODEL §9 O53: each complaint of perf names the allowance that the one before set, or complaints in between were not printed. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PerfLadder } from '../../../src/replay/model/log/perf-ladder.ts';
import { notesText } from '../../support/notes.ts';
import { ofKind } from '../../support/replay-capture.ts';
import { replayLog } from '../../support/replay-log.ts';

interface Complaint {
  readonly averageNs: number;
  readonly allowedNs: number;
  readonly rateHz: number;
}

/** What perf_sample_event_took() does with averages: complaints, the ones that exceed what is allowed. HZ 250, 25 %. */
function complaintsOf(averages: readonly number[]): Complaint[] {
  const complaints: Complaint[] = [];
  let allowedNs = 2500;
  for (const averageNs of averages) {
    if (averageNs <= allowedNs) continue;
    const raisedNs = averageNs + Math.floor(averageNs / 4);
    const budgetNs = (4e6 / 100) * 25;
    const perTick = raisedNs < budgetNs ? Math.floor(budgetNs / raisedNs) : 1;
    complaints.push({ averageNs, allowedNs, rateHz: perTick * 250 });
    allowedNs = raisedNs;
  }
  return complaints;
}

const averages = fc.array(fc.integer({ min: 100, max: 4e5 }), { minLength: 1, maxLength: 60 });

function climb(complaints: readonly Complaint[]): PerfLadder {
  const ladder = new PerfLadder();
  for (const complaint of complaints) ladder.add(complaint);
  return ladder;
}

describe('O53', () => {
  it('holds on a ladder of which every complaint was printed', () => {
    fc.assert(
      fc.property(averages, (values) => {
        const complaints = complaintsOf(values);
        const ladder = climb(complaints);
        expect([ladder.steps, ladder.merged, ladder.resets]).toEqual([complaints.length, 0, 0]);
        const last = complaints.at(-1);
        if (last) expect(ladder.allowedNs).toBe(last.averageNs + Math.floor(last.averageNs / 4));
      }),
    );
  });

  it('a complaint that was not printed shows as one merged, unless it was the first or the last', () => {
    let dropped = 0;
    fc.assert(
      fc.property(averages, fc.nat(), (values, pick) => {
        const complaints = complaintsOf(values);
        fc.pre(complaints.length >= 3);
        const index = 1 + (pick % (complaints.length - 2));
        expect(climb(complaints.filter((_, i) => i !== index)).merged).toBe(1);
        dropped++;
      }),
    );
    expect(dropped).toBeGreaterThan(0);
  });

  it('an allowance that falls was set by somebody', () => {
    const [first, second] = complaintsOf([3000, 9000]);
    expect(climb([first, second, { ...first }])).toMatchObject({ merged: 0, resets: 1 });
  });

  it('is told with the storm, in nanoseconds (T41, T67)', async () => {
    const ladder = complaintsOf([3100, 69_000, 110_000, 336_000]);
    const lines = [ladder[0], ladder[1], ladder[3]].map(
      ({ averageNs, allowedNs, rateHz }, i) =>
        `[  ${100 + i * 10}.000000] perf: interrupt took too long (${averageNs} > ${allowedNs}), lowering kernel.perf_event_max_sample_rate to ${rateHz}`,
    );
    const [storm] = ofKind(await replayLog(`${lines.join('\n')}\n`), 'nmi-storm');
    const notes = notesText(storm);
    expect(storm.title).toContain('336 µs');
    expect(notes).toMatch(/climbed from 2.50 µs to 420 µs, the sample rate fell to 500 Hz/);
    expect(notes).toContain('1 intermediate steps were not printed');
  });
});
