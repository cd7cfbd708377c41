import { describe, expect, it } from 'vitest';
import { fixture, ofKind, readLog, reportsIn } from '../../support/console-log.ts';

const read = async (name: string) => (await readLog(fixture(name))).reports;

describe('lockdep reports (MODEL 7.2)', () => {
  it('reads a circular dependency with its chain, not the shortened "Chain exists of" (G2.1, T23)', async () => {
    const [report] = ofKind(await read('lock-cycle.txt'), 'lockdep-circular');
    expect(report).toMatchObject({
      task: { comm: 'lab_chain', tid: 67 },
      line: 4,
      cpu: 1,
      acquiring: {
        name: 'lab_srcu_srcu_usage.lock',
        address: 'ffffffffa0005a78',
        usage: '....',
        outer: 2,
        inner: 2,
        site: 'srcu_gp_start_if_needed+0xb3/0x540',
      },
      holding: { name: '&rq->__lock' },
    });
    expect(report.chain.map((entry) => entry.lock.name)).toEqual([
      'lab_srcu_srcu_usage.lock',
      '&pool->lock',
      '&p->pi_lock',
      '&rq->__lock',
    ]);
    expect(report.chain[2].stack.slice(0, 4)).toEqual([
      '_raw_spin_lock_irqsave',
      'try_to_wake_up',
      'wake_up_process',
      'create_worker',
    ]);
    expect(report.held.map((lock) => lock.name)).toEqual(['&rq->__lock']);
    expect(report.stack).toContain('__traceiter_sched_switch');
    expect(report.stack).not.toContain('kthread_park'); // a `?` frame
  });

  it('reads an invalid wait context and the report that follows it', async () => {
    const reports = await read('wait-context-rt.txt');
    expect(ofKind(reports, 'lockdep-wait-context')[0]).toMatchObject({
      lock: { name: 'lab_srcu_srcu_usage.lock', outer: 3, inner: 3 },
      context: 5,
      held: [{ name: '&rq->__lock', outer: 2, inner: 2 }],
    });
    expect(ofKind(reports, 'sleep-in-atomic')[0]).toMatchObject({
      how: 'sleeping-function',
      where: 'kernel/locking/spinlock_rt.c:48',
      task: { comm: 'lab_chain', tid: 72 },
      inAtomic: 1,
      irqsDisabled: 1,
      preemptCount: 3,
    });
    expect(ofKind(reports, 'lockdep-off')).toHaveLength(1);
  });

  it('reads an irq-unsafe order with both sides', async () => {
    expect(ofKind(await read('irq-order.txt'), 'lockdep-irq-order')[0]).toMatchObject({
      irq: 'hardirq',
      task: { comm: 'lab_irq/2', tid: 67 },
      safe: 'lab_irq_lock',
      unsafe: 'lab_unsafe_lock',
      safePath: ['lab_irq_lock'],
      unsafePath: ['lab_unsafe_lock'],
      unsafeStack: expect.arrayContaining(['irq_unsafe_take']),
      safeStack: expect.arrayContaining(['lab_hrt_fn']),
    });
  });

  it('reads an inconsistent state', async () => {
    expect(ofKind(await read('irq-state-softirq.txt'), 'lockdep-irq-state')[0]).toMatchObject({
      irq: 'softirq',
      from: 'IN-SOFTIRQ-W',
      to: 'SOFTIRQ-ON-W',
      lock: { name: 'lab_soft_lock' },
      registered: expect.arrayContaining(['lab_timer_fn']),
    });
  });

  it('reads a recursion', async () => {
    expect(ofKind(await read('recursion.txt'), 'lockdep-recursion')[0]).toMatchObject({
      acquiring: { name: 'lab_rw_a', site: 'lk_reads+0x25/0x280 [lab]' },
      holding: { name: 'lab_rw_a', site: 'lk_reads+0x19/0x280 [lab]' },
    });
  });

  it('reads an irq inversion', () => {
    const [report] = reportsIn([
      '========================================================',
      'WARNING: possible irq lock inversion dependency detected',
      '6.1.0 #1 Not tainted',
      '--------------------------------------------------------',
      'swapper/0/0 just changed the state of lock:',
      'ffff888100a3a0b8 (&dev->lock){-.-.}-{2:2}, at: serial_interrupt+0x20/0x90',
      'but this lock took another, HARDIRQ-unsafe lock in the past:',
      ' (&tty->port_lock){+.+.}-{2:2}',
      '',
      'and interrupts could create inverse lock ordering between them.',
    ]);
    expect(report).toMatchObject({
      kind: 'lockdep-irq-inversion',
      irq: 'hardirq',
      direction: 'took',
      other: '&tty->port_lock',
      task: { comm: 'swapper/0', tid: 0 },
    });
  });

  it('reads the forms of older kernels: brackets, no wait types, no addresses, six usage letters', () => {
    const reports = reportsIn([
      '=======================================================',
      '[ INFO: possible circular locking dependency detected ]',
      '3.4.1-build-0061 #14 Not tainted',
      '-------------------------------------------------------',
      'swapper/0/0 is trying to acquire lock:',
      ' (slock-AF_INET){+.-...}, at: [<e0fc73ec>] l2tp_xmit_skb+0x173/0x47e [l2tp_core]',
      '',
      'but task is already holding lock:',
      ' (_xmit_ETHER#2){+.-...}, at: [<c02f062d>] sch_direct_xmit+0x36/0x119',
      '',
      '-> #1 (_xmit_ETHER#2){+.-...}:',
      '       [<c015a561>] lock_acquire+0x71/0x85',
      '       [<c0304e0c>] ip_send_reply+0xf2/0x1ce',
      '',
      '-> #0 (slock-AF_INET){+.-...}:',
      '       [<c0159f1b>] __lock_acquire+0x9a3/0xc27',
    ]);
    expect(reports[0]).toMatchObject({
      kind: 'lockdep-circular',
      task: { comm: 'swapper/0', tid: 0 },
      acquiring: { name: 'slock-AF_INET', usage: '+.-...', site: 'l2tp_xmit_skb+0x173/0x47e [l2tp_core]' },
      chain: [
        { lock: { name: 'slock-AF_INET' }, stack: ['__lock_acquire'] },
        { lock: { name: '_xmit_ETHER#2' }, stack: ['lock_acquire', 'ip_send_reply'] },
      ],
    });
  });

  it('puts lock lines together that were printed in pieces (G0.3)', () => {
    const reports = reportsIn([
      '[ INFO: suspicious RCU usage. ]',
      '../include/linux/kvm_host.h:536 suspicious rcu_dereference_check() usage!',
      '1 lock held by syz-executor/3985:',
      ' #0: ',
      ' (',
      '&vcpu->mutex',
      '){+.+.+.}',
      ', at: ',
      '[<ffffffff81055862>] vcpu_load+0x22/0x70',
      '',
      'stack backtrace:',
      'CPU: 0 PID: 3985 Comm: syz-executor Not tainted 4.9.0-rc4+ #47',
      'Call Trace:',
      ' [<ffffffff8155ad71>] lockdep_rcu_suspicious+0xd1/0x190',
    ]);
    expect(ofKind(reports, 'lockdep-misuse')[0]).toMatchObject({
      title: 'suspicious RCU usage.',
      detail: '../include/linux/kvm_host.h:536 suspicious rcu_dereference_check() usage!',
      held: [{ name: '&vcpu->mutex', usage: '+.+.+.', site: 'vcpu_load+0x22/0x70' }],
      stack: ['lockdep_rcu_suspicious'],
    });
  });

  it('keeps names with brackets and suffixes whole', () => {
    const [report] = reportsIn([
      'WARNING: possible circular locking dependency detected',
      'a/1 is trying to acquire lock:',
      'ffff88803d3d5d28 ((work_completion)(&(&ssp->srcu_sup->work)->work)){+.+.}-{0:0}, at: __flush_work+0x1/0x2',
      'but task is already holding lock:',
      'ffff88803d3d5d29 (&sb->s_type->i_mutex_key#13/1){++++}-{3:3}, at: f+0x1/0x2',
    ]);
    expect(report).toMatchObject({
      acquiring: { name: '(work_completion)(&(&ssp->srcu_sup->work)->work)' },
      holding: { name: '&sb->s_type->i_mutex_key#13/1' },
      chain: [],
    });
  });

  it('counts a report that is cut, and gives what could be read of it', async () => {
    const { reports, diagnostics } = await readLog(
      [
        '[    1.000000] =============================',
        '[    1.000001] [ BUG: Invalid wait context ]',
        '[    1.000002] a/1 is trying to lock:',
        '[    1.000003] ffff888100000001 (one){....}-{3:3}, at: f+0x1/0x2',
      ].join('\n'),
    );
    expect(ofKind(reports, 'lockdep-wait-context')).toHaveLength(1);
    expect(diagnostics.issues.get('log-report-cut')).toMatchObject({ count: 1, first: { line: 2 } });
  });

  it('keeps reports of interleaved callers apart (G0.2)', async () => {
    const a = [
      '[ BUG: Invalid wait context ]',
      'a/1 is trying to lock:',
      'ffff888100000001 (one){....}-{3:3}, at: f+0x1/0x2',
      'context-{4:4}',
    ];
    const b = [
      '[ BUG: Invalid wait context ]',
      'b/2 is trying to lock:',
      'ffff888100000002 (two){....}-{3:3}, at: g+0x1/0x2',
      'context-{5:5}',
    ];
    const { reports } = await readLog(
      a.flatMap((line, i) => [`[    1.00000${i}][    T1] ${line}`, `[    1.00000${i}][    T2] ${b[i]}`]).join('\n'),
    );
    expect(
      ofKind(reports, 'lockdep-wait-context').map(({ task, lock, context }) => [task.comm, lock.name, context]),
    ).toEqual([
      ['a', 'one', 4],
      ['b', 'two', 5],
    ]);
  });
});

