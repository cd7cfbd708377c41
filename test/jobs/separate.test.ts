/** A run is one boot of one machine: what two boots recorded is refused, or kept apart when that is asked for. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CaptureError } from '../../schema/index.ts';
import { replay } from '../../src/jobs/replay.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { PageBuilder, record, X86_64 } from '../fixtures/trace-dat/ring-buffer-page.ts';
import { buildTraceDat, formatText } from '../fixtures/trace-dat/trace-dat-builder.ts';
import { quiesce } from '../support/command-line.ts';
import { textCapture } from '../support/sample-store.ts';
import { folderForEachTest, writeFileIn } from '../support/temporary-folder.ts';

const folder = folderForEachTest();

/** ftrace text names its kernel in the header of the latency tracers. */
const traceText = (release: string, ...lines: string[]): string =>
  `# tracer: nop\n#\n# nop latency trace v1.1.5 on ${release}\n# --------------------------------------------------------------------\n${[
    '          <idle>-0       [000] d..2.    20.000010: sched_waking: comm=waits pid=9 prio=120 target_cpu=000',
    ...lines,
  ].join('\n')}\n`;

const logText = (release: string, ...lines: string[]): string =>
  `[    0.000000] Linux version ${release} (gcc) #1 SMP PREEMPT_DYNAMIC\n${lines.map((line) => `${line}\n`).join('')}`;

const OLD = textCapture('old.txt', traceText('6.1.0'));
const NEW = textCapture('new.txt', traceText('6.12.117-labA'));

it('another kernel is refused: two traces, a trace and a log, in either order', async () => {
  const log = textCapture('dmesg.txt', logText('6.12.117-labA', '[   30.000000] usb 1-1: new device'));
  for (const inputs of [
    [OLD, NEW],
    [OLD, log],
    [log, OLD],
  ]) {
    const merged = replayCaptures(inputs);
    await expect(merged).rejects.toThrow(CaptureError);
    await expect(merged).rejects.toThrow(/of kernel 6\.1\.0.*--separate|of kernel 6\.12\.117-labA.*--separate/);
  }
  const [same] = (await replayCaptures([NEW, log])).run.captures;
  expect(same.path).toBe('new.txt');
});

it('of a log with several boots, the trace is of the last one with its kernel', async () => {
  const log = textCapture(
    'dmesg.txt',
    `${logText('6.1.0', '[   30.000000] first boot of many')}${logText('6.12.117-labA', '[    1.000000] second boot of many')}`,
  );
  const { runs = [] } = await replayCaptures([OLD, log]);
  expect(runs.map(({ events }) => events)).toEqual([3, 2]);
});

it('another boot of the same kernel is refused when the whole log lacks what the trace saw printed', async () => {
  const printed = [1, 2, 3].map(
    (i) => `          <idle>-0       [000] d..2.    2${i}.000000: console: lab: step ${i} of this boot`,
  );
  const trace = textCapture('trace.txt', traceText('6.1.0', ...printed));
  const other = logText('6.1.0', '[   10.000000] lab: nothing of the kind', '[   99.000000] the end of it');
  await expect(replayCaptures([trace, textCapture('dmesg.txt', other)])).rejects.toThrow(/log of another boot/);
  // A log that ends before, or one that is not whole, proves nothing.
  const short = logText('6.1.0', '[   10.000000] lab: nothing of the kind');
  expect((await replayCaptures([trace, textCapture('dmesg.txt', short)])).run.captures).toHaveLength(2);
  const piece = other.split('\n').slice(1).join('\n');
  expect((await replayCaptures([trace, textCapture('dmesg.txt', piece)])).run.captures).toHaveLength(2);
});

it('a refusal leaves no store behind, --separate makes a run of each', async () => {
  const paths = [
    writeFileIn(folder.path, 'old.txt', traceText('6.1.0')),
    writeFileIn(folder.path, 'new.txt', traceText('6.12.117-labA')),
  ];
  const db = join(folder.path, 'runs.db');
  const refused = await quiesce('replay', '--db', db, '--quiet', ...paths);
  expect(refused.status).toBe(3);
  expect(refused.err).toContain('--separate');
  const kept = await quiesce('replay', '--db', db, '--json', '--quiet', '--separate', ...paths);
  expect(kept.status).toBe(0);
  const { runs } = JSON.parse(kept.out) as { runs: { run_id: number; name: string }[] };
  expect(runs.map(({ run_id, name }) => [run_id, name.split('/').at(-1)])).toEqual([
    [1, 'old.txt'],
    [2, 'new.txt'],
  ]);
});

