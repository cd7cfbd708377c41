/** Interrupt load of CPUs from every source of MODEL E1.7 alone, exclusive (T40), and none where there is none. */

import { describe, expect, it } from 'vitest';
import { OCC_HARDIRQ, OCC_NMI, OCC_SOFTIRQ, OCC_TASK } from '../../src/replay/model/cpu/cpu.ts';
import { notesText } from '../support/notes.ts';
import { type CaptureReplay, ofKind, replayText } from '../support/replay-capture.ts';
import { to, trace } from '../support/replay-dsl.ts';

/** `line` every `stepUs`, from second 1 for `seconds`. */
function every(stepUs: number, seconds: number, lines: (at: (offsetUs: number) => string) => string[]): string {
  const all: string[] = [];
  for (let us = 1e6; us < 1e6 + seconds * 1e6; us += stepUs)
    all.push(
      ...lines((offsetUs) => `${Math.floor((us + offsetUs) / 1e6)}.${String((us + offsetUs) % 1e6).padStart(6, '0')}`),
    );
  return all.join('\n');
}

const share = (outcome: CaptureReplay, cpu: number, kind: number): number => {
  const { occupancy } = outcome.engine.models.cpu.get(cpu);
  return occupancy[kind] / occupancy.reduce((sum, ns) => sum + ns, 0);
};

const last = 'a-7     [000] ..... 9.000: rcu_utilization: Start context switch';