describe('RCU stalls (MODEL 7.3)', () => {
  it('reads the CPU, its NMI backtrace and the footer', async () => {
    const [report] = ofKind(await read('nmi-storm.txt'), 'rcu-stall');
    expect(report).toMatchObject({
      flavor: 'rcu_preempt',
      how: 'other',
      cpus: [{ cpu: 1, flags: '...0', ticks: 4, idle: '7174/1/0x4000000000000002' }],
      tasks: [],
      detectedBy: 0,
      jiffies: 2015,
      gpSeq: '521',
      queued: 9,
      online: 2,
      dumps: [{ cpu: 1, task: { comm: 'user spin-1 [x]', tid: 83 }, nmi: true, userMode: true }],
    });
  });

  it('reads blocking tasks and the dump that names them (T10)', async () => {
    const [report] = ofKind(await read('stall-preempted-reader.txt'), 'rcu-stall');
    expect(report.tasks).toEqual([{ tid: expect.any(Number), state: expect.stringContaining('.') }]);
    expect(report.dumps?.[0]).toMatchObject({ task: { comm: 'lab_rcuread', tid: report.tasks[0].tid }, state: 'R' });
  });

  it('tells interrupt frames from those of the interrupted task', async () => {
    const [report] = ofKind(await read('stall-cpu-hog.txt'), 'rcu-stall');
    const dump = report.dumps?.find((candidate) => candidate.cpu === 1);
    expect(dump?.stack.slice((dump.nmiFrames ?? 0) + (dump.irqFrames ?? 0))).toContain('job_main');
  });

  it('reads a self-detected stall, its starved kthread and the cputime table', () => {
    const [report] = reportsIn(
      [
        'rcu: INFO: rcu_sched self-detected stall on CPU',
        'rcu: \t0-...!: (10500 ticks this GP) idle=5be/1/0x4000000000000000 softirq=5432/5432 fqs=4 (false positive?)',
        'rcu: \t         hardirqs   softirqs   csw/system',
        'rcu: \t number:      624         45            0',
        'rcu: \tcputime:       69          1         2425   ==> 2500(ms)',
        'rcu: \t(t=10502 jiffies g=-1107 q=18 ncpus=4)',
        'rcu: rcu_sched kthread starved for 10494 jiffies! g-1107 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x402 ->cpu=1',
        'rcu: \tUnless rcu_sched kthread gets sufficient CPU time, OOM is now expected behavior.',
        'rcu: RCU grace-period kthread stack dump:',
        'task:rcu_sched       state:I stack:    0 pid:   11 ppid:     2 flags:0x00004000',
        'Call Trace:',
        ' __schedule+0x87c/0x1ec0',
      ],
      0,
    );
    expect(report).toMatchObject({
      kind: 'rcu-stall',
      how: 'self',
      cpu: 0,
      cpus: [{ cpu: 0, flags: '...!', falsePositive: true }],
      jiffies: 10502,
      gpSeq: '-1107',
      cputime: { hardirqs: 624, softirqs: 45, csw: 0, hardirqMs: 69, softirqMs: 1, systemMs: 2425, intervalMs: 2500 },
      kthread: { kind: 'starved', jiffies: 10494, state: 'RCU_GP_WAIT_FQS', cpu: 1 },
      dumps: [{ task: { comm: 'rcu_sched', tid: 11 }, state: 'I', stack: ['__schedule'] }],
    });
  });

  it('reads an expedited stall on one line or several', () => {
    const whole =
      'rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { P4093 1-...D 3-O..D } 26003 jiffies s: 105 root: 0x2/T';
    const at = [whole.indexOf(' 1-'), whole.indexOf(' 3-'), whole.indexOf(' }')];
    const pieces = [whole.slice(0, at[0]), whole.slice(at[0], at[1]), whole.slice(at[1], at[2]), whole.slice(at[2])];
    for (const lines of [[whole], pieces]) {
      expect(reportsIn(lines)).toMatchObject([
        {
          how: 'expedited',
          cpus: [
            { cpu: 1, flags: '...D' },
            { cpu: 3, flags: 'O..D' },
          ],
          tasks: [{ tid: 4093 }],
          jiffies: 26003,
          gpSeq: '105',
        },
      ]);
    }
  });

  it('reads the forms of older kernels', () => {
    expect(
      reportsIn([
        'INFO: rcu_preempt detected stalls on CPUs/tasks: { 2} (detected by 0, t=65008 jiffies, g=48068, c=48067, q=7339)',
      ])[0],
    ).toMatchObject({ cpus: [{ cpu: 2 }], detectedBy: 0, jiffies: 65008, gpSeq: '48068', queued: 7339 });
    expect(
      reportsIn(['rcu_sched kthread starved for 104281 jiffies! g29066 c29065 f0x0 s3 ->state=0x0'])[0],
    ).toMatchObject({ kind: 'rcu-stall', kthread: { kind: 'starved', jiffies: 104281 } });
  });

  it('reads a stall of RCU Tasks with its holdout', () => {
    const [report] = reportsIn([
      'INFO: rcu_tasks detected stalls on tasks:',
      'ffff88802f594a80: .. nvcsw: 2/2 holdout: 1 idle_cpu: -1/1',
      'task:syz.0.2297      state:R  running task     stack:24168 pid:14797 tgid:14796 ppid:5615   task_flags:0x400140 flags:0x00080005',
      'Call Trace:',
      ' <TASK>',
      ' __schedule+0x11d7/0x6730',
      ' </TASK>',
    ]);
    expect(report).toMatchObject({
      flavor: 'rcu_tasks',
      how: 'tasks',
      tasks: [{ tid: 14797, comm: 'syz.0.2297', state: 'R' }],
    });
  });

  it('gives a stall the backtrace that another CPU prints under its own caller', async () => {
    const { reports } = await readLog(
      [
        '[   10.000000][    C1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
        '[   10.000001][    C1] rcu: \t2-....: (1 GPs behind) idle=7a2/1/0x4000000000000002 softirq=1/2 fqs=20',
        '[   10.000002][    C1] rcu: \t(detected by 1, t=2603 jiffies, g=19098, q=977)',
        '[   10.000003][    C1] Sending NMI from CPU 1 to CPUs 2:',
        '[   10.000004][    C2] NMI backtrace for cpu 2',
        '[   10.000005][    C2] CPU: 2 PID: 7 Comm: spin Not tainted 6.1.0 #1',
        '[   10.000006][    C2] RIP: 0010:spin_forever+0x1/0x10',
        '[   10.000007][    C2] Call Trace:',
        '[   10.000008][    C2]  <TASK>',
        '[   10.000009][    C2]  ioctl+0x1/0x10',
        '[   10.000010][    C2]  </TASK>',
      ].join('\n'),
    );
    expect(ofKind(reports, 'rcu-stall')).toMatchObject([
      { cpus: [{ cpu: 2, gpsBehind: 1 }], dumps: [{ cpu: 2, stack: ['spin_forever', 'ioctl'], nmi: true }] },
    ]);
    expect(ofKind(reports, 'backtrace')).toEqual([]);
  });
});

