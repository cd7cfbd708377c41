import { describe, expect, it } from 'vitest';
import { hzBetween, readJiffies } from '../../../src/replay/model/log/jiffies.ts';
import { fixture } from '../../support/console-log.ts';
import { notesRules, notesText } from '../../support/notes.ts';
import { findingsOf, hungTask, replayLog, stamped } from '../../support/replay-log.ts';

const SYNC_SRCU = [
  '__schedule',
  'schedule',
  'schedule_timeout',
  '__wait_for_common',
  'wait_for_completion',
  '__synchronize_srcu',
  'synchronize_srcu',
];
const SYNC_RCU = [
  '__schedule',
  'schedule',
  'schedule_timeout',
  '__wait_for_common',
  'wait_for_completion_state',
  '__wait_rcu_gp',
  'synchronize_rcu_normal',
  'synchronize_rcu',
];
const MUTEX = ['__schedule', 'schedule', 'schedule_preempt_disabled', '__mutex_lock', 'mutex_lock_nested'];

describe('RCU stalls from a log', () => {
  it('names CPU, cause and length of a stall behind an NMI storm, and the storm', async () => {
    const outcome = await replayLog(fixture('nmi-storm.txt'));
    expect(findingsOf(outcome, 'rcu-stall')).toMatchObject([
      {
        flavor: 'rcu_preempt',
        gp_seq: '521',
        cpus: [1],
        tasks: [],
        cause: 'nmi-storm',
        confidence: 'reported',
        severity: 'error',
      },
    ]);
    const [stall] = findingsOf(outcome, 'rcu-stall');
    expect(stall.end_ns - stall.start_ns).toBeCloseTo(8.06e9, -7); // t=2015 at HZ 250
    expect(stall.evidence).toMatchObject([{ line: 250, role: 'the kernel warns of the stall' }]);
    expect(findingsOf(outcome, 'nmi-storm')).toMatchObject([{ cpu: 1, share: null, severity: 'error' }]);
  });

  it('does not make a storm of handlers that were long once or twice', async () => {
    const outcome = await replayLog(
      stamped(5, ['INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.013 msecs']),
    );
    expect(outcome.findings).toEqual([]);
  });

  it('tells a preempted reader from a running one and from kernel code that hogs the CPU (T10)', async () => {
    const preempted = await replayLog(fixture('stall-preempted-reader.txt'));
    expect(findingsOf(preempted, 'rcu-stall')).toMatchObject([
      { cpus: [], tasks: ['lab_rcuread:83'], cause: 'reader-preempted' },
    ]);
    const hog = await replayLog(fixture('stall-cpu-hog.txt'));
    expect(findingsOf(hog, 'rcu-stall')).toMatchObject([{ cpus: [1], cause: 'cpu-hog' }]);
    const running = await replayLog(
      stamped(100, [
        'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
        'rcu: \tTasks blocked on level-0 rcu_node (CPUs 0-1): P81',
        'rcu: \t(detected by 1, t=21003 jiffies, g=453, q=4 ncpus=2)',
      ]),
    );
    expect(findingsOf(running, 'rcu-stall')).toMatchObject([{ tasks: ['P81:81'], cause: 'reader-running' }]);
  });

  it('joins the reports of one grace period, and takes HZ from them (G3.2)', async () => {
    const report = (at: number, t: number) =>
      stamped(at, [
        'rcu: INFO: rcu_sched detected stalls on CPUs/tasks:',
        'rcu: \t2-....: (1 GPs behind) idle=7a2/1/0x4000000000000002 softirq=1/2 fqs=20',
        `rcu: \t(detected by 0, t=${t} jiffies, g=19098, q=977)`,
      ]);
    const outcome = await replayLog(report(121, 2102) + report(184.03, 8405));
    const stalls = findingsOf(outcome, 'rcu-stall');
    expect(stalls).toHaveLength(1);
    expect(notesText(stalls[0])).toContain('reported 2 times');
    expect(outcome.profile).toMatchObject({ hz: 100, preemptRcu: false, rcuStallTimeoutS: 21 });
  });

  it('reports a starved kthread, as a victim when its CPU is the holdout (T33)', async () => {
    const log = (cpu: number) =>
      stamped(100, [
        'rcu: INFO: rcu_sched self-detected stall on CPU',
        'rcu: \t0-...!: (10500 ticks this GP) idle=5be/1/0x4000000000000000 softirq=5432/5432 fqs=4',
        'rcu: \t(t=21002 jiffies g=2601 q=18)',
        `rcu: rcu_sched kthread starved for 20994 jiffies! g2601 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x402 ->cpu=${cpu}`,
      ]);
    expect(findingsOf(await replayLog(log(1)), 'gp-kthread-starved')).toMatchObject([
      { flavor: 'rcu_sched', severity: 'error', blocked_ns: 20.994e9 },
    ]);
    expect(findingsOf(await replayLog(log(0)), 'gp-kthread-starved')).toMatchObject([{ severity: 'warning' }]);
  });

  it('follows the cputime table (R2.70)', async () => {
    const outcome = await replayLog(
      stamped(100, [
        'rcu: INFO: rcu_preempt self-detected stall on CPU',
        'rcu: \t0-....: (10500 ticks this GP) idle=5be/1/0x4000000000000000 softirq=5432/5432 fqs=4',
        'rcu: \t         hardirqs   softirqs   csw/system',
        'rcu: \t number:    90624         45            0',
        'rcu: \tcputime:     2400          1           99   ==> 2500(ms)',
        'rcu: \t(t=21002 jiffies g=2601 q=18 ncpus=4)',
      ]),
    );
    expect(findingsOf(outcome, 'rcu-stall')).toMatchObject([{ cause: 'irq-storm' }]);
  });

  it('tells interrupts off from other loops: the probe of R2.13 has not run, or nothing was accounted (R2.70)', async () => {
    const report = (flags: string, more: readonly string[] = []) =>
      stamped(100, [
        'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
        `rcu: \t1-${flags}: (3 ticks this GP) idle=61e/1/0x40000002 softirq=26532/26532 fqs=1286`,
        ...more,
        'rcu: \t(detected by 0, t=21003 jiffies, g=52717, q=8 ncpus=2)',
        'Sending NMI from CPU 0 to CPUs 1:',
        'NMI backtrace for cpu 1',
        'CPU: 1 UID: 0 PID: 82 Comm: lab_hog Not tainted 6.12.0 #1',
        'RIP: 0010:spin_loop+0x10/0x20',
        'Call Trace:',
        ' <TASK>',
        ' hog_thread+0x50/0x90',
        ' </TASK>',
      ]);
    const causeOf = async (log: string) => findingsOf(await replayLog(log), 'rcu-stall').map(({ cause }) => cause);
    expect(await causeOf(report('....'))).toEqual(['cpu-hog']);
    expect(await causeOf(report('...1'))).toEqual(['cpu-hog']);
    expect(await causeOf(report('O...'))).toEqual(['unknown']);
    const silent = [
      'rcu: \t         hardirqs   softirqs   csw/system',
      'rcu: \t number:        0          0            0',
    ];
    const cputime = 'rcu: \tcputime:        0          0            0   ==> 2500(ms)';
    expect(await causeOf(report('....', [...silent, cputime]))).toEqual(['cpu-hog']);
  });

  const READINGS: readonly (readonly [number, number, number])[] = [
    [2102, 100, 21],
    [5252, 250, 21],
    [6502, 250, 26],
    [21003, 1000, 21],
    [26003, 1000, 26],
    [10502, 100, 105],
  ];
  it.each(READINGS)('reads t=%i as HZ %i and a timeout of %i s (P0.1)', (jiffies, hz, timeoutS) => {
    expect(readJiffies(jiffies)).toMatchObject({ hz, timeoutS });
  });

  it('measures HZ between two reports', () => {
    expect(hzBetween(6303, 63.03e9)).toBe(100);
    expect(hzBetween(6303, 25.2e9)).toBe(250);
    expect(hzBetween(10, 1e8)).toBeUndefined();
  });
});

