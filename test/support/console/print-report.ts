/**
 * Writes a report in the kernel's current wording, so that reading the lines gives the same report (MODEL O34). What a report does
 * not keep (offsets, registers, usage dumps) is not written. Time and place are the reader's.
 */
import type { LogBacktrace, LogLock, LogReport } from '../../../schema/index.ts';
import { formatLockdep } from './print-lockdep.ts';
import { formatLock, formatStack } from './print-parts.ts';

type Of<K extends LogReport['kind']> = Extract<LogReport, { kind: K }>;

/** The lines of a report, without prefixes. */
export function printReport(report: LogReport): string[] {
  switch (report.kind) {
    case 'lockdep-circular':
    case 'lockdep-irq-order':
    case 'lockdep-irq-inversion':
    case 'lockdep-irq-state':
    case 'lockdep-recursion':
    case 'lockdep-wait-context':
    case 'lockdep-misuse':
      return formatLockdep(report);
    case 'lockdep-off':
      return [
        /^MAX_/.test(report.why)
          ? `BUG: ${report.why}`
          : /^(?:lockdep is|trying)/.test(report.why)
            ? `INFO: ${report.why}`
            : report.why,
      ];
    case 'panic':
      return [`Kernel panic - not syncing: ${report.why === 'rcu-stall' ? 'RCU Stall' : 'hung_task: blocked tasks'}`];
    case 'unread':
      return [report.text];
    case 'rcu-stall':
      return formatStall(report);
    case 'hung-task':
      return formatHungTask(report);
    case 'soft-lockup':
      return formatSoftLockup(report);
    case 'hard-lockup':
      return [
        `watchdog: Watchdog detected hard LOCKUP on cpu ${report.cpu}`,
        ...(report.task ? [cpuHeader(report.cpu, report.task)] : []),
        ...(report.stack.length > 0 ? formatStack(report.stack, 0, undefined, false, report.frames) : []),
      ];
    case 'rcu-kthread':
      return [
        `rcu: ${report.flavor}: wait state: ${report.state}(1) ->state: ${report.taskState} ->rt_priority 0 delta ->gp_start 1 ->gp_activity ${report.activityJiffies} ->gp_req_activity ${report.requestJiffies} ->gp_wake_time 1 ->gp_wake_seq 1 ->gp_seq ${report.gpSeq} ->gp_seq_needed ${report.neededSeq} ->gp_max 61 ->gp_flags 0x1`,
      ];
    case 'csd-lock':
      return formatCsdLock(report);
    case 'workqueue-lockup':
      return formatWorkqueueLockup(report);
    case 'sleep-in-atomic':
      return formatSleep(report);
    case 'perf-interrupt':
      return [
        `perf: interrupt took too long (${report.averageNs} > ${report.allowedNs}), lowering kernel.perf_event_max_sample_rate to ${report.rateHz}`,
      ];
    case 'nmi-handler-long': {
      const us = Math.round(report.durationNs / 1e3);
      return [
        `INFO: NMI handler (${report.handler}) took too long to run: ${Math.floor(us / 1e3)}.${String(us % 1e3).padStart(3, '0')} msecs`,
      ];
    }
    case 'hrtimer-long':
      return [`hrtimer: interrupt took ${report.durationNs} ns`];
    case 'held-locks':
      return [
        'Showing all locks held in the system:',
        ...report.tasks.flatMap(({ task, locks }) => formatHeld(`${task.comm}/${task.tid}`, locks, true)),
        '=============================================',
      ];
    case 'backtrace':
      return formatBacktrace(report);
    case 'banner':
      return [`Linux version ${report.release} ${report.version}`];
    case 'kernel-setting':
      return [formatSetting(report)];
  }
}

function cpuHeader(cpu: number | undefined, task: { comm: string; tid: number }): string {
  return `${cpu === undefined ? 'Pid: ' : `CPU: ${cpu} PID: `}${task.tid}${cpu === undefined ? ', c' : ' C'}omm: ${task.comm} Not tainted`;
}

/** @param always also when the list is empty. */
export function formatHeld(task: string, locks: readonly LogLock[], always: boolean): string[] {
  if (locks.length === 0) return always ? [`1 lock held by ${task}:`] : [];
  return [
    `${locks.length} lock${locks.length === 1 ? '' : 's'} held by ${task}:`,
    ...locks.map((lock, i) => ` #${i}: ${formatLock(lock)}`),
  ];
}