it('findings of separate runs say of which they are', async () => {
  const inversion = (name: string) =>
    textCapture(
      name,
      traceText(
        name,
        ...['acquire: aa a', 'acquire: bb b', 'release: bb b', 'release: aa a', 'acquire: bb b', 'acquire: aa a'].map(
          (what, i) =>
            `            t-1       [000] .....    21.00000${i}: lock_${what.replace(': ', ': 00000000000000')}`,
        ),
      ),
    );
  const result = await replay([inversion('6.1.0'), inversion('6.2.0')], { separate: true });
  const found = result.findings.filter(({ kind }) => kind === 'lock-inversion');
  expect(found.map((finding) => finding.run_id)).toEqual([1, 2]);
  expect(result.run.run_id).toBeUndefined();
});

it('another boot of the same kernel is refused by the numbers of kthreads that live from boot to shutdown', async () => {
  const wake = (comm: string, tid: number, s: number) =>
    `          ${comm}-${tid}       [000] d..2.    ${s}.000020: sched_waking: comm=other pid=9 prio=120 target_cpu=000`;
  const first = textCapture('first.txt', traceText('6.1.0', wake('rcu_preempt', 16, 21)));
  const second = textCapture('second.txt', traceText('6.1.0', wake('rcu_preempt', 14, 41)));
  await expect(replayCaptures([first, second])).rejects.toThrow(
    /first\.txt and second\.txt are of different boots: rcu_preempt was task 16 and task 14.*--separate/,
  );
  // Kworkers and tasks of users have other numbers at any time.
  const worker = (tid: number) =>
    textCapture(`${tid}.txt`, traceText('6.1.0', wake('kworker/0:1', tid, 21), wake('rcu_preempt', 16, 22)));
  expect((await replayCaptures([worker(80), worker(81)])).run.captures).toHaveLength(2);
});

it('another boot of the same kernel is refused by where the kernel was loaded', async () => {
  const recording = (name: string, stext: string) => ({
    name,
    bytes: buildTraceDat({
      machine: X86_64,
      version: '7',
      kallsyms: `${stext} T _stext
ffffffffff600000 t last
`,
      formats: [{ system: 'sched', text: formatText('lab_event', 100, ['int value;8;4;1'], '"value=%d", REC->value') }],
      buffers: [
        {
          name: '',
          cpus: [{ cpu: 0, pages: [new PageBuilder(X86_64, 5).event(1, record(X86_64, 100, 7).u32(1).done()).done()] }],
        },
      ],
    }),
  });
  const here = recording('here.dat', 'ffffffff81000000');
  await expect(replayCaptures([here, recording('there.dat', 'ffffffff9a200000')])).rejects.toThrow(
    /here\.dat and there\.dat are of different boots: the kernel's _stext was at 0xffffffff81000000 and at 0xffffffff9a200000/,
  );
  // Who may not see addresses gets zeros.
  expect((await replayCaptures([here, recording('zeros.dat', '0000000000000000')])).run.captures).toHaveLength(2);
});

it('another machine is refused by its name, which nobody has to have given it', async () => {
  const recorded = (name: string, hostname: string, s: number) =>
    textCapture(
      name,
      `# hostname : ${hostname}\n# os release : 6.1.0\n#\n        sleeper     9 [000] ${s}.000100: sched:sched_waking: comm=other pid=10 prio=120 target_cpu=000\n`,
    );
  const first = recorded('first.txt', 'node-7.example.org', 20);
  await expect(replayCaptures([first, recorded('second.txt', 'node-8.example.org', 21)])).rejects.toThrow(
    /first\.txt is of machine node-7, second\.txt of machine node-8.*--separate/,
  );
  for (const same of ['node-7', 'Node-7.example.org', '(none)', 'localhost'])
    expect((await replayCaptures([first, recorded('second.txt', same, 21)])).run.captures).toHaveLength(2);
});