describe('hung tasks (MODEL 7.4)', () => {
  it('reads every report with its stack and work item', async () => {
    const reports = ofKind(await read('nmi-storm.txt'), 'hung-task');
    expect(reports.map(({ task, seconds }) => `${task.comm}:${task.tid} ${seconds}`)).toEqual([
      'kworker/0:1:9 5',
      'kworker/0:2:36 5',
      'perf close-1:84 5',
      'lab_upd/0:86 5',
      'lab upd-1:87 5',
      'lab_upd/2:88 5',
      'lab_rcuupd:89 5',
    ]);
    expect(reports[0]).toMatchObject({ workqueue: { name: 'rcu_gp', fn: 'process_srcu' }, state: 'D' });
    expect(reports[2].stack).toEqual(expect.arrayContaining(['__synchronize_srcu', 'perf_release']));
  });

  it('reads all locks held in the system', async () => {
    const [report] = ofKind(await read('srcu-chain.txt'), 'held-locks');
    const holder = report.tasks.find(({ task }) => task.comm === 'lab_rdA');
    expect(holder?.locks.map((lock) => lock.name)).toEqual(['lab_srcu_a']);
  });

  const BLOCKERS: readonly (readonly [string, object])[] = [
    [
      'is blocked on a mutex likely owned by task lab_dead/2:84.',
      { on: 'mutex', owner: { comm: 'lab_dead/2', tid: 84 } },
    ],
    ['is blocked on a mutex, but the owner is not found.', { on: 'mutex' }],
    ['is blocked on a semaphore likely last held by task b:7.', { on: 'semaphore', owner: { comm: 'b', tid: 7 } }],
    ['is blocked on a semaphore, but the last holder is not found.', { on: 'semaphore' }],
    [
      '<reader> blocked on an rw-semaphore likely owned by task b:7 <writer>',
      { on: 'rw-semaphore', owner: { comm: 'b', tid: 7 }, as: 'reader' },
    ],
  ];
  it.each(BLOCKERS)('reads the blocker line: %s', (text, blocker) => {
    const [report] = reportsIn([
      'INFO: task a:b/1:83 blocked for more than 143 seconds.',
      '      Tainted: G           O       6.16.0 #2',
      '"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.',
      'task:a:b/1           state:D stack:0     pid:83    tgid:83    ppid:2      flags:0x00004000',
      'Call Trace:',
      ' <TASK>',
      ' __schedule+0x4f7/0xbd0',
      ' __mutex_lock+0x4d1/0xd50',
      ' </TASK>',
      `INFO: task a:b/1:83 ${text}`,
    ]).filter((candidate) => candidate.kind === 'hung-task');
    expect(report).toMatchObject({
      task: { comm: 'a:b/1', tid: 83 },
      seconds: 143,
      stack: ['__schedule', '__mutex_lock'],
      blocker,
    });
  });

  it('tells a task that cannot die from one that is blocked, and knows waits for I/O', () => {
    expect(reportsIn(["INFO: task a:1 can't die for more than 143 seconds."])[0]).toMatchObject({ cannotDie: true });
    expect(reportsIn(['INFO: task udevd:5612 blocked in I/O wait for more than 143 seconds.'])[0]).toMatchObject({
      task: { comm: 'udevd', tid: 5612 },
      seconds: 143,
    });
  });
});

