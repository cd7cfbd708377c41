/** Captures of every form: read, replayed, judged and printed. */
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { inert } from '../../../src/cli/terminal/outlet.ts';
import { readEvents } from '../../../src/jobs/read-events.ts';
import { replay } from '../../../src/jobs/replay.ts';
import { replayText } from '../../../src/report/replay/replay-text.ts';
import { PLAIN } from '../../../src/report/text/style.ts';
import { smallTraceDat } from '../../fixtures/trace-dat/small-file.ts';
import { expectTrue, type FuzzTarget } from '../target.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url);
const fixture = (name: string): Buffer => readFileSync(new URL(name, FIXTURES));
const head = (name: string, bytes: number): Buffer => {
  const all = fixture(name);
  return all.subarray(0, all.lastIndexOf(0x0a, bytes) + 1);
};

/** Reads everything and counts it; the summary is consistent. */
async function readAll(name: string, bytes: Uint8Array): Promise<void> {
  const stream = readEvents({ name, bytes });
  let events = 0;
  for await (const event of stream) {
    events++;
    expectTrue(Number.isFinite(event.ts_ns), 'every event has a time');
  }
  const { issues, lost } = stream.import;
  expectTrue(Number.isSafeInteger(lost) && lost >= 0, 'losses are counted');
  for (const { count } of issues) expectTrue(Number.isSafeInteger(count) && count > 0, 'issues are counted');
  expectTrue(events >= 0, 'events are counted');
}

