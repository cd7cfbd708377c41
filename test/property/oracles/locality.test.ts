/**
 * MODEL §9 O24: two recordings side by side, with tasks, CPUs and structs of their own, say together what each says alone; and deleting one
 * of them leaves the other's chains as they are.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../../schema/index.ts';
import { type Cell, type EventLog, type LoggedEvent, readLog, replayLog } from '../../support/event-log.ts';
import { renameLog, sayings, shiftLog } from '../log-transforms.ts';

const at = (path: string): string => new URL(`../../../${path}.trace.txt.zst`, import.meta.url).pathname;

/** CPUs, tasks and addresses that the first recording does not have. */
const FURTHER = {
  tid: (tid: number) => (tid > 0 ? tid + 30000 : tid),
  cpu: (cpu: number) => (cpu >= 0 ? cpu + 4 : cpu),
};
const POINTERS = /^(ssp|work|arg1|timer|rhp|lockdep_addr|lock_addr|worker)$/;
const FAR = 0x10_0000_0000;

function further(log: EventLog): EventLog {
  const moved = (cell: Cell, field: string): Cell => {
    if (!POINTERS.test(field)) return cell;
    if (typeof cell === 'bigint') return cell + BigInt(FAR);
    return typeof cell === 'number' && cell !== 0 ? cell + FAR : cell;
  };
  return renameLog(log, FURTHER).map((event) => ({
    ...event,
    cells: event.cells.map((cell, i) => moved(cell, event.fields[i]?.name ?? '')),
  }));
}

/** Grace periods of RCU and the ticks that prove its quiescent states are one thing for all CPUs: the second recording goes without. */
const alone = (log: EventLog): EventLog => log.filter((event) => !event.name.startsWith('rcu_'));

const thresholds = { hungTaskNs: 5e9 };
const CHAINS: ReadonlySet<Finding['kind']> = new Set([
  'blocked-sync',
  'hung-task',
  'deadlock',
  'rcu-stall',
  'nmi-storm',
  'gp-kthread-starved',
  'workqueue-stall',
]);
const said = (log: EventLog): unknown[] =>
  sayings(replayLog(log, { thresholds }).findings.filter((finding) => CHAINS.has(finding.kind)));

const logs = new Map<string, EventLog>();
const of = (name: string): EventLog => logs.get(name) as EventLog;

beforeAll(async () => {
  const paths = {
    'nmi-storm': 'samples/nmi-storm',
    'preempted-reader': 'samples/preempted-reader',
    'srcu-chain': 'test/fixtures/replay/srcu-chain',
    'srcu-deadlock': 'samples/srcu-deadlock',
  };
  for (const [name, path] of Object.entries(paths)) logs.set(name, await readLog(at(path)));
});

/** The second one ends with the first: what is open at the end is as old in both. */
function beside(first: EventLog, second: EventLog): { both: EventLog; second: EventLog } {
  const moved = shiftLog(second, first[first.length - 1].tsNs - second[second.length - 1].tsNs);
  return { both: [...first, ...moved].sort((a, b) => a.tsNs - b.tsNs), second: moved };
}

const byText = (a: unknown, b: unknown): number => JSON.stringify(a).localeCompare(JSON.stringify(b));

describe('O24 two systems side by side', () => {
  const pairs: [first: string, second: string][] = [
    ['nmi-storm', 'srcu-chain'],
    ['nmi-storm', 'srcu-deadlock'],
    ['preempted-reader', 'srcu-chain'],
    ['preempted-reader', 'srcu-deadlock'],
  ];
  it.each(pairs)('%s and %s say together what each says alone', (one, other) => {
    const { both, second } = beside(of(one), further(alone(of(other))));
    const apart = [...said(of(one)), ...said(second)].sort(byText);
    expect(apart.length).toBeGreaterThan(4);
    expect(said(both).sort(byText)).toEqual(apart);
  });

  it('the second one alone says what it said among its own CPUs, tasks and addresses', () => {
    const log = alone(of('srcu-chain'));
    const moved = sayings(replayLog(log, { thresholds }).findings, FURTHER).sort(byText);
    expect(sayings(replayLog(further(log), { thresholds }).findings).sort(byText)).toEqual(moved);
  });
});

describe('O24 tasks that take no part', () => {
  it.each(['nmi-storm', 'srcu-chain', 'srcu-deadlock'])(
    'what they do between context switches does not matter in %s',
    (name) => {
      const log = of(name);
      const outcome = replayLog(log, { thresholds });
      const involved = new Set(
        outcome.findings.flatMap((finding) => [
          ...('chain' in finding ? (finding.chain ?? []).map((link) => link.tid) : []),
          ...('tid' in finding ? [finding.tid] : []),
        ]),
      );
      const scheduling = /^(sched_|kernel_stack|rcu_|irq|nmi|local_timer|softirq|call_function|reschedule)/;
      const takesPart = (event: LoggedEvent): boolean =>
        event.tid <= 0 || involved.has(event.tid) || event.comm.startsWith('kworker') || scheduling.test(event.name);
      // Workers drive grace periods even where they are on no chain; the last event is the end of the recording.
      const fewer = log.filter((event, i) => takesPart(event) || i === log.length - 1);
      expect(fewer.length).toBeLessThan(log.length);
      expect(said(fewer)).toEqual(said(log));
    },
  );
});