function taskLine(task: { comm: string; tid: number }, state: string): string {
  const running = state === 'R' ? '  running task    ' : '';
  return `task:${task.comm.padEnd(15)} state:${state}${running} stack:0     pid:${task.tid} tgid:${task.tid} ppid:2      flags:0x00004000`;
}

function formatBacktrace(dump: LogBacktrace): string[] {
  const lines: string[] = [];
  if (dump.idle) return [`NMI backtrace for cpu ${dump.cpu} skipped: idling at default_idle+0x0/0x1`];
  if (dump.nmi) lines.push(`NMI backtrace for cpu ${dump.cpu}`);
  else if (dump.state !== undefined && dump.task) {
    if (dump.cpu !== undefined) lines.push(`Task dump for CPU ${dump.cpu}:`);
    lines.push(taskLine(dump.task, dump.state));
  }
  if (dump.task && dump.state === undefined) lines.push(cpuHeader(dump.cpu, dump.task));
  if (dump.workqueue) lines.push(`Workqueue: ${dump.workqueue.name} ${dump.workqueue.fn}`);
  if (dump.stack.length > 0 || dump.userMode || dump.irqFrames !== undefined)
    lines.push(...formatStack(dump.stack, dump.nmiFrames, dump.irqFrames, dump.userMode, dump.frames));
  return lines;
}

const STALL_TITLES: Record<Of<'rcu-stall'>['how'], string> = {
  self: 'self-detected stall on CPU',
  other: 'detected stalls on CPUs/tasks:',
  expedited: 'detected expedited stalls on CPUs/tasks:',
  tasks: 'detected stalls on tasks:',
};

function formatStall(report: Of<'rcu-stall'>): string[] {
  const { flavor, how, cpus, jiffies, gpSeq, kthread, cputime } = report;
  const lines: string[] = [];
  const tasks = report.tasks.map(
    ({ tid, state }) => `P${tid}${state !== undefined && how !== 'tasks' ? `/1:${state}` : ''}`,
  );
  const rcu = how === 'tasks' ? '' : 'rcu: ';
  if (report.suppressed)
    lines.push(
      `${rcu}INFO: ${flavor} ${how === 'expedited' ? 'detected expedited stalls, but' : 'detected stall, but'} suppressed full report due to a stuck CSD-lock.`,
    );
  else if (how === 'expedited') {
    const list = [...tasks, ...cpus.map(({ cpu, flags }) => `${cpu}-${flags}`)].join(' ');
    const end = jiffies === undefined ? '' : ` } ${jiffies} jiffies s: ${gpSeq} root: 0x0/.`;
    lines.push(`${rcu}INFO: ${flavor} ${STALL_TITLES[how]} { ${list}${end}`);
  } else {
    // Kernels before 3.13 listed the CPUs in the header and printed no line for each.
    const bare = cpus.filter(({ ticks, gpsBehind }) => ticks === undefined && gpsBehind === undefined);
    const list = bare.length > 0 ? ` { ${bare.map(({ cpu }) => cpu).join(' ')}}` : '';
    lines.push(`${rcu}INFO: ${flavor} ${STALL_TITLES[how]}${list}`);
  }
  if (how !== 'expedited') {
    for (const { cpu, flags, ticks, gpsBehind, idle, falsePositive } of cpus) {
      if (ticks === undefined && gpsBehind === undefined) continue;
      const count = gpsBehind === undefined ? `${ticks} ticks this GP` : `${gpsBehind} GPs behind`;
      lines.push(
        `${rcu}\t${cpu}${flags ? `-${flags}` : ''}: (${count})${idle === undefined ? '' : ` idle=${idle}`}${falsePositive ? ' (false positive?)' : ''}`,
      );
    }
    if (how !== 'tasks' && tasks.length > 0)
      lines.push(`${rcu}\tTasks blocked on level-0 rcu_node (CPUs 0-1): ${tasks.join(' ')}`);
    if (jiffies !== undefined)
      lines.push(
        `${rcu}\t(${report.detectedBy === undefined ? '' : `detected by ${report.detectedBy}, `}t=${jiffies} jiffies, g=${gpSeq}${report.queued === undefined ? '' : `, q=${report.queued}`}${report.online === undefined ? '' : ` ncpus=${report.online}`})`,
      );
  }
  if (report.allQuiescent !== undefined)
    lines.push(
      `${rcu}All QSes seen, last ${flavor} kthread activity ${report.allQuiescent} (1-0), jiffies_till_next_fqs=1, root ->qsmask 0x0`,
    );
  if (cputime) {
    lines.push(`${rcu}\t         hardirqs   softirqs   csw/system`);
    lines.push(`${rcu}\t number: ${cputime.hardirqs} ${cputime.softirqs} ${cputime.csw}`);
    if (cputime.hardirqMs !== undefined)
      lines.push(
        `${rcu}\tcputime: ${cputime.hardirqMs} ${cputime.softirqMs} ${cputime.systemMs}${cputime.intervalMs === undefined ? '' : ` ==> ${cputime.intervalMs}(ms)`}`,
      );
  }
  if (report.ended) lines.push(`${rcu}INFO: Stall ended before state dump start`);
  if (kthread) lines.push(...formatKthread(rcu, flavor, gpSeq, kthread));
  // The dump of a holdout names its task: it stands below the holdout's own line.
  let holdouts = how === 'tasks' ? report.tasks.length : 0;
  for (const dump of report.dumps ?? []) {
    if (holdouts > 0 && dump.task?.tid === report.tasks[report.tasks.length - holdouts].tid) {
      lines.push(`ffff88802f594a80: .. nvcsw: 2/2 holdout: 1 idle_cpu: -1/1`);
      holdouts--;
    }
    lines.push(...formatBacktrace(dump));
  }
  if (holdouts > 0) for (const { tid } of report.tasks.slice(-holdouts)) lines.push(`P${tid}: .. nesting: 0`);
  return lines;
}

