import { describe, expect, it } from 'vitest';
import { detectFormat } from '../../parsers/index.ts';
import { bufferSource } from '../../parsers/source.ts';
import { traceJson } from '../../parsers/trace-json/trace-json.ts';
import { NO_CPU } from '../../schema/index.ts';
import { describeParserContract, readOrRefuse, readText } from '../support/parser-contract.ts';

const sniff = (text: string) => traceJson.sniff(new TextEncoder().encode(text));

/** As perf 6.1 writes it. */
const PERF = JSON.stringify(
  {
    'linux-perf-json-version': 1,
    headers: { hostname: 'vm', 'os-release': '6.18.44', arch: 'x86_64', 'nrcpus-online': 2, 'nrcpus-avail': 4 },
    samples: [
      {
        timestamp: 1013720463463,
        pid: 23371,
        tid: 23372,
        cpu: 1,
        comm: 'perf',
        callchain: [
          { ip: '0xffffffff813ad60a', symbol: 'update_se', dso: '[kernel.kallsyms]' },
          { ip: '0xffffffffc00ad60a', dso: '[lab]' },
          { ip: '0x7f12', symbol: 'main', dso: 'libc.so.6' },
        ],
      },
      { timestamp: 1013720463464, pid: 1, tid: 1, comm: 'init', callchain: [], prev_comm: 'a b', prev_pid: 7 },
    ],
  },
  null,
  '\t',
);

const CHROME = JSON.stringify({
  displayTimeUnit: 'ns',
  traceEvents: [
    { name: 'late', cat: 'c,d', ph: 'X', ts: 1000.5, dur: 12.25, pid: 1, tid: 7, args: { n: 1, s: 'q"uo' } },
    { name: 'early', ph: 'B', ts: 999, pid: 1, tid: 7 },
    { ph: 'M', name: 'thread_name', pid: 1, tid: 7, args: { name: 'rcu_preempt' } },
    { name: 'tick', ph: 'i', ts: '1001', pid: 1, tid: 'main', s: 't' },
    { name: 'free', ph: 'C', ts: 1002, args: { value: 3.5 } },
    { name: 'a', ph: 'b', id: 12345678901234567890123n.toString(), ts: 1003, pid: 1, tid: 8 },
    { name: 'odd', ph: '?', ts: 1004 },
  ],
  samples: [{ cpu: 0, tid: 1, ts: 1, name: 'not of perf' }],
  stackFrames: { 1: { name: 'x', traceEvents: [{ ph: 'X', ts: 1 }] } },
});

describe('JSON of perf data convert', () => {
  it('gives one sample per entry, with stack and machine', async () => {
    const { events, facts, issues } = await readText(traceJson, PERF);
    expect(events).toMatchObject([
      {
        tsNs: 1013720463463,
        cpu: 1,
        tid: 23372,
        comm: 'perf',
        name: 'sample',
        shape: 'sample',
        stack: ['update_se', '0xffffffffc00ad60a', 'main'],
      },
      { cpu: NO_CPU, comm: 'init', stack: [], fields: { prev_comm: 'a b', prev_pid: '7' } },
    ]);
    expect(facts).toMatchObject({ format: 'perf data convert JSON', clock: 'perf', cpus: 2, hostname: 'vm' });
    expect(facts.profile).toEqual({ release: '6.18.44', x86: true, possibleCpus: 4 });
    expect(issues).toEqual([]);
  });

  it('keeps wall-clock times exact', async () => {
    const text = '{"linux-perf-json-version":1,"samples":[{"timestamp":1763612362123456789,"tid":1}]}';
    const { events, facts } = await readText(traceJson, text);
    expect(facts.baseNs + BigInt(events[0].tsNs)).toBe(1763612362123456789n);
  });
});