describe('hung tasks and their chains (W4.20)', () => {
  const caseC =
    stamped(1000, [
      'perf: interrupt took too long (69230 > 55000), lowering kernel.perf_event_max_sample_rate to 2000',
      'perf: interrupt took too long (110400 > 86537), lowering kernel.perf_event_max_sample_rate to 1000',
      'perf: interrupt took too long (336120 > 138000), lowering kernel.perf_event_max_sample_rate to 1000',
    ]) +
    stamped(1122, [
      'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
      'rcu: \tTasks blocked on level-0 rcu_node (CPUs 0-1): P4093',
      'rcu: \t(detected by 0, t=10502 jiffies, g=41297, q=884 ncpus=2)',
    ]) +
    hungTask(
      1160,
      'kworker/0:1:9',
      143,
      [...SYNC_RCU, 'process_srcu', 'process_one_work', 'worker_thread'],
      ['Workqueue: rcu_gp process_srcu'],
    ) +
    hungTask(
      1160.1,
      'kworker/1:0:11',
      143,
      [...SYNC_RCU, 'process_srcu', 'process_one_work', 'worker_thread'],
      ['Workqueue: rcu_gp process_srcu'],
    ) +
    hungTask(1160.2, 'syz.7.105:4086', 143, [
      ...SYNC_SRCU,
      'perf_trace_event_unreg',
      'perf_trace_destroy',
      '__free_event',
      'perf_event_release_kernel',
      'perf_release',
      '__fput',
    ]);

  it('makes one chain of a closing task, two SRCU workers, a stalled grace period and an interrupt load (case C)', async () => {
    const outcome = await replayLog(caseC);
    const [wait] = findingsOf(outcome, 'blocked-sync');
    expect(wait).toMatchObject({
      task: 'syz.7.105',
      tid: 4086,
      api: 'synchronize_srcu',
      domain: 'rcu_tasks_trace_srcu_struct or tracepoint_srcu',
      confidence: 'reported',
      root: { kind: 'nmi-storm', tid: 4093 },
    });
    expect(wait.chain.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'task syz.7.105:4086',
      'srcu-gp SRCU grace period of rcu_tasks_trace_srcu_struct or tracepoint_srcu',
      'worker kworker/0:1:9',
      'rcu-gp rcu_preempt grace period 41297',
      'reader P4093:4093',
      'nmi perf',
      // A side branch: the other candidate.
      'worker kworker/1:0:11',
    ]);
    expect(wait.chain.reduce((sum, link) => sum + link.blame_ns, 0)).toBe(wait.blocked_ns);
    expect(wait.blocked_ns).toBe(143e9);
    expect(notesRules(wait)).toContain('T11');
    expect(notesRules(wait)).toContain('T12');
    expect(findingsOf(outcome, 'hung-task').map((finding) => finding.tid)).toEqual([9, 11, 4086]);
    expect(findingsOf(outcome, 'deadlock')).toEqual([]);
  });

  it('takes reports of one wait with growing seconds for one wait (W4.21)', async () => {
    const log = [5, 10, 15].map((seconds) => hungTask(100 + seconds, 'a:7', seconds, SYNC_RCU)).join('');
    const outcome = await replayLog(log + hungTask(300, 'a:7', 5, SYNC_RCU));
    expect(
      findingsOf(outcome, 'hung-task').map(({ start_ns, blocked_ns }) => [start_ns / 1e9, blocked_ns / 1e9]),
    ).toEqual([
      [100, 15],
      [295, 5],
    ]);
    expect(outcome.profile.hungTaskTimeoutS).toBe(5);
    const ids = outcome.findings.map((finding) => finding.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('follows a lock to its owner by the kernel’s blocker line', async () => {
    const outcome = await replayLog(
      hungTask(100, 'a:7', 10, MUTEX, ['INFO: task a:7 is blocked on a mutex likely owned by task b:8.']) +
        hungTask(101, 'b:8', 10, SYNC_RCU),
    );
    expect(findingsOf(outcome, 'hung-task')[0].chain.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'task a:7',
      'lock a mutex',
      'task b:8',
      'rcu-gp RCU grace period',
    ]);
    expect(findingsOf(outcome, 'hung-task')[0].root).toEqual({ kind: 'lock-holder', task: 'b', tid: 8 });
  });

  it('proves a deadlock by blocker lines', async () => {
    const outcome = await replayLog(
      hungTask(100, 'a:7', 10, MUTEX, ['INFO: task a:7 is blocked on a mutex likely owned by task b:8.']) +
        hungTask(101, 'b:8', 10, MUTEX, ['INFO: task b:8 is blocked on a mutex likely owned by task a:7.']),
    );
    expect(findingsOf(outcome, 'deadlock')).toMatchObject([
      {
        confidence: 'reported',
        waits: [
          { task: 'a', tid: 7, on: 'a mutex held by b:8' },
          { task: 'b', tid: 8, on: 'a mutex held by a:7' },
        ],
      },
    ]);
    expect(findingsOf(outcome, 'hung-task').map((finding) => finding.root?.kind)).toEqual(['deadlock', 'deadlock']);
  });

  it('proves a deadlock by lists of held locks, where the last entry is what a task waits for', async () => {
    const outcome = await replayLog(
      hungTask(100, 'a:7', 10, MUTEX) +
        hungTask(101, 'b:8', 10, MUTEX) +
        stamped(102, [
          'Showing all locks held in the system:',
          '2 locks held by a/7:',
          ' #0: ffff888100000001 (one){+.+.}-{3:3}, at: f+0x1/0x2',
          ' #1: ffff888100000002 (two){+.+.}-{3:3}, at: f+0x3/0x4',
          '2 locks held by b/8:',
          ' #0: ffff888100000002 (two){+.+.}-{3:3}, at: g+0x1/0x2',
          ' #1: ffff888100000001 (one){+.+.}-{3:3}, at: g+0x3/0x4',
          '=============================================',
        ]),
    );
    expect(findingsOf(outcome, 'deadlock')).toMatchObject([
      {
        waits: [
          { task: 'a', on: 'two held by b:8' },
          { task: 'b', on: 'one held by a:7' },
        ],
      },
    ]);
  });

  it('infers a deadlock when the tasks of lockdep’s cycle then hang at its sites', async () => {
    const outcome = await replayLog(fixture('deadlock.txt'));
    expect(findingsOf(outcome, 'deadlock')).toMatchObject([
      {
        confidence: 'inferred',
        waits: [
          { task: 'lab_dead/1', tid: 83, on: 'lab_mutex_b held by lab_dead/2:84' },
          { task: 'lab_dead/2', tid: 84, on: 'lab_mutex_a held by lab_dead/1:83' },
        ],
      },
    ]);
    // The chains of its tasks go around: the stacks do not name the locks, the cycle does.
    const [deadlock] = findingsOf(outcome, 'deadlock');
    for (const hung of findingsOf(outcome, 'hung-task').filter(({ root }) => root?.kind === 'deadlock')) {
      expect(hung.chain.map(({ kind }) => kind)).toEqual(['task', 'lock', 'task', 'lock', 'task']);
      expect(hung.chain.at(-1)).toMatchObject({ closes: true, tid: hung.tid });
    }
    expect(deadlock.chain?.at(-1)).toMatchObject({ closes: true, tid: deadlock.chain?.[0].tid });
    expect(deadlock.chain?.[0].line).toBeGreaterThan(0);
  });

  it('follows flush_work() to the only blocked worker, and around (W24, W4.20)', async () => {
    const flush = ['__flush_work', 'my_remove', 'device_release'];
    const worker = hungTask(101, 'kworker/0:1:9', 10, MUTEX, [
      'Workqueue: events my_work',
      'INFO: task kworker/0:1:9 is blocked on a mutex likely owned by task a:7.',
    ]);
    const outcome = await replayLog(hungTask(100, 'a:7', 10, flush) + worker);
    const [deadlock] = findingsOf(outcome, 'deadlock');
    expect(deadlock).toMatchObject({ confidence: 'inferred' });
    expect(deadlock.waits.map(({ task, on }) => [task, on])).toEqual([
      ['a', '__flush_work of my_work, which kworker/0:1:9 runs'],
      ['kworker/0:1', 'a mutex held by a:7'],
    ]);
    const [hung] = findingsOf(outcome, 'hung-task');
    expect(hung).toMatchObject({ tid: 7, root: { kind: 'deadlock' } });
    expect(hung.chain.map(({ kind }) => kind)).toEqual(['task', 'work', 'worker', 'lock', 'task']);
    // With two blocked workers nobody knows which.
    const other = hungTask(102, 'kworker/1:1:10', 10, MUTEX, ['Workqueue: events other_work']);
    const two = await replayLog(hungTask(100, 'a:7', 10, flush) + worker + other);
    expect(findingsOf(two, 'deadlock')).toEqual([]);
    expect(notesText(findingsOf(two, 'hung-task')[0])).toContain('the log does not say: kworker/0:1:9 (my_work)');
  });

  it('does not call a chain of waiters a deadlock', async () => {
    const outcome = await replayLog(fixture('srcu-chain.txt'));
    expect(findingsOf(outcome, 'deadlock')).toEqual([]);
    const waiter = findingsOf(outcome, 'blocked-sync').find((finding) => finding.task === 'lab_rdB');
    expect(waiter).toMatchObject({ root: { kind: 'srcu-reader', task: 'lab_rdA', tid: 82 } });
  });

  it('knows that a task which cannot die runs: a warning, not a hung task', async () => {
    const outcome = await replayLog(stamped(100, ["INFO: task a:1 can't die for more than 143 seconds."]));
    expect(findingsOf(outcome, 'hung-task')).toMatchObject([{ severity: 'warning' }]);
  });
});

describe('lockups', () => {
  it('takes repeated complaints about one CPU for one lockup', async () => {
    const outcome = await replayLog(
      [22, 48, 74]
        .map((stuck) => stamped(100 + stuck, [`watchdog: BUG: soft lockup - CPU#1 stuck for ${stuck}s! [spin:7]`]))
        .join(''),
    );
    expect(findingsOf(outcome, 'soft-lockup')).toMatchObject([
      { cpu: 1, task: 'spin', tid: 7, start_ns: 100e9, end_ns: 174e9 },
    ]);
  });

  it('names the work that waits and what its pool runs', async () => {
    const outcome = await replayLog(
      stamped(100, [
        'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 36s!',
        'Showing busy workqueues and worker pools:',
        'workqueue events: flags=0x0',
        '  pwq 2: cpus=0 node=0 flags=0x0 nice=0 active=2/256 refcnt=3',
        '    in-flight: 3691:spin_fn for 31s',
        '    pending: vmstat_shepherd',
        'workqueue rcu_gp: flags=0x8',
        '  pwq 6: cpus=1 node=0 flags=0x0 nice=0 active=1/256 refcnt=2',
        '    pending: process_srcu',
      ]),
    );
    expect(findingsOf(outcome, 'workqueue-stall')).toMatchObject([
      {
        workqueue: 'events',
        work: 'vmstat_shepherd',
        blocked_ns: 36e9,
        title: expect.stringContaining('spin_fn in worker 3691'),
      },
    ]);
  });
});

describe('the words of the log', () => {
  it('stand in the evidence: headline and stack as printed', async () => {
    const [hung] = findingsOf(
      await replayLog(
        [
          '[  300.000000] INFO: task fsstress:812 blocked for more than 122 seconds.',
          '[  300.000100] task:fsstress        state:D stack:0     pid:812   tgid:812   ppid:1      flags:0x00004002',
          '[  300.000200] Call Trace:',
          '[  300.000300]  __schedule+0x3c1/0x9e0',
          '[  300.000400]  ? __pfx_autoremove_wake_function+0x10/0x10',
          '[  300.000500]  wait_log_commit+0xd2/0x160 [btrfs]',
        ].join('\n'),
      ),
      'hung-task',
    );
    expect(hung.evidence[0]).toMatchObject({
      line: 1,
      text: 'INFO: task fsstress:812 blocked for more than 122 seconds.',
      stack: [
        '__schedule+0x3c1/0x9e0',
        '? __pfx_autoremove_wake_function+0x10/0x10',
        'wait_log_commit+0xd2/0x160 [btrfs]',
      ],
    });
  });
});

describe('CSD-lock reports from a log', () => {
  const DETECTED = [
    'smp: csd: Detected non-responsive CSD lock (#1) on CPU#3, waiting 5000000042 ns for CPU#01 do_nothing+0x0/0x10(0x0).',
    'smp: \tcsd: CSD lock (#1) unresponsive.',
    'Sending NMI from CPU 3 to CPUs 1:',
    'NMI backtrace for cpu 1',
    'CPU: 1 UID: 0 PID: 60 Comm: hog Not tainted 6.12.0 #1',
    'RIP: 0010:hog_loop+0x10/0x20 [hog]',
    'Call Trace:',
    ' <TASK>',
    ' kthread+0xe4/0x120',
    ' </TASK>',
    'smp: csd: Re-sending CSD lock (#1) IPI from CPU#03 to CPU#01',
  ];

  it('lead from the CPU that spins to the one that does not answer, and to what it runs', async () => {
    const outcome = await replayLog(stamped(10, DETECTED));
    const [csd] = findingsOf(outcome, 'csd-lock');
    expect(csd).toMatchObject({
      cpu: 3,
      target: 1,
      call: 'do_nothing',
      severity: 'error',
      root: { kind: 'cpu-hog', code: 'IRQS_OFF', cpu: 1, task: 'hog', tid: 60 },
    });
    expect(csd.chain?.map(({ name }) => name)).toEqual(['CPU 3', 'CPU 1', 'hog:60']);
    expect(csd.chain?.reduce((sum, { blame_ns }) => sum + blame_ns, 0)).toBe(csd.end_ns - csd.start_ns);
  });

  it('make a soft lockup of the CPU that spins a consequence', async () => {
    const lockup = [
      'watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [poker:50]',
      'CPU: 3 UID: 0 PID: 50 Comm: poker Not tainted 6.12.0 #1',
      'RIP: 0010:smp_call_function_many_cond+0x1d8/0xbb0',
      'Call Trace:',
      ' <TASK>',
      ' on_each_cpu_cond_mask+0x24/0x40',
      ' </TASK>',
    ];
    const outcome = await replayLog(stamped(10, DETECTED) + stamped(27, lockup));
    const [soft] = findingsOf(outcome, 'soft-lockup');
    expect(soft).toMatchObject({ cpu: 3, severity: 'warning', root: { kind: 'cpu-hog', cpu: 1 } });
    expect(notesText(soft)).toContain('until CPU 1 answers');
  });

  it('lead on from a stall whose CPU spins', async () => {
    const stall = [
      'rcu: INFO: rcu_preempt self-detected stall on CPU',
      'rcu: \t3-....: (5250 ticks this GP) idle=5544/1/0x4000000000000000 softirq=9/9 fqs=851',
      'rcu: \t(t=5251 jiffies g=737 q=2 ncpus=4)',
      'CPU: 3 UID: 0 PID: 50 Comm: poker Not tainted 6.12.0 #1',
      'RIP: 0010:smp_call_function_many_cond+0x1d8/0xbb0',
      'Call Trace:',
      ' <TASK>',
      ' on_each_cpu_cond_mask+0x24/0x40',
      ' </TASK>',
    ];
    const named = await replayLog(stamped(10, DETECTED) + stamped(26, stall), { hz: 250 });
    expect(findingsOf(named, 'rcu-stall')).toMatchObject([{ cpus: [3], cause: 'cpu-hog' }]);
    expect(notesText(findingsOf(named, 'rcu-stall')[0])).toContain('until CPU 1 answers');
    // Without the report nothing tells which CPU it is.
    const alone = await replayLog(stamped(26, stall), { hz: 250 });
    expect(findingsOf(alone, 'rcu-stall')).toMatchObject([{ cpus: [3], cause: 'unknown' }]);
    expect(notesText(findingsOf(alone, 'rcu-stall')[0])).toContain('spins in smp_call_function_many_cond');
  });

  it('belong to an NMI storm that the log tells of', async () => {
    const long = [1, 2, 3, 4].map(
      (ms) => `INFO: NMI handler (perf_event_nmi_handler) took too long to run: ${ms}00.000 msecs`,
    );
    const outcome = await replayLog(stamped(6, long) + stamped(10, DETECTED));
    expect(findingsOf(outcome, 'csd-lock')).toMatchObject([
      { severity: 'warning', root: { kind: 'nmi-storm', cpu: 1 } },
    ]);
  });
});

describe('a grace period that was asked for and does not begin', () => {
  const STATE =
    'rcu: rcu_preempt: wait state: RCU_GP_WAIT_GPS(1) ->state: 0x402 ->rt_priority 0 delta ->gp_start 2741 ->gp_activity 2737 ->gp_req_activity 2732 ->gp_wake_time 2732 ->gp_wake_seq 312 ->gp_seq 312 ->gp_seq_needed 316 ->gp_max 61 ->gp_flags 0x1';
  const WARNING = 'WARNING: CPU: 1 PID: 75 at kernel/rcu/tree_stall.h:1010 rcu_check_gp_start_stall.part.0+0x14a/0x290';

  it('is the kthread asleep, and the root of who waits for it (rcu_check_gp_start_stall)', async () => {
    const outcome = await replayLog(hungTask(21, 'upd:74', 5, SYNC_RCU) + stamped(24, [WARNING, STATE]), { hz: 250 });
    const root = { kind: 'gp-kthread-starved', code: 'GPKTHREAD_ASLEEP', task: 'rcu_preempt' };
    expect(findingsOf(outcome, 'gp-kthread-starved')).toMatchObject([{ blocked_ns: (2732 / 250) * 1e9, root }]);
    expect(findingsOf(outcome, 'blocked-sync')).toMatchObject([{ task: 'upd', root }]);
    expect(findingsOf(outcome, 'rcu-stall')).toEqual([]);
  });

  it('is none in the same lines where a grace period is in progress, or nothing is needed', async () => {
    for (const state of [STATE.replace('->gp_seq 312', '->gp_seq 313'), STATE.replace('needed 316', 'needed 312')])
      expect(findingsOf(await replayLog(stamped(24, [state])), 'gp-kthread-starved')).toEqual([]);
  });
});

it('a late reschedule is information, with the task that had the CPU (resched_latency_warn)', async () => {
  const lines = [
    'sched: CPU 1 need_resched set for > 1250004000 ns (312 ticks) without schedule',
    'WARNING: CPU: 1 PID: 60 at kernel/sched/debug.c:1090 resched_latency_warn+0x5e/0x70',
    'Modules linked in: hog',
    'CPU: 1 UID: 0 PID: 60 Comm: hog Not tainted 6.12.0 #1',
    'Call Trace:',
    ' <TASK>',
    ' hog_loop+0x10/0x20 [hog]',
    ' </TASK>',
  ];
  const outcome = await replayLog(stamped(10, lines));
  expect(findingsOf(outcome, 'soft-lockup')).toMatchObject([
    { severity: 'info', cpu: 1, task: 'hog', tid: 60, site: 'hog_loop' },
  ]);
});
