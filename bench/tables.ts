/** What the benchmarks print. */
import { basename } from 'node:path';
import { type Change, median } from './baseline.ts';
import type { Row } from './trials.ts';

export interface Summary {
  readonly input: string;
  readonly case: string;
  readonly events: number;
  readonly wall_s: number;
  readonly wall_min_s: number;
  readonly wall_max_s: number;
  readonly cpu_s: number;
  readonly events_per_s: number;
  readonly peak_mib: number;
  /** Wall time ÷ that of the peer of the same input; null without one. */
  readonly of_peer: number | null;
}

/** Medians over the trials, with the range of the wall times. */
export function summaries(rows: readonly Row[]): Summary[] {
  return rows.map((row) => {
    const wall = row.trials.map((trial) => trial.wallNs / 1e9);
    const peer = rows.find((other) => other.input === row.input && other.case === 'peer');
    const peerWall = peer && median(peer.trials.map((trial) => trial.wallNs / 1e9));
    const { events } = row.trials[0];
    return {
      input: basename(row.input),
      case: row.title,
      events,
      wall_s: median(wall),
      wall_min_s: Math.min(...wall),
      wall_max_s: Math.max(...wall),
      cpu_s: median(row.trials.map((trial) => trial.cpuNs / 1e9)),
      events_per_s: Math.round(events / median(wall)),
      peak_mib: median(row.trials.map((trial) => trial.peakBytes / (1 << 20))),
      of_peer: peerWall === undefined || row.case === 'peer' ? null : median(wall) / peerWall,
    };
  });
}

export function summaryTable(rows: readonly Summary[]): string {
  const peers = rows.some((row) => row.of_peer !== null);
  return table(
    ['input', 'case', 'events', 'wall', 'range', 'CPU', 'rate', 'peak memory', ...(peers ? ['of peer'] : [])],
    rows.map((row) => [
      row.input,
      row.case,
      row.events ? String(row.events) : '',
      `${row.wall_s.toFixed(2)} s`,
      `${row.wall_min_s.toFixed(2)}–${row.wall_max_s.toFixed(2)}`,
      `${row.cpu_s.toFixed(2)} s`,
      row.events > 1000 ? `${(row.events_per_s / 1e3).toFixed(0)} k/s` : '',
      row.peak_mib ? `${row.peak_mib.toFixed(0)} MiB` : '',
      ...(peers ? [row.of_peer === null ? '' : `${row.of_peer.toFixed(2)} ×`] : []),
    ]),
  );
}

/** `healthy-1000000.txt` → sample and size. */
const SIZED = /^(.*)-(\d+)\.txt$/;

/** Cost per event as a capture grows, relative to the smallest size: 1.00 is flat. */
export function scalingTable(rows: readonly Summary[]): string {
  const sized = rows.flatMap((row) => {
    const match = SIZED.exec(row.input);
    return match && row.events > 1000 ? [{ ...row, sample: match[1], size: Number(match[2]) }] : [];
  });
  return table(
    ['sample', 'case', 'events', 'CPU per event', 'to the smallest', 'peak memory'],
    sized.map((row) => {
      const smallest = sized
        .filter((other) => other.sample === row.sample && other.case === row.case)
        .reduce((least, other) => (other.size < least.size ? other : least));
      const perEvent = row.cpu_s / row.events;
      return [
        row.sample,
        row.case,
        String(row.events),
        `${(perEvent * 1e6).toFixed(2)} µs`,
        `${(perEvent / (smallest.cpu_s / smallest.events)).toFixed(2)} ×`,
        `${row.peak_mib.toFixed(0)} MiB`,
      ];
    }),
  );
}

/** Costs of the models, of the trial with the least CPU time. Empty when none was timed. */
export function partsTable(rows: readonly Row[]): string {
  const lines = rows.flatMap((row) => {
    const quietest = row.trials.reduce((least, trial) => (trial.cpuNs < least.cpuNs ? trial : least));
    const parts = (quietest.parts ?? []).filter(({ ns }) => ns > 0);
    const total = parts.reduce((sum, { ns }) => sum + ns, 0);
    return [...parts]
      .sort((a, b) => b.ns - a.ns)
      .map(({ name, events, ns }) => [
        basename(row.input),
        name,
        String(events),
        `${(ns / 1e6).toFixed(0)} ms`,
        `${((ns / total) * 100).toFixed(0)} %`,
        `${(ns / events).toFixed(0)} ns`,
      ]);
  });
  return lines.length === 0 ? '' : table(['input', 'model', 'events', 'time', 'share', 'per event'], lines);
}

export function changeTable(changes: readonly Change[]): string {
  return table(
    ['input', 'case', 'before', 'now', 'change', 'p', 'memory', 'verdict'],
    changes.map(({ input, case: name, before, now, pValue, memory, verdict }) => [
      input,
      name,
      before.toFixed(2),
      now.toFixed(2),
      `${now >= before ? '+' : ''}${((now / before - 1) * 100).toFixed(1)} %`,
      pValue.toFixed(3),
      memory[0] > 0 ? `${memory[0]} → ${memory[1]} MiB` : '',
      verdict,
    ]),
  );
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
