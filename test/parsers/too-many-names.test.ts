/** More names than any kernel has: no value is dropped, known events stay what they are, and what is folded is counted. */
import { expect, it } from 'vitest';
import { ftraceText } from '../../parsers/ftrace-text/format.ts';
import { perfScript } from '../../parsers/perf-script/perf-script.ts';
import { readText } from '../support/parser-contract.ts';

const PAIRS = Array.from({ length: 70 }, (_, i) => `k${i}=${i * 3}`);
const WAKING = 'sched:sched_waking: comm=a pid=5 prio=120 target_cpu=002';

it('values of fields beyond the 64th are in the text of the event', async () => {
  const { events, types, issues } = await readText(perfScript, `a 1 [000] 1.5: app:event: ${PAIRS.join(' ')}\n`);
  expect(types[0].fields).toHaveLength(64);
  const { text, ...fields } = events[0].fields;
  expect([...Object.entries(fields).map(([key, value]) => `${key}=${value}`), ...(text ?? '').split(' ')]).toEqual(
    PAIRS,
  );
  expect(issues).toMatchObject([{ kind: 'names-too-many', count: 7 }]);
});

it('64 fields are 64 fields', async () => {
  const pairs = PAIRS.slice(0, 63);
  const { events, issues } = await readText(perfScript, `a 1 [000] 1.5: app:event: free words ${pairs.join(' ')}\n`);
  expect(events[0].fields).toMatchObject({ text: 'free words', k62: '186' });
  expect(issues).toEqual([]);
});

it('beyond 8,192 names of events, tracepoints of the kernel are still read; others are counted', async () => {
  const lines = Array.from({ length: 9000 }, (_, i) => `a 1 [000] ${i}.5: sys${i}:event${i}: n=${i}`);
  const { events, issues } = await readText(perfScript, `${lines.join('\n')}\na 1 [000] 9001.5: ${WAKING}\n`);
  expect(events).toHaveLength(9001);
  expect(events[9000]).toMatchObject({ name: 'sched_waking', fields: { pid: '5', target_cpu: '2' } });
  expect(events[8999]).toMatchObject({ name: 'print', fields: { ip: 'event8999', buf: 'n=8999' } });
  expect(issues).toMatchObject([{ kind: 'names-too-many', count: 9000 - 8192 }]);
});

it('the same in text of the kernel', async () => {
  const lines = Array.from({ length: 8200 }, (_, i) => `  a-1  [000] .....  ${i}.500000: event${i}: n=${i}`);
  const { events, issues } = await readText(ftraceText, `# tracer: nop\n${lines.join('\n')}\n`);
  expect(events).toHaveLength(8200);
  expect(issues).toMatchObject([{ kind: 'names-too-many', count: 8 }]);
});

it('further names of sampled events are one event', async () => {
  const lines = Array.from({ length: 8195 }, (_, i) => `a 1 [000] ${i}.5: ${i + 1} cycles${i}: 7f6e x+0x1 (y)`);
  const { events, issues } = await readText(perfScript, `${lines.join('\n')}\n`);
  expect(events).toHaveLength(8195);
  expect(events[8194]).toMatchObject({ name: 'sample', fields: { period: '8195' } });
  expect(issues).toMatchObject([{ kind: 'names-too-many', count: 3 }]);
});
