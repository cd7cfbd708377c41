/** A run of a fleet with one of everything. */
import type { FleetRun, FleetValue } from '../../schema/index.ts';
import { labelsText, mondayOf } from '../../src/fleet/collect.ts';

export interface PlainRun {
  readonly run: string;
  readonly day: string;
  readonly host?: string;
  readonly kernel?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Identities of its findings, errors all. Default: one. */
  readonly identities?: readonly string[];
  /** Kinds that it could not have shown. */
  readonly notAssessed?: readonly string[];
}

export function plainRun({
  run,
  day,
  host = 'h',
  kernel = '6.12',
  labels = {},
  identities = ['rcu-stall rcu_preempt'],
  notAssessed = [],
}: PlainRun): FleetRun {
  const week = mondayOf(day);
  const at = `${day}T12:00:00Z`;
  const text = labelsText({ kernel, host, ...labels });
  const who: FleetValue[] = [run, day, kernel, host, text];
  const kinds = ['rcu-stall', 'lock-inversion'];
  return {
    run,
    day,
    name: run,
    rows: {
      run: [[run, day, week, at, kernel, host, text, run, kernel, '0.1.0', 2, 1000, 0, 1e9, identities.length, 0]],
      assessment: kinds.map((kind) => [...who, kind, notAssessed.includes(kind) ? 'not-assessed' : 'assessed']),
      finding: identities.map((identity, i) => [
        run,
        day,
        week,
        at,
        kernel,
        host,
        text,
        i + 1,
        `f${i}`,
        identity.split(' ')[0],
        'error',
        'observed',
        identity,
        identity,
        `title of ${identity}`,
        0,
        1e9,
        1e9,
      ]),
      histogram: [[run, day, week, kernel, host, text, 'rcu-gp', 'rcu_preempt', 3, 0, 1, 100, 111]],
      bucket: [
        [run, day, week, kernel, host, 'rcu-gp', 'rcu_preempt', 1, 1],
        [run, day, week, kernel, host, 'rcu-gp', 'rcu_preempt', 10, 1],
        [run, day, week, kernel, host, 'rcu-gp', 'rcu_preempt', 100, 1],
      ],
      slowest: [[...who, 'nmi', 'handler', 2, 50, 60]],
    },
  };
}