describe('Chrome JSON traces', () => {
  it('gives every event, in time order, typed by its phase', async () => {
    const { events, facts, issues } = await readText(traceJson, CHROME);
    expect(events.map((event) => [event.name, event.tsNs, event.fields.name])).toEqual([
      ['chrome_metadata', 0, 'thread_name'],
      ['chrome_begin', 999000, 'early'],
      ['chrome_slice', 1000500, 'late'],
      ['chrome_instant', 1001000, 'tick'],
      ['chrome_counter', 1002000, 'free'],
      ['chrome_async', 1003000, 'a'],
      ['chrome_event', 1004000, 'odd'],
    ]);
    expect(events[2]).toMatchObject({
      tid: 7,
      cpu: NO_CPU,
      comm: 'rcu_preempt',
      fields: { cat: 'c,d', ph: 'X', dur_ns: '12250', pid: '1', args: '{"n":1,"s":"q\\"uo"}' },
    });
    expect(events[5].fields.id).toBe('12345678901234567890123');
    expect(facts.format).toBe('Chrome JSON trace');
    expect(issues).toEqual([]);
  });

  it('reads an array of events whose end is missing, as the format allows', async () => {
    const text = '[\n{"name":"a","ph":"X","ts":1,"dur":1},\n{"name":"b","ph":"X","ts":2,"dur":1},\n';
    for (const ending of ['', ']', '{}]'.slice(2)]) {
      const { events, issues } = await readText(traceJson, ending === ']' ? `${text.trimEnd().slice(0, -1)}]` : text);
      expect(events).toHaveLength(2);
      expect(issues).toEqual([]);
    }
  });

  it('hands the ftrace text inside to its reader', async () => {
    const text = [
      '# tracer: nop',
      '#',
      '  bash-4065  [002] d..2   395.705891: sched_wakeup: comm=x pid=1 prio=120 target_cpu=002',
      '  bash-4065  [002] d..2   395.705892: rcu_utilization: Start context switch',
    ].join('\n');
    const long = `${text}\n`.repeat(200);
    const { events } = await readText(traceJson, JSON.stringify({ traceEvents: [], systemTraceEvents: long }));
    expect(events).toHaveLength(400);
    expect(events[0]).toMatchObject({
      name: 'sched_wakeup',
      cpu: 2,
      tid: 4065,
      tsNs: 395705891000,
      fields: { comm: 'x' },
    });
  });

  it('counts events without a time', async () => {
    const { events, issues } = await readText(
      traceJson,
      '[{"ph":"X","ts":1,"name":"a"},{"ph":"X","ts":"soon"},{"ph":"X"}]',
    );
    expect(events).toHaveLength(1);
    expect(issues).toMatchObject([{ kind: 'record-malformed', count: 2 }]);
  });
});

describe('damaged JSON', () => {
  it('gives the events before the damage and says where it is, in bytes', async () => {
    const text = JSON.stringify([...Array(500)].map((_, i) => ({ name: `é${i}`, ph: 'X', ts: i })));
    const damage = Buffer.byteLength(text.slice(0, 12000));
    const { events, issues } = await readText(traceJson, `${text.slice(0, 12000)}\u0001${text.slice(12000)}`);
    expect(events.length).toBeGreaterThan(250);
    expect(issues).toMatchObject([{ kind: 'truncated', count: 1 }]);
    const { first } = issues[0];
    expect('byte' in first && damage - first.byte).toBeLessThanOrEqual(1024);
    expect('byte' in first && damage - first.byte).toBeGreaterThanOrEqual(0);
  });

  it('says that a text ends in the middle of an event', async () => {
    const { events, issues } = await readText(traceJson, '[{"name":"a","ph":"X","ts":1},{"name":"b","ph":');
    expect(events).toHaveLength(1);
    expect(issues).toMatchObject([{ kind: 'truncated', first: { byte: 47 } }]);
  });

  it('refuses a text without events in one line', async () => {
    await expect(readText(traceJson, '{"traceEvents": [}')).rejects.toThrow(/^sample: byte 0: no JSON: /);
  });

  it('does not hold what is too long or too deep', async () => {
    const huge = `[{"ph":"X","ts":1,"name":"${'x'.repeat(3_000_000)}"},{"ph":"X","ts":2,"name":"b"}]`;
    const { events } = await readText(traceJson, huge);
    expect(events.map((event) => event.fields.name?.length)).toEqual([65536, 1]);
    const deep = `[{"ph":"X","ts":1,"name":"a"},{"args":${'['.repeat(100_000)}`;
    expect((await readText(traceJson, deep)).issues).toMatchObject([{ kind: 'truncated' }]);
    expect(await readOrRefuse(traceJson, new TextEncoder().encode('['.repeat(100_000)))).toBeUndefined();
  });
});

describe('detection of JSON traces', () => {
  it('takes traces only', async () => {
    expect((await detectFormat(bufferSource(new TextEncoder().encode(PERF)))).id).toBe('trace-json');
    expect((await detectFormat(bufferSource(new TextEncoder().encode(CHROME)))).id).toBe('trace-json');
    expect(sniff('\ufeff  [ {"pid":1, "ph" : "X"}]')).toBe(true);
    expect(sniff('{"name": "package", "version": "1"}')).toBe(false);
    expect(sniff('[1, 2, {"ph": "X"}]')).toBe(false);
    expect(sniff('[  280.939873]   <idle>-0       1d.h.. 11us : x: y')).toBe(false);
    expect(sniff('')).toBe(false);
  });
});

describeParserContract('perf data convert', traceJson, () => new TextEncoder().encode(PERF), { truncations: 9 });
describeParserContract('Chrome trace', traceJson, () => new TextEncoder().encode(CHROME), { truncations: 0 });