/** Replays and prints it: no number is none, no line acts on a terminal. */
async function replayAll(name: string, bytes: Uint8Array): Promise<void> {
  const result = await replay({ name, bytes });
  const text = replayText(result, { style: PLAIN });
  expectTrue(inert(text) === text, 'a report is text');
  JSON.stringify(result);
  // A pool, a lock or a task of the input may be called so.
  const named = /NaN|undefined|\[object/.test(Buffer.from(bytes).toString('latin1'));
  for (const { start_ns, end_ns, title } of result.findings) {
    expectTrue(Number.isFinite(start_ns) && Number.isFinite(end_ns) && start_ns <= end_ns, 'a finding has a span');
    expectTrue(named || !/NaN|undefined|\[object/.test(title), 'a title is in words');
  }
}

const TRACE_TOKENS = [
  'sched_switch: prev_comm=a prev_pid=1 prev_prio=120 prev_state=D ==> next_comm=b next_pid=2 next_prio=120',
  'rcu_grace_period: rcu_preempt 5 start',
  'lock_acquire: 0xffff888003d5c258 read try &x->lock',
  'CPU:1 [LOST 7 EVENTS]\n',
  '<stack trace>\n => foo+0x1/0x2\n',
  'nmi_handler: perf_event_nmi_handler() delta_ns: 7 handled: 1',
  'console: [   27.0] x',
  '# tracer: nop\n',
];
const LOG_TOKENS = [
  'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
  'WARNING: possible circular locking dependency detected',
  '[   12.345678]',
  'INFO: task a:7 blocked for more than 120 seconds.',
  'other info that might help us debug this:',
  '-> #1 (&x){+.+.}-{3:3}:',
  '1 lock held by a/7:',
  'watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [a:7]',
  'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 30s!',
  '\n\n',
];

const traceDats = (): Uint8Array[] => [
  smallTraceDat('6', 'none'),
  smallTraceDat('7', 'none'),
  smallTraceDat('7', 'zlib'),
  smallTraceDat('7', 'zstd'),
];
const ftrace = (): Uint8Array[] =>
  [
    'chain4.trace.txt',
    'chain4.report.txt',
    'chain4.report-R.txt',
    'fgraph.trace.txt',
    'function.trace.txt',
    'lost.trace_pipe.txt',
    'nmistorm.trace.txt',
    'rt.trace.txt',
    'chain4lat.latency.txt',
  ].map((name) => head(`ftrace-text/${name}`, 4000));
const logs = (): Uint8Array[] =>
  [
    'deadlock.txt',
    'irq-order.txt',
    'irq-state-softirq.txt',
    'lock-cycle.txt',
    'recursion.txt',
    'sleep-in-atomic.txt',
    'srcu-chain.txt',
    'stall-cpu-hog.txt',
    'wait-context-rt.txt',
  ].map((name) => head(`console/${name}`, 9000));
const perf = (): Uint8Array[] =>
  ['cpu-clock', 'per-event', 'pipe', 'compressed'].map((name) => gunzipSync(fixture(`perf/${name}.perf.data.gz`)));
const scripts = (): Uint8Array[] =>
  ['cpu-clock', 'per-event', 'callgraph'].map((name) =>
    gunzipSync(fixture(`perf/${name}.script.txt.gz`)).subarray(0, 4000),
  );
const json = (): Uint8Array[] => [
  Buffer.from(
    '{"traceEvents":[{"name":"sched_waking","ph":"i","ts":1.5,"pid":7,"tid":7,"args":{"comm":"a","pid":8}},{"name":"x","ph":"X","ts":2,"dur":3,"pid":1,"tid":2}]}',
  ),
  Buffer.from(
    '{"linux-perf-json-version":1,"headers":{"hostname":"h","nrcpus-online":2},"samples":[{"timestamp":1000,"pid":7,"tid":7,"cpu":1,"comm":"a","event":"sched:sched_waking","callchain":[{"ip":"0xff","symbol":"f"}]}]}',
  ),
  Buffer.from('{"systemTraceEvents":"# tracer: nop\\n bash-1 [000] .... 16.000001: foo: a=1\\n"}'),
];

function captureTarget(
  name: string,
  tokens: readonly string[],
  seeds: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>,
  run: (name: string, bytes: Uint8Array) => Promise<void>,
): FuzzTarget {
  return { name, tokens, seeds: async () => seeds(), mostBytes: 64 << 10, run: (input) => run(name, input) };
}

const texts = (): Uint8Array[] => [...ftrace(), ...scripts(), ...json()];

export const CAPTURE_TARGETS: readonly FuzzTarget[] = [
  captureTarget(
    'trace-dat',
    ['field:int a;\toffset:8;\tsize:4;\tsigned:1;\n', 'flyrecord\0', 'options  \0'],
    traceDats,
    readAll,
  ),
  captureTarget('perf-data', ['PERFILE2'], perf, readAll),
  captureTarget('ftrace-text', TRACE_TOKENS, ftrace, readAll),
  captureTarget('perf-script', TRACE_TOKENS, scripts, readAll),
  captureTarget('trace-json', ['{"a":1}', '[', ']', '"ph":"B",'], json, readAll),
  captureTarget('kernel-log', LOG_TOKENS, logs, readAll),
  captureTarget(
    'compressed',
    [],
    () => [fixture('zstd/checked.trace.txt.zst'), gzipSync(texts()[0]), fixture('zstd/window-1GiB.zst')],
    readAll,
  ),
  captureTarget(
    'mail',
    [
      'Content-Type: text/plain\n',
      'Content-Transfer-Encoding: base64\n',
      '--b\n',
      'From a@b Mon Jul  1 12:00:00 2024\n',
    ],
    () => [
      Buffer.concat([
        Buffer.from(
          'From: a@b\nTo: c@d\nSubject: stall\nDate: Mon, 1 Jul 2024 12:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n> ',
        ),
        logs()[0].subarray(0, 2000),
        Buffer.from(
          `\n--b\nContent-Type: text/plain; name="d.txt"\nContent-Transfer-Encoding: base64\n\n${Buffer.from(logs()[1]).toString('base64').replace(/.{76}/g, '$&\n')}\n--b--\n`,
        ),
      ]),
    ],
    readAll,
  ),
  captureTarget('replay-trace', TRACE_TOKENS, texts, replayAll),
  captureTarget('replay-log', LOG_TOKENS, logs, replayAll),
];