function formatKthread(
  rcu: string,
  flavor: string,
  gpSeq: string | undefined,
  { kind, jiffies, state, taskState, cpu }: NonNullable<Of<'rcu-stall'>['kthread']>,
): string[] {
  const tail = `g${gpSeq ?? 0} f0x0 ${state}(5)${taskState === undefined ? '' : ` ->state=${taskState}`}`;
  if (kind === 'starved')
    return [
      `${rcu}${flavor} kthread starved for ${jiffies} jiffies! ${tail}${cpu === undefined ? '' : ` ->cpu=${cpu}`}`,
    ];
  return [
    `${rcu}${flavor} kthread timer wakeup didn't happen for ${jiffies} jiffies! ${tail}`,
    ...(cpu === undefined ? [] : [`${rcu}\tPossible timer handling issue on cpu=${cpu} timer-softirq=0`]),
  ];
}

function formatHungTask(report: Of<'hung-task'>): string[] {
  const { task, blocker } = report;
  const name = `${task.comm}:${task.tid}`;
  const lines = [
    `INFO: task ${name} ${report.cannotDie ? "can't die" : 'blocked'} for more than ${report.seconds} seconds.`,
  ];
  if (report.coredump) lines.push('      Blocked by coredump.');
  if (report.state !== undefined) lines.push(taskLine(task, report.state));
  if (report.workqueue) lines.push(`Workqueue: ${report.workqueue.name} ${report.workqueue.fn}`);
  if (report.stack.length > 0) lines.push(...formatStack(report.stack, 0, undefined, false, report.frames));
  lines.push(...formatHeld(`${task.comm}/${task.tid}`, report.held ?? [], false));
  if (blocker) {
    const as = blocker.as ? `<${blocker.as}> ` : 'is ';
    const likely = blocker.on === 'semaphore' ? 'likely last held' : 'likely owned';
    const owner = blocker.owner
      ? ` ${likely} by task ${blocker.owner.comm}:${blocker.owner.tid}.`
      : ', but the owner is not found.';
    lines.push(`INFO: task ${name} ${as}blocked on a${blocker.on === 'rw-semaphore' ? 'n' : ''} ${blocker.on}${owner}`);
  }
  return lines;
}

function formatSoftLockup(report: Of<'soft-lockup'>): string[] {
  if (report.resched)
    return [`sched: CPU ${report.cpu} need_resched set for > ${report.seconds * 1e9} ns (25 ticks) without schedule`];
  const { cpu, seconds, task, stack } = report;
  return [
    `watchdog: BUG: soft lockup - CPU#${cpu} stuck for ${seconds}s!${task ? ` [${task.comm}:${task.tid}]` : ''}`,
    ...(stack.length > 0 || report.irqFrames !== undefined
      ? [
          cpuHeader(cpu, task ?? { comm: 'swapper', tid: 0 }),
          ...formatStack(stack, 0, report.irqFrames, false, report.frames),
        ]
      : []),
  ];
}

