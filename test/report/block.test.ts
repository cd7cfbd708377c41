/** The data block of a report page: what the report writes, the page reads. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPEN_SPAN, SPAN_KINDS, type Timeline } from '../../schema/index.ts';
import { StringTable, TrackBuilder } from '../../src/query/timeline/track-builder.ts';
import { decodeColumn, encodeColumn } from '../../src/report/block/columns.ts';
import { decodeTimeline, encodeTimeline } from '../../src/report/block/timeline-block.ts';

const whole = { firstNs: 1e9, lastNs: 2e9, sliceNs: 0, windows: [] };

describe('columns', () => {
  it.each([
    [1, 0xff],
    [2, 0xffff],
    [4, 0xffffffff],
  ] as const)('of %i bytes keep every value', (width, max) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max })), fc.boolean(), (values, delta) => {
        const bytes = encodeColumn(values, width, delta);
        expect([...decodeColumn(bytes, 0, values.length, width, delta)]).toEqual(values);
      }),
    );
  });

  it('that are cut short are refused', () => {
    expect(() => decodeColumn(new Uint8Array(7), 0, 2, 4, false)).toThrow(RangeError);
  });
});

describe('a timeline', () => {
  const timelineOf = (lastNs: number): Timeline => {
    const level = { ...whole, lastNs };
    const strings = new StringTable();
    const track = new TrackBuilder('state', level);
    track.add(1_500_000_000, null, 'blocked', strings.id('blocked'));
    track.add(1_000_000_000, 1_500_000_000, 'running', strings.id('CPU 1'));
    const lane = { key: 'task:7', group: 'CPUs', name: 'a:7', tracks: [track.finish()] } as const;
    return { firstNs: level.firstNs, lastNs, sliceNs: 0, strings: strings.texts, lanes: [lane] };
  };

  it('comes back as it was', () => {
    const timeline = timelineOf(2e9);
    const { directory, bytes } = encodeTimeline(timeline);
    expect(decodeTimeline(JSON.parse(JSON.stringify(directory)), bytes)).toEqual(timeline);
    const [{ spans }] = timeline.lanes[0].tracks;
    expect([...spans.kind]).toEqual([SPAN_KINDS.indexOf('running'), SPAN_KINDS.indexOf('blocked') | OPEN_SPAN]);
    expect([...spans.endNs]).toEqual([1.5e9, 2e9]);
  });

  it('of hours is exact to its tick', () => {
    const timeline = timelineOf(1e9 + 3 * 3600e9);
    const { directory, bytes } = encodeTimeline(timeline);
    const { startNs } = decodeTimeline(directory, bytes).lanes[0].tracks[0].spans;
    expect(directory.tickNs).toBeGreaterThan(1);
    expect(Math.abs(startNs[1] - 1_500_000_000)).toBeLessThanOrEqual(directory.tickNs);
  });
});

describe('a run with too many spans', () => {
  const level = { firstNs: 0, lastNs: 999, sliceNs: 100, windows: [[300, 399]] as const };

  it('keeps long ones, and those near findings, one by one', () => {
    const track = new TrackBuilder('irq', level);
    track.add(0, 250, 'hardirq', 1);
    track.add(310, 320, 'hardirq', 2);
    track.add(500, 550, 'hardirq', 3);
    expect([...track.finish().spans.label]).toEqual([1, 2]);
  });

  it('says of the others how much of the time they took', () => {
    const track = new TrackBuilder('irq', level);
    for (let at = 600; at < 700; at += 10) track.add(at, at + 5, 'hardirq', 4);
    track.add(890, 910, 'softirq', 5);
    const { spans, density } = track.finish();
    expect(spans.startNs).toHaveLength(0);
    expect(density?.kind).toBe('hardirq');
    expect([...(density?.share ?? [])].map((share) => Math.round((share / 255) * 100))).toEqual([
      0, 0, 0, 0, 0, 0, 50, 0, 10, 10,
    ]);
    expect(density?.label[6]).toBe(4);
  });
});