describe('lockups, workqueues and interrupts (MODEL 7.5)', () => {
  it('reads soft and hard lockups', () => {
    const [soft] = reportsIn([
      'watchdog: BUG: soft lockup - CPU#1 stuck for 134s! [syz:exec/2:10431]',
      'Modules linked in:',
      'CPU: 1 PID: 10431 Comm: syz:exec/2 Not tainted 4.16.0+ #4',
      'RIP: 0010:_raw_spin_unlock_irqrestore+0xa1/0xc0',
      'RSP: 0018:ffff880184db7780 EFLAGS: 00000282 ORIG_RAX: ffffffffffffff13',
      'Call Trace:',
      ' snd_rawmidi_write+0x2e2/0xdc0',
    ]);
    expect(soft).toMatchObject({
      kind: 'soft-lockup',
      cpu: 1,
      seconds: 134,
      task: { comm: 'syz:exec/2', tid: 10431 },
      stack: ['_raw_spin_unlock_irqrestore', 'snd_rawmidi_write'],
    });
    for (const line of [
      'NMI watchdog: Watchdog detected hard LOCKUP on cpu 3',
      'watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 3',
      'watchdog: CPU 3 self-detected hard LOCKUP @ plpar_hcall_norets+0x1c/0x28',
    ])
      expect(reportsIn([line])[0]).toMatchObject({ kind: 'hard-lockup', cpu: 3 });
  });

  it('reads a workqueue lockup with its pools', () => {
    const [report] = reportsIn([
      'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 36s!',
      'Showing busy workqueues and worker pools:',
      'workqueue events: flags=0x0',
      '  pwq 2: cpus=0 node=0 flags=0x0 nice=0 active=2/256 refcnt=3',
      '    in-flight: 3691:do_bad_fn for 31s, 12(RESCUER):other_fn BAR(99)',
      '    pending: 2*vmstat_shepherd, check_corruption',
      'workqueue rcu_gp: flags=0x8',
      '  pwq 2: cpus=0 node=0 flags=0x0 nice=0 active=1/256 refcnt=2',
      '    inactive: process_srcu',
      'pool 2: cpus=0 node=0 flags=0x0 nice=0 hung=36s workers=3 idle: 12 23',
    ]);
    const pool = 'cpus=0 node=0 flags=0x0 nice=0';
    expect(report).toMatchObject({
      kind: 'workqueue-lockup',
      pool,
      seconds: 36,
      busy: [
        { workqueue: 'events', fn: 'do_bad_fn', tid: 3691, state: 'in-flight', pool, seconds: 31 },
        { workqueue: 'events', fn: 'other_fn', tid: 12, state: 'in-flight' },
        { workqueue: 'events', fn: 'vmstat_shepherd', state: 'pending' },
        { workqueue: 'events', fn: 'check_corruption', state: 'pending' },
        { workqueue: 'rcu_gp', fn: 'process_srcu', state: 'inactive' },
      ],
    });
  });

  it('reads the perf ladder in nanoseconds (T67), long NMI handlers and long timer interrupts', () => {
    expect(
      reportsIn([
        'perf: interrupt took too long (2510 > 2500), lowering kernel.perf_event_max_sample_rate to 79500',
        'INFO: NMI handler (storm_handler [lab]) took too long to run: 107.725 msecs',
        'hrtimer: interrupt took 32914615 ns',
      ]),
    ).toMatchObject([
      { kind: 'perf-interrupt', averageNs: 2510, allowedNs: 2500, rateHz: 79500 },
      { kind: 'nmi-handler-long', handler: 'storm_handler [lab]', durationNs: 107_725_000 },
      { kind: 'hrtimer-long', durationNs: 32_914_615 },
    ]);
  });

  it('reads scheduling while atomic', () => {
    expect(
      reportsIn([
        'BUG: scheduling while atomic: syz/fuzzer/2188/0x00000101',
        '2 locks held by syz/fuzzer/2188:',
        ' #0: ffff888100000001 (a){+.+.}-{2:2}, at: f+0x1/0x2',
        'Preemption disabled at:',
        '[<ffffffff81055862>] g+0x22/0x70',
        'CPU: 0 PID: 2188 Comm: syz/fuzzer Not tainted 5.17.0 #0',
        'Call trace:',
        ' __schedule_bug+0x60/0x90',
      ])[0],
    ).toMatchObject({
      kind: 'sleep-in-atomic',
      how: 'scheduling',
      task: { comm: 'syz/fuzzer', tid: 2188 },
      preemptCount: 0x101,
      held: [{ name: 'a' }],
      stack: ['__schedule_bug'],
    });
  });
});