function formatCsdLock(report: Of<'csd-lock'>): string[] {
  const { how, bug, cpu, target = -1, waitedNs = 0, fn = 'do_nothing', handling, handlingFn } = report;
  if (how === 'unstuck')
    return [`smp: csd: CSD lock (#${bug}) got unstuck on CPU#${pad(cpu)}, CPU#${pad(target)} released the lock.`];
  const states = {
    nothing: 'unresponsive',
    this: 'handling this request',
    another: `handling prior ${handlingFn}+0x0/0x10(0x0) request`,
  };
  return [
    `smp: csd: ${how === 'detected' ? 'Detected' : 'Continued'} non-responsive CSD lock (#${bug}) on CPU#${cpu}, waiting ${waitedNs} ns for CPU#${pad(target)} ${fn}+0x0/0x10(0x0).`,
    ...(handling ? [`smp: \tcsd: CSD lock (#${bug}) ${states[handling]}.`] : []),
    ...(report.dumps ?? []).flatMap(formatBacktrace),
  ];
}

const pad = (cpu: number): string => String(cpu).padStart(2, '0');

function formatWorkqueueLockup(report: Of<'workqueue-lockup'>): string[] {
  const lines = [`BUG: workqueue lockup - pool ${report.pool} stuck for ${report.seconds}s!`];
  if (report.busy.length > 0) lines.push('Showing busy workqueues and worker pools:');
  for (const { workqueue, fn, tid, state, pool, seconds } of report.busy) {
    lines.push(`workqueue ${workqueue}: flags=0x0`);
    if (pool !== undefined) lines.push(`  pwq 0: ${pool} active=1/256 refcnt=2`);
    lines.push(
      `    ${state}: ${tid === undefined ? '' : `${tid}:`}${fn}${seconds === undefined ? '' : ` for ${seconds}s`}`,
    );
  }
  for (const dump of report.dumps ?? []) lines.push(...formatBacktrace(dump));
  return lines;
}

function formatSleep(report: Of<'sleep-in-atomic'>): string[] {
  const { task, stack } = report;
  const name = task ? `${task.comm}/${task.tid}` : '';
  const lines =
    report.how === 'scheduling'
      ? [`BUG: scheduling while atomic: ${name}/${report.where}`]
      : [`BUG: sleeping function called from invalid context at ${report.where}`];
  if (report.inAtomic !== undefined && task)
    lines.push(
      `in_atomic(): ${report.inAtomic}, irqs_disabled(): ${report.irqsDisabled}, non_block: 0, pid: ${task.tid}, name: ${task.comm}`,
    );
  if (report.preemptCount !== undefined && report.how !== 'scheduling')
    lines.push(`preempt_count: ${report.preemptCount.toString(16)}, expected: 0`);
  lines.push(...formatHeld(name, report.held, report.inAtomic === undefined && task !== undefined));
  if (task && report.cpu !== undefined) lines.push(cpuHeader(report.cpu, task));
  if (stack.length > 0) lines.push(...formatStack(stack, 0, undefined, false, report.frames));
  return lines;
}

function formatSetting(setting: Of<'kernel-setting'>): string {
  switch (setting.field) {
    case 'release':
      return `CPU: 0 PID: 1 Comm: swapper Not tainted ${setting.value} #1`;
    case 'hz':
      return `rcu: RCU calculated value of scheduler-enlistment delay is ${setting.value / 10} jiffies.`;
    case 'rcuStallTimeoutS':
      return `rcu: \tRCU CPU stall warnings timeout set to ${setting.value} (rcu_cpu_stall_timeout).`;
    case 'possibleCpus':
      return `rcu: \tRCU restricting CPUs from NR_CPUS=8192 to nr_cpu_ids=${setting.value}.`;
    case 'hungTaskTimeoutS':
      return `Kernel command line: sysctl.kernel.hung_task_timeout_secs=${setting.value}`;
    case 'wqWatchdogThreshS':
      return `Kernel command line: workqueue.watchdog_thresh=${setting.value}`;
    case 'rt':
      return `CPU: 0 PID: 1 Comm: swapper Not tainted 0.0.0 #1 ${setting.value ? 'PREEMPT_RT' : 'PREEMPT'}`;
    case 'preemptRcu':
      return `rcu: ${setting.value ? 'Preemptible h' : 'H'}ierarchical RCU implementation.`;
    case 'proveRcu':
      return 'rcu: \tRCU lockdep checking is enabled.';
    case 'lockdep':
      return 'Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar';
    case 'x86':
      return 'x86/fpu: x87 FPU will use FXSAVE';
  }
}
