/** Reports that come again and again are told once; what a log does not tell has no number. */
import { describe, expect, it } from 'vitest';
import { notesText } from '../../support/notes.ts';
import { findingsOf, replayLog, stamped } from '../../support/replay-log.ts';

/** A CPU that detects its own stall in `fn`, the tick between. */
const stall = (gpSeq: number, jiffies: number, fn = 'foo_spin') => [
  'rcu: INFO: rcu_preempt self-detected stall on CPU',
  `rcu: \t3-....: (${jiffies - 3} ticks this GP) idle=d2a4/1/0x4000000000000000 softirq=31/31 fqs=52`,
  `rcu: \t(t=${jiffies} jiffies g=${gpSeq} q=17 ncpus=4)`,
  'CPU: 3 UID: 0 PID: 812 Comm: spinner Not tainted 6.12.0 #1',
  'Call Trace:',
  ' <IRQ>',
  ' rcu_dump_cpu_stacks+0xd3/0x120',
  ' rcu_sched_clock_irq+0x4f1/0x1050',
  ' </IRQ>',
  ' <TASK>',
  ' asm_sysvec_apic_timer_interrupt+0x1a/0x20',
  `RIP: 0010:${fn}+0x21/0x60 [foo]`,
  ' foo_ioctl+0x44/0xb0 [foo]',
  ' </TASK>',
];

describe('recurring stalls', () => {
  it('of one cause are one finding with count, period, first and last', async () => {
    const log = [0, 1, 2, 3].map((i) => stamped(100 + 180 * i, stall(4101 + 36 * i, 21003))).join('');
    const [finding, ...others] = findingsOf(await replayLog(log), 'rcu-stall');
    expect(others).toEqual([]);
    expect(finding.recurrence).toEqual({
      count: 4,
      period_ns: 180e9,
      longest_ns: 21.003e9,
      first_ns: 100e9,
      last_ns: 640e9,
      gp_seqs: ['4101', '4137', '4173', '4209'],
    });
    expect(finding.gp_seq).toBe('4101');
    expect(finding.evidence).toHaveLength(4);
    expect(notesText(finding)).toContain('in kernel code (foo_spin)');
  });

  it('twice is no period: each grace period is a finding', async () => {
    const log = stamped(100, stall(4101, 21003)) + stamped(280, stall(4137, 21003));
    const found = findingsOf(await replayLog(log), 'rcu-stall');
    expect(found.map(({ gp_seq, recurrence }) => [gp_seq, recurrence])).toEqual([
      ['4101', undefined],
      ['4137', undefined],
    ]);
  });

  it('of different code are different findings', async () => {
    const fns = ['foo_spin', 'foo_spin', 'bar_spin', 'bar_spin'];
    const log = fns.map((fn, i) => stamped(100 + 180 * i, stall(4101 + 36 * i, 21003, fn))).join('');
    const found = findingsOf(await replayLog(log), 'rcu-stall');
    expect(found.map(({ recurrence }) => recurrence)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('a log without times', () => {
  it('tells the age of a stall by its last report', async () => {
    const log = `${[...stall(901, 5250), ...stall(901, 21003)].join('\n')}\n`;
    const [finding] = findingsOf(await replayLog(log), 'rcu-stall');
    expect(finding.start_ns).toBe(0);
    expect(finding.end_ns / 1e9).toBeCloseTo(84.012, 2);
  });

  it('gives no length to an expedited stall whose HZ is not known', async () => {
    const [finding] = findingsOf(
      await replayLog(
        'rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 2-...D } 22 jiffies s: 1257 root: 0x4/.\n',
      ),
      'rcu-stall',
    );
    expect(finding.severity).toBe('info');
    expect(finding.title).toMatch(/stalled: waits for CPU 2/);
    expect(notesText(finding)).toContain('CONFIG_RCU_EXP_CPU_STALL_TIMEOUT');
  });
});

describe('a hung task before v4.20', () => {
  it('waits at least as long as its reports are apart, and the seconds are called a threshold', async () => {
    const report = [
      'INFO: task mount:612 blocked for more than 120 seconds.',
      '      Not tainted 4.14.0 #1',
      'mount           D    0   612    600 0x00000000',
      'Call Trace:',
      ' __schedule+0x1d5/0x7f0',
      ' schedule+0x36/0x80',
      ' wait_for_completion+0xf6/0x130',
      ' foo_remove+0x38c/0x7a0',
    ];
    const [finding, ...others] = findingsOf(await replayLog(stamped(241, report) + stamped(361, report)), 'hung-task');
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ blocked_ns: 240e9, api: 'wait_for_completion' });
    expect(notesText(finding)).toMatch(/at least: before v4\.20 the kernel prints the threshold/);
    expect(notesText(finding)).toContain('it sleeps in wait_for_completion called by foo_remove');
    expect(notesText(finding)).not.toContain('growing');
  });
});

describe('a timer that did not fire', () => {
  it('is blamed on its own CPU, not on the one that is waited for', async () => {
    const outcome = await replayLog(
      stamped(90, [
        'rcu: INFO: rcu_sched self-detected stall on CPU',
        'rcu: \t1-....: (2098 ticks this GP) idle=3a04/1/0x40000002 softirq=118/122 fqs=1344',
        'rcu: \t(t=2101 jiffies g=-1055 q=60 ncpus=2)',
        "rcu: rcu_sched kthread timer wakeup didn't happen for 1518 jiffies! g-1055 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x402",
        'rcu: \tPossible timer handling issue on cpu=0 timer-softirq=1623',
      ]),
    );
    expect(findingsOf(outcome, 'rcu-stall')).toMatchObject([{ cause: 'timer-lost', cpus: [1], cause_cpu: 0 }]);
  });
});

describe('a task dump without NMI', () => {
  it('shows where a task was switched out, not what its CPU executes', async () => {
    const outcome = await replayLog(
      `${[
        'INFO: rcu_sched detected stalls on CPUs/tasks: { 0} (detected by 1, t=5252 jiffies, g=825, c=824, q=1)',
        'Task dump for CPU 0:',
        'reboot R running 0 2642 2641 0x00000000',
        'Call Trace:',
        '[c7363c70] [c0631338] schedule+0x30/0xbc (unreliable)',
        '[c7363d30] [c007d6cc] console_unlock+0xe8/0x108',
      ].join('\n')}\n`,
    );
    expect(findingsOf(outcome, 'rcu-stall')).toMatchObject([{ cause: 'unknown', cpus: [0] }]);
  });
});