describe('what the kernel says about itself (MODEL §0)', () => {
  it('takes settings from boot messages', () => {
    const settings = ofKind(
      reportsIn([
        'Linux version 6.12.0-rt (a@b) (gcc (Debian) 12) #2 SMP PREEMPT_RT Thu Nov 20',
        'rcu: Preemptible hierarchical RCU implementation.',
        'rcu: \tRCU lockdep checking is enabled.',
        'rcu: \tRCU restricting CPUs from NR_CPUS=8 to nr_cpu_ids=2.',
        'rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.',
        'rcu: \tRCU CPU stall warnings timeout set to 60 (rcu_cpu_stall_timeout).',
      ]),
      'kernel-setting',
    );
    expect(settings.map(({ field, value }) => [field, value])).toEqual([
      ['preemptRcu', true],
      ['proveRcu', true],
      ['possibleCpus', 2],
      ['hz', 250],
      ['rcuStallTimeoutS', 60],
    ]);
  });

  it('takes release and PREEMPT_RT from the header of a backtrace', () => {
    const settings = ofKind(
      reportsIn(['CPU: 1 UID: 0 PID: 67 Comm: a b Tainted: G        W  O        6.13.0-rc1 #2 PREEMPT_{RT,(full)}']),
      'kernel-setting',
    );
    expect(settings.map(({ field, value }) => [field, value])).toEqual([
      ['release', '6.13.0-rc1'],
      ['rt', true],
    ]);
  });
});