describe('a storm shows in each source alone (E1.7)', () => {
  const sources: [what: string, kind: 'nmi-storm' | 'irq-storm' | 'softirq-storm', text: string][] = [
    [
      'nmi_handler, which comes after the handler (T39)',
      'nmi-storm',
      trace`${every(1000, 3, (at) => [`a-7 [001] d.z1. ${at(900)}: nmi_handler: perf_event_nmi_handler() delta_ns: 800000 handled: 1`])}
        ${last}`,
    ],
    [
      'handlers of devices',
      'irq-storm',
      trace`${every(1000, 3, (at) => [
        `a-7 [001] d.h1. ${at(0)}: irq_handler_entry: irq=24 name=eth0`,
        `a-7 [001] d.h1. ${at(800)}: irq_handler_exit: irq=24 ret=handled`,
      ])}
        ${last}`,
    ],
    [
      'vectors',
      'irq-storm',
      trace`${every(1000, 3, (at) => [
        `a-7 [001] d.h1. ${at(0)}: call_function_single_entry: vector=251`,
        `a-7 [001] d.h1. ${at(800)}: call_function_single_exit: vector=251`,
      ])}
        ${last}`,
    ],
    [
      'softirqs',
      'softirq-storm',
      trace`${every(1000, 3, (at) => [
        `a-7 [001] ..s1. ${at(0)}: softirq_entry: vec=3 [action=NET_RX]`,
        `a-7 [001] ..s1. ${at(800)}: softirq_exit: vec=3 [action=NET_RX]`,
      ])}
        ${last}`,
    ],
    [
      'osnoise events of NMIs',
      'nmi-storm',
      trace`${every(1000, 3, (at) => [`osnoise/1-7 [001] d.z1. ${at(900)}: nmi_noise: start ${at(100)}000 duration 800000 ns`])}
        ${last}`,
    ],
    [
      'osnoise events of interrupts',
      'irq-storm',
      trace`${every(1000, 3, (at) => [`osnoise/1-7 [001] d.h1. ${at(900)}: irq_noise: local_timer:236 start ${at(100)}000 duration 800000 ns`])}
        ${last}`,
    ],
    [
      'contexts of records inside NMIs',
      'nmi-storm',
      trace`${every(40, 3, (at) => [`a-7 [001] d.z1. ${at(0)}: lock_acquire: 00000000000000a0 rcu_read_lock`])}
        ${last}`,
    ],
    [
      'contexts of records inside interrupts',
      'irq-storm',
      trace`${every(40, 3, (at) => [`a-7 [001] d.h1. ${at(0)}: lock_acquire: 00000000000000a0 rcu_read_lock`])}
        ${last}`,
    ],
    [
      'contexts of records inside softirqs',
      'softirq-storm',
      trace`${every(40, 3, (at) => [`a-7 [001] ..s1. ${at(0)}: lock_acquire: 00000000000000a0 rcu_read_lock`])}
        ${last}`,
    ],
    [
      'switches to the thread of a handler',
      'irq-storm',
      trace`<idle>-0 [001] d..2. 1.000: ${to('swapper/1:0', 'R', 'irq/24-eth0:50')}
        irq/24-eth0-50 [001] d..2. 4.000: ${to('irq/24-eth0:50', 'S', 'swapper/1:0')}
        ${last}`,
    ],
    [
      'switches to ksoftirqd, or to the timer thread of PREEMPT_RT',
      'softirq-storm',
      trace`<idle>-0 [001] d..2. 1.000: ${to('swapper/1:0', 'R', 'ktimers/1:20')}
        ktimers/1-20 [001] d..2. 2.000: ${to('ktimers/1:20', 'S', 'ksoftirqd/1:21')}
        ksoftirqd/1-21 [001] d..2. 4.000: ${to('ksoftirqd/1:21', 'S', 'swapper/1:0')}
        ${last}`,
    ],
    [
      'a handler that never ends',
      'irq-storm',
      trace`a-7 [001] d.h1. 0.900: irq_handler_entry: irq=24 name=eth0
        a-7 [001] d.h1. 0.901: irq_handler_exit: irq=24 ret=handled
        a-7 [001] d.h1. 1.000: irq_handler_entry: irq=24 name=eth0
        ${last}`,
    ],
  ];

  it.each(sources)('%s: %s', async (_what, kind, text) => {
    const outcome = await replayText(text);
    const storms = outcome.findings.filter((finding) => /storm/.test(finding.kind));
    expect(storms).toMatchObject([{ kind, cpu: 1 }]);
    expect((storms[0] as { share: number }).share).toBeGreaterThan(0.75);
  });

  it('in the summaries of the osnoise tracer, where they count one kind', async () => {
    const line = (second: number, nmis: number, irqs: number): string =>
      `osnoise/1-7 [001] ..... ${second}.000: 1000000 700000 30.00000 900 0 ${nmis} ${irqs} 0 0`;
    const text = (nmis: number, irqs: number): string =>
      `# tracer: osnoise\n${trace`${line(2, nmis, irqs)}
        ${line(3, nmis, irqs)}
        ${line(4, nmis, irqs)}
        ${line(5, nmis, irqs)}`}`;
    expect(ofKind(await replayText(text(800, 0)), 'nmi-storm')).toHaveLength(1);
    expect(ofKind(await replayText(text(0, 900)), 'irq-storm')).toHaveLength(1);
    const both = await replayText(text(800, 900));
    expect(both.findings).toEqual([]);
  });

  it('in stacks of a profiler, true to 1/√n and therefore inferred (E0.10)', async () => {
    const sample = (us: number, frames: string[]): string =>
      `a 7 [001] ${(us / 1e6).toFixed(6)}: 1000000 cpu-clock: \n${frames.map((frame) => `\tffffffff81000000 ${frame}+0x10 ([kernel.kallsyms])`).join('\n')}\n\n`;
    const softirq = ['net_rx_action', 'handle_softirqs', '__irq_exit_rcu', 'common_interrupt', 'asm_common_interrupt'];
    const task = ['do_syscall_64', 'entry_SYSCALL_64_after_hwframe'];
    let text = '';
    for (let i = 0; i < 300; i++) text += sample(1e6 + i * 10_000, i % 5 === 0 ? task : softirq);
    const [storm] = ofKind(await replayText(text), 'softirq-storm');
    expect(storm).toMatchObject({ cpu: 1, confidence: 'inferred' });
    expect(storm.share).toBeCloseTo(0.8, 1);
    expect(notesText(storm)).toMatch(/1\/√n/);
  });
});

describe('no storm', () => {
  it('is seen in ticks of an idle CPU, whose records are all made in interrupts', async () => {
    const outcome = await replayText(
      trace`${every(4000, 3, (at) => [`<idle>-0 [001] d.h1. ${at(0)}: rcu_utilization: Start scheduler-tick`])}
        ${last}`,
    );
    expect(outcome.findings).toEqual([]);
    expect(share(outcome, 1, OCC_HARDIRQ)).toBe(0);
  });

  it('of softirqs is seen where NMIs hit them: time is exclusive (T40)', async () => {
    const outcome = await replayText(
      trace`${every(1000, 3, (at) => [
        `a-7 [001] ..s1. ${at(0)}: softirq_entry: vec=3 [action=NET_RX]`,
        `a-7 [001] d.Z1. ${at(800)}: nmi_handler: perf_event_nmi_handler() delta_ns: 700000 handled: 1`,
        `a-7 [001] ..s1. ${at(900)}: softirq_exit: vec=3 [action=NET_RX]`,
      ])}
        ${last}`,
    );
    expect(outcome.findings.map((finding) => finding.kind)).toEqual(['nmi-storm']);
    expect(share(outcome, 1, OCC_NMI) / share(outcome, 1, OCC_SOFTIRQ)).toBeCloseTo(3.5, 1);
  });

  it('is seen in the stack of a task that the end of an interrupt preempts', async () => {
    const { engine } = await replayText(trace`
      a-7 [001] 1.000000: ${to('a:7', 'R+', 'b:8')}
      a-7 [001] 1.000001: kernel_stack: <stack trace >
      => __schedule
      => preempt_schedule_irq
      => irqentry_exit
      => asm_sysvec_apic_timer_interrupt
      b-8 [001] 1.000050: ${to('b:8', 'R+', 'a:7')}`);
    expect(engine.models.cpu.get(1).occupancy[OCC_HARDIRQ]).toBe(0);
  });
});

