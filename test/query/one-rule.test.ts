/** What replay decides is written with the run, and SQL reads it: no query and no histogram has a rule of its own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainFinding } from '../../src/query/explain.ts';
import { metricHistograms } from '../../src/query/metric-histograms.ts';
import { runNamedQuery } from '../../src/query/named-catalog.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { explainText } from '../../src/report/explain/explain-text.ts';
import { PLAIN } from '../../src/report/text/style.ts';
import { quiesce } from '../support/command-line.ts';
import { buildStore, textCapture } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A wait for RCU Tasks, and a call of synchronize_rcu_expedited() that falls back to synchronize_rcu(). */
const WAITS = `# tracer: nop
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
            a-7       [000] .....     1.000000: synchronize_rcu_tasks: (synchronize_rcu_tasks+0x0/0x30)
            a-7       [000] .....     1.400000: synchronize_rcu_tasks_ret: (caller+0x4/0x30 <- synchronize_rcu_tasks)
            b-8       [001] .....     2.000000: synchronize_rcu_expedited: (synchronize_rcu_expedited+0x0/0x30)
            b-8       [001] .....     2.000100: synchronize_rcu: (synchronize_rcu+0x0/0x30)
            b-8       [001] .....     2.300000: synchronize_rcu_ret: (synchronize_rcu_expedited+0x4/0x30 <- synchronize_rcu)
            b-8       [001] .....     2.300100: synchronize_rcu_expedited_ret: (caller+0x4/0x30 <- synchronize_rcu_expedited)
`;

const folder = temporaryFolder();
let storm: string;
let waits: string;

beforeAll(async () => {
  storm = await buildStore(`${folder.path}/storm.db`, ['nmi-storm.trace.txt.zst']);
  waits = await buildStore(`${folder.path}/waits.db`, [textCapture('waits', WAITS)]);
});
afterAll(() => folder.remove());

function connected<T>(db: string, read: (connection: QueryConnection) => T): T {
  const connection = new QueryConnection(db);
  try {
    return read(connection);
  } finally {
    connection.close();
  }
}

describe('histograms of calls', () => {
  it.each(['synchronize-rcu', 'synchronize-rcu-tasks'])(
    '%s: the stored ones and those by api count the same calls',
    (metric) => {
      const [whole] = metricHistograms(waits, { metric }).histograms;
      const parts = metricHistograms(waits, { metric, by: 'api' }).histograms;
      expect(whole?.histogram.count).toBe(1);
      expect(parts.map(({ histogram }) => histogram.count)).toEqual([1]);
      expect(parts[0].histogram.sum).toBe(whole.histogram.sum);
    },
  );
});

describe('the stall timeout', () => {
  it('of near-stalls is the one that the verdicts of the run go by', () => {
    const [timeout, share] = connected(storm, (connection) => {
      const [[ns]] = [...connection.query('SELECT stall_timeout_ns FROM run').rows];
      const { columns, rows } = runNamedQuery(connection, 'near-stalls');
      const [first] = [...rows];
      return [Number(ns), Number(first[columns.indexOf('of_timeout')])];
    });
    // The kernel warned after 2015 jiffies of 1/250 s on a clock that runs apart from its jiffies.
    expect(timeout).toBeGreaterThan(7.9e9);
    expect(timeout).toBeLessThan(8e9);
    expect(share).toBe(Math.round((13697591000 / timeout) * 100) / 100);
  });
});

describe('the name of a query where a statement is expected', () => {
  it('is told to be one', async () => {
    expect(await quiesce('query', storm, 'near-stalls')).toMatchObject({
      status: 2,
      err: "quiesce: 'near-stalls' is a query of the library, not a statement: --named near-stalls\n",
    });
  });
});

describe('evidence that is a range of events', () => {
  it('is told as a range, not as its first event', () => {
    const explanation = connected(storm, (connection) => explainFinding(connection, 'rcu-stall', undefined));
    expect(explanation.ranges.length).toBeGreaterThan(0);
    for (const { event, toEvent, fromNs, toNs, role } of explanation.ranges) {
      expect([role, toEvent >= event, toNs >= fromNs]).toEqual([role, true, true]);
      expect(explanation.events.map((single) => single.role)).not.toContain(role);
    }
    const told = {
      text: /28\.710218 to [\s\S]*events 2887 to 33051: rcu/,
      md: /\| 28\.710218 \| .* \| 2887 to 33051 \|/,
    };
    for (const format of ['text', 'md'] as const) {
      expect(explainText(explanation, { style: PLAIN, format, all: true })).toMatch(told[format]);
      // Ranges make the evidence complete; people do not look at them.
      expect(explainText(explanation, { style: PLAIN, format })).not.toMatch(told[format]);
    }
  });
});