describe('stacks (MODEL 7.6, G0.5)', () => {
  const stackOf = (...frames: string[]) =>
    ofKind(reportsIn(['INFO: task a:1 blocked for more than 143 seconds.', 'Call Trace:', ...frames]), 'hung-task')[0]
      .stack;

  it('reads frames of all architectures and of decoders', () => {
    expect(
      stackOf(
        ' plain+0x1/0x2',
        ' module_fn.isra.0+0x1/0x2 [mod]',
        ' ? unreliable+0x1/0x2',
        ' [<ffffffff82a9df9c>] addressed+0x7c/0x1b0',
        ' [<ffffffff82aae250>] ? unreliable+0x130/0x130',
        '[<8018de80>] (arm_old) from [<80192868>] (caller+0x38/0x68)',
        ' arm_new from caller+0x40/0xa0',
        '[c000000f12345678] [c0000000001b2c3d] .powerpc+0x10/0x20 (unreliable)',
        '([<000000000012e7d2>] s390+0x1a/0x28)',
        ' decoded (fs/open.c:1067)',
        ' decoded_inline fs/open.c:12 [inline]',
        ' [<     inline     >] symbolized kernel/locking/lockdep.c:1843',
        ' arm64+0x1/0x2 (P)',
        ' 0xffffffffa0001234',
      ),
    ).toEqual([
      'plain',
      'module_fn.isra.0',
      'addressed',
      'arm_old',
      'arm_new',
      'powerpc',
      's390',
      'decoded',
      'decoded_inline',
      'symbolized',
      'arm64',
    ]);
  });

  it('does not take prose for frames', () => {
    expect(stackOf(' a+0x1/0x2', 'usb 1-1: new device found', 'audit: type=1400 a=0x12', 'Code: ff ff c3 66')).toEqual([
      'a',
    ]);
  });
});

