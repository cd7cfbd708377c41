/** Lanes of grace periods: their phases, and the CPUs, tasks and readers that they waited for. */
import type { Lane } from '../../../schema/index.ts';
import { rowsOf, type TimelineSource } from './source.ts';
import { TrackBuilder } from './track-builder.ts';

/** srcu_structs that no finding names, those with the longest grace periods. */
const MOST_LANES = 12;

interface PeriodTracks {
  readonly phases: TrackBuilder;
  readonly holdouts: TrackBuilder;
  readonly srcu: boolean;
  longestNs: number;
}

type PeriodRow = readonly [
  flavor: string,
  gpSeq: string | null,
  expedited: number,
  requestNs: number | null,
  startNs: number,
  initDoneNs: number | null,
  lastReportNs: number | null,
  endNs: number | null,
];

export function gracePeriodLanes(source: TimelineSource): Lane[] {
  const { strings, level, subjects } = source;
  const flavors = new Map<string, PeriodTracks>();
  const tracksOf = (flavor: string, srcu: boolean): PeriodTracks => {
    let tracks = flavors.get(flavor);
    if (tracks === undefined) {
      tracks = {
        phases: new TrackBuilder('grace periods', level),
        holdouts: new TrackBuilder(srcu ? 'readers' : 'waits for', level),
        srcu,
        longestNs: 0,
      };
      flavors.set(flavor, tracks);
    }
    return tracks;
  };
  const periods = rowsOf<PeriodRow>(
    source,
    `SELECT flavor, gp_seq, expedited, request_ns, start_ns, init_done_ns, last_report_ns, end_ns
     FROM grace_period WHERE run_id = ? ORDER BY start_ns`,
  );
  for (const row of periods) {
    const [flavor, gpSeq, expedited, , startNs, , , endNs] = row;
    const tracks = tracksOf(expedited ? `${flavor} expedited` : flavor, !/^rcu_/.test(flavor));
    tracks.longestNs = Math.max(tracks.longestNs, (endNs ?? level.lastNs) - startNs);
    addPhases(tracks.phases, row, strings.id(gpSeq === null ? flavor : `${flavor} ${gpSeq}`));
  }
  readHoldouts(source, flavors);
  readReaders(source, flavors);
  return [...flavors]
    .sort(
      ([a, x], [b, y]) =>
        Number(subjects.gracePeriods.has(b)) - Number(subjects.gracePeriods.has(a)) || y.longestNs - x.longestNs,
    )
    .slice(0, MOST_LANES)
    .map(([flavor, { phases, holdouts, srcu }]) => ({
      key: `gp:${flavor}`,
      group: srcu ? 'SRCU' : 'RCU',
      name: flavor,
      tracks: [phases, ...(holdouts.length > 0 ? [holdouts] : [])].map((track) => track.finish()),
    }));
}

/** Requested, initialising, waiting for quiescent states, cleaning up. */
function addPhases(track: TrackBuilder, row: PeriodRow, label: number): void {
  const [, , , requestNs, startNs, initDoneNs, lastReportNs, endNs] = row;
  if (requestNs !== null && requestNs < startNs) track.add(requestNs, startNs, 'gp-request', label);
  const waitsFrom = initDoneNs ?? startNs;
  if (initDoneNs !== null) track.add(startNs, initDoneNs, 'gp-init', label);
  const waitsTo = lastReportNs ?? endNs;
  track.add(waitsFrom, waitsTo, 'gp-wait', label);
  if (lastReportNs !== null) track.add(lastReportNs, endNs, 'gp-end', label);
}

function readHoldouts(source: TimelineSource, flavors: ReadonlyMap<string, PeriodTracks>): void {
  const { strings } = source;
  const rows = rowsOf<
    readonly [string, number | null, number | null, string | null, number, number | null, string | null]
  >(
    source,
    'SELECT flavor, cpu, tid, comm, start_ns, end_ns, cause FROM rcu_blocker WHERE run_id = ? ORDER BY start_ns',
  );
  for (const [flavor, cpu, tid, comm, startNs, endNs, cause] of rows) {
    const who = tid === null ? `CPU ${cpu}` : `${comm ?? 'task'}:${tid}`;
    const label = strings.id(cause === null ? `waits for ${who}` : `waits for ${who}: ${cause}`);
    flavors.get(flavor)?.holdouts.add(startNs, endNs, 'holdout', label);
  }
}

function readReaders(source: TimelineSource, flavors: ReadonlyMap<string, PeriodTracks>): void {
  const { strings } = source;
  const rows = rowsOf<readonly [string, string, number, number, number | null]>(
    source,
    'SELECT domain, comm, tid, start_ns, end_ns FROM srcu_reader WHERE run_id = ?',
  );
  for (const [domain, comm, tid, startNs, endNs] of rows)
    flavors.get(domain)?.holdouts.add(startNs, endNs, 'reader', strings.id(`reader ${comm}:${tid}`));
}
