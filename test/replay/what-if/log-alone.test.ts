/** What-if on a log: what its reports prove is answered, what only times of single waits could tell is not. */
import { expect, it } from 'vitest';
import { whatIf } from '../../../src/jobs/what-if.ts';
import { whatIfText } from '../../../src/report/what-if-text.ts';

const SAMPLE = new URL('../../../samples/nmi-storm.dmesg.txt', import.meta.url).pathname;
const PLAIN = { bold: (t: string) => t, dim: (t: string) => t, severity: (_: unknown, t: string) => t };

it('takes the storm that the log names out, and says which changes it cannot judge', async () => {
  const result = await whatIf([SAMPLE], ['no-nmi-load', 'expedited', 'srcu-polled-rcu', 'preempt-rt']);
  const [load, expedited, polled] = result.variants;
  expect(load).toMatchObject({ no_op: false, remains: [] });
  expect(load.cleared).toEqual([...new Set(result.baseline.map(({ id }) => id))]);
  for (const variant of [expedited, polled]) expect(variant).toMatchObject({ no_op: true, undecided: true });
  const text = whatIfText(result, PLAIN);
  expect(text.replace(/\s+/g, ' ')).toContain('a log cannot answer, it has no times of single waits');
  expect(text).not.toMatch(/no-op[^\n]*(expedited|srcu-polled-rcu)/);
});