describe('on PREEMPT_RT a softirq is preempted with its task', () => {
  const text = trace`
    a-7 [001] ..s1. 1.000: softirq_entry: vec=3 [action=NET_RX]
    a-7 [001] d.s2. 1.100: ${to('a:7', 'R+', 'b:8')}
    b-8 [001] d..2. 1.400: ${to('b:8', 'S', 'a:7')}
    a-7 [001] ..s1. 1.500: softirq_exit: vec=3 [action=NET_RX]
    a-7 [001] ..... 2.000: rcu_utilization: Start context switch`;

  it('and what preempts it is no softirq', async () => {
    const { engine, facts } = await replayText(text);
    const { occupancy } = engine.models.cpu.get(1);
    expect(Math.round(occupancy[OCC_SOFTIRQ] / 1e6)).toBe(200);
    expect(Math.round(occupancy[OCC_TASK] / 1e6)).toBe(800);
    expect(facts.contextSpans).toEqual([{ cpu: 1, kind: 'softirq', name: 'NET_RX', startNs: 1e9, endNs: 1.5e9 }]);
  });

  it('elsewhere the exit was lost: the scheduler does not run in softirqs, and how long it took is unknown', async () => {
    const { engine, facts } = await replayText(text.replace('d.s2.', 'd..2.'));
    expect(Math.round(engine.models.cpu.get(1).occupancy[OCC_SOFTIRQ] / 1e6)).toBe(0);
    expect(facts.contextSpans).toEqual([]);
  });
});

describe('an interrupt reported at exit, less what was nested in it', () => {
  it('counts from its beginning', async () => {
    const { engine } = await replayText(trace`
      osnoise/1-7 [001] ..... 1.000000: rcu_utilization: Start context switch
      osnoise/1-7 [001] d.Z1. 1.000600: nmi_noise: start 1.000500000 duration 100000 ns
      osnoise/1-7 [001] d.h1. 1.000800: irq_noise: local_timer:236 start 1.000200000 duration 500000 ns
      osnoise/1-7 [001] ..... 1.001000: rcu_utilization: Start context switch`);
    const { occupancy } = engine.models.cpu.get(1);
    expect([OCC_NMI, OCC_HARDIRQ, OCC_TASK].map((kind) => Math.round(occupancy[kind] / 1e3))).toEqual([100, 500, 400]);
  });
});

describe('a share that swings around the threshold', () => {
  /** 60 % busy for a second and 44 % for 300 ms, over and over. */
  const swinging = trace`${every(1000, 8, (at) => {
    const us = Number(at(0).replace('.', '')) % 1_300_000;
    return [
      `a-7 [001] d.h1. ${at(0)}: local_timer_entry: vector=236`,
      `a-7 [001] d.h1. ${at(us < 1_000_000 ? 600 : 440)}: local_timer_exit: vector=236`,
    ];
  })}
    ${last}`;

  it('is one storm with lulls, which names its interrupt', async () => {
    const storms = ofKind(await replayText(swinging), 'irq-storm');
    expect(storms).toHaveLength(1);
    expect(storms[0].title).toContain('local_timer');
    expect(storms[0].share).toBeGreaterThan(0.5);
    expect(storms[0].end_ns - storms[0].start_ns).toBeGreaterThan(6e9);
  });

  it('that stays below is none, and two storms a window apart are two', async () => {
    const burst = (fromS: number): string =>
      every(1000, 2, (at) => {
        const moved = (offsetUs: number): string => (Number(at(offsetUs)) + fromS).toFixed(6);
        return [
          `a-7 [001] d.h1. ${moved(0)}: local_timer_entry: vector=236`,
          `a-7 [001] d.h1. ${moved(800)}: local_timer_exit: vector=236`,
        ];
      });
    const outcome = await replayText(trace`${burst(0)}
      ${burst(5)}
      ${last}`);
    expect(ofKind(outcome, 'irq-storm')).toHaveLength(2);
  });
});
