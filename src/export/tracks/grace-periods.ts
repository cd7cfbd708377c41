/** Grace periods of each flavour and srcu_struct with their phases, and the CPUs and tasks that they waited for. */
import { LaneGroup, type Timeline, type TrackId } from '../timeline.ts';
import { factRows, type RunFacts } from './run-facts.ts';

type Bound = number | null;

/** The stretches between the instants that the events of a grace period show. */
const PHASES = ['initialisation', 'quiescent states', 'cleanup'] as const;

export function writeGracePeriods(facts: RunFacts, timeline: Timeline, group: TrackId): void {
  const flavors = new LaneGroup<string>(timeline, group, (flavor) => flavor);
  const rows = factRows(facts, {
    columns:
      'f.start_ns, f.end_ns, f.flavor, f.gp_seq, f.expedited, f.request_ns, f.init_done_ns, f.last_report_ns, f.confidence, f.holdouts',
    from: 'grace_period AS f',
  });
  for (const row of rows) {
    const [startNs, endNs] = row as [number, Bound];
    const [, , flavor, seq, expedited, requestNs, initNs, reportNs, confidence, holdouts] = row;
    const name = `${expedited === 1 ? 'expedited grace period' : 'grace period'}${seq === null ? '' : ` ${seq}`}`;
    const args = { flavor, gp_seq: seq, confidence, holdouts, request_ns: requestNs };
    flavors
      .of(flavor as string)
      .slice(startNs, endNs, name, { category: 'grace-period', args }, (track) =>
        writePhases(timeline, track, [startNs, initNs as Bound, reportNs as Bound, endNs]),
      );
  }
}

/** Phases that follow each other; one whose end is not known takes in the next. */
function writePhases(timeline: Timeline, track: TrackId, bounds: readonly [number, ...Bound[]]): void {
  const lastNs = bounds.at(-1) ?? null;
  let fromNs = bounds[0];
  PHASES.forEach((phase, i) => {
    const toNs = bounds[i + 1];
    if (toNs === null || toNs <= fromNs || (lastNs !== null && toNs > lastNs)) return;
    timeline.begin(track, fromNs, phase, { category: 'phase' });
    timeline.end(track, toNs);
    fromNs = toNs;
  });
}

export function writeHoldouts(facts: RunFacts, timeline: Timeline, group: TrackId): void {
  const holdouts = new LaneGroup<string>(timeline, group, (who) => who);
  const rows = factRows(facts, {
    columns: 'f.start_ns, f.end_ns, f.flavor, f.gp_seq, f.tid, f.comm, f.cause, f.nmi_ns, f.hardirq_ns, f.softirq_ns',
    from: 'rcu_blocker AS f',
    cpu: 'f.cpu',
  });
  for (const row of rows) {
    const [startNs, endNs] = row as [number, Bound];
    const [, , flavor, seq, tid, comm, cause, nmiNs, hardirqNs, softirqNs, cpu] = row;
    const who = tid === null ? `CPU ${cpu}` : `${comm}:${tid}`;
    const args = {
      flavor,
      gp_seq: seq,
      cpu,
      tid,
      cause,
      nmi_ns: nmiNs,
      hardirq_ns: hardirqNs,
      softirq_ns: softirqNs,
    };
    holdouts
      .of(`${flavor} waits for ${who}`)
      .slice(startNs, endNs, `grace period ${seq ?? ''}${cause === null ? '' : `: ${cause}`}`, {
        category: 'holdout',
        args,
      });
  }
}