describe('CSD-lock reports (kernel/smp.c csd_lock_wait_toolong)', () => {
  it('are one wait from its detection to its release', () => {
    const lines = [
      'smp: csd: Detected non-responsive CSD lock (#1) on CPU#3, waiting 5000000042 ns for CPU#17 do_kernel_range_flush+0x0/0xb0(0xffff888dfd943d80).',
      'smp: \tcsd: CSD lock (#1) unresponsive.',
      'Sending NMI from CPU 3 to CPUs 17:',
      'NMI backtrace for cpu 17',
      'CPU: 17 PID: 36681 Comm: as Not tainted 6.10.0 #1',
      'RIP: 0010:native_queued_spin_lock_slowpath+0x2b9/0xae0',
      'Call Trace:',
      ' <TASK>',
      ' _raw_spin_lock+0x7a/0xa0',
      ' </TASK>',
      'smp: csd: Re-sending CSD lock (#1) IPI from CPU#03 to CPU#17',
      'csd: Continued non-responsive CSD lock (#1) on CPU#3, waiting 15000000042 ns for CPU#17 scf_handler_1+0x0/0x50 [scftorture](0x0).',
      '\tcsd: CSD lock (#1) handling prior scf_handler+0x0/0x50(0x0) request.',
      'smp: csd: CSD lock (#1) got unstuck on CPU#03, CPU#17 released the lock.',
    ];
    const reports = ofKind(reportsIn(lines), 'csd-lock');
    expect(reports).toMatchObject([
      {
        how: 'detected',
        bug: 1,
        cpu: 3,
        target: 17,
        waitedNs: 5000000042,
        fn: 'do_kernel_range_flush',
        handling: 'nothing',
      },
      { how: 'continued', bug: 1, fn: 'scf_handler_1', handling: 'another', handlingFn: 'scf_handler' },
      { how: 'unstuck', bug: 1, cpu: 3, target: 17 },
    ]);
    expect(reports[0]).toMatchObject({ dumps: [{ cpu: 17, task: { comm: 'as', tid: 36681 } }] });
  });
});
