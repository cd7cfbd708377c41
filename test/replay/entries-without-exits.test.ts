/** Halves of pairs: an event that says that something begins, and none that says that it ends. How long it took is unknown, in every model. */
import { describe, expect, it } from 'vitest';
import { OCC_HARDIRQ, OCC_SOFTIRQ } from '../../src/replay/model/cpu/cpu.ts';
import { type CaptureReplay, replayText } from '../support/replay-capture.ts';
import { to, trace } from '../support/replay-dsl.ts';

const BUSY = `a-7 [000] ..... 1.000: ${to('swapper/0:0', 'R', 'a:7')}`;
const END = 'a-7 [000] ..... 160.000: rcu_utilization: Start context switch';

/** Severity and kind of what is found. */
const troubles = ({ findings }: CaptureReplay): string[] =>
  findings.filter(({ severity }) => severity !== 'info').map(({ severity, kind }) => `${severity} ${kind}`);

const interruptTime = ({ engine }: CaptureReplay): number => {
  const { occupancy } = engine.models.cpu.get(0);
  return occupancy[OCC_HARDIRQ] + occupancy[OCC_SOFTIRQ];
};

const status = ({ assessments }: CaptureReplay, kind: string): string | undefined =>
  assessments.find((assessment) => assessment.kind === kind)?.status;

describe('entries of interrupts alone', () => {
  const halves: readonly (readonly [what: string, kind: string, text: string])[] = [
    [
      'one and never again',
      'irq-storm',
      trace`${BUSY}
      a-7 [000] d.h1. 2.000: irq_handler_entry: irq=48 name=eth0
      ${END}`,
    ],
    [
      'of two handlers in turn',
      'irq-storm',
      trace`${BUSY}
      a-7 [000] d.h1. 2.000: irq_handler_entry: irq=48 name=eth0
      a-7 [000] d.h1. 50.000: irq_handler_entry: irq=49 name=sda
      a-7 [000] d.h1. 100.000: irq_handler_entry: irq=48 name=eth0
      ${END}`,
    ],
    [
      'of a vector',
      'irq-storm',
      trace`${BUSY}
      a-7 [000] d.h1. 2.000: local_timer_entry: vector=236
      a-7 [000] d.h1. 50.000: reschedule_entry: vector=253
      ${END}`,
    ],
    [
      'of softirqs',
      'softirq-storm',
      trace`${BUSY}
      a-7 [000] ..s1. 2.000: softirq_entry: vec=3 [action=NET_RX]
      ${END}`,
    ],
  ];
  it.each(halves)('%s: no time, no storm, not assessed', async (_, kind, text) => {
    const outcome = await replayText(text);
    expect(interruptTime(outcome)).toBe(0);
    expect(outcome.facts.contextSpans).toEqual([]);
    expect(troubles(outcome)).toEqual([]);
    expect(status(outcome, kind)).toBe('not-assessed');
  });

  it('beside vectors that end: only these take time', async () => {
    const outcome = await replayText(trace`${BUSY}
      a-7 [000] d.h1. 2.000: irq_handler_entry: irq=48 name=eth0
      a-7 [000] d.h1. 3.000: local_timer_entry: vector=236
      a-7 [000] d.h1. 3.001: local_timer_exit: vector=236
      a-7 [000] d.h1. 80.000: irq_handler_entry: irq=48 name=eth0
      ${END}`);
    expect(interruptTime(outcome)).toBe(1e6);
    expect(troubles(outcome)).toEqual([]);
  });

  it('make no interrupt context for the locks that follow, once one came without an exit before it', async () => {
    const outcome = await replayText(
      trace`${BUSY}
      a-7 [000] 1.500: irq_handler_entry: irq=48 name=eth0
      a-7 [000] 2.000: irq_handler_entry: irq=48 name=eth0
      a-7 [000] 3.000: lock_acquire: 00000000000000a0 a
      a-7 [000] 3.001: lock_release: 00000000000000a0 a`,
    );
    const [cls] = outcome.facts.lockClasses;
    expect(cls.usage?.[0] ?? '.').not.toMatch(/[+?-]/);
  });
});

describe('halves of other pairs find no trouble', () => {
  const halves: readonly (readonly [what: string, text: string])[] = [
    [
      'system calls',
      trace`${BUSY}
      a-7 [000] ..... 2.000: sys_enter: NR 0 (3, 7ffe, 1000, 0, 0, 0)
      a-7 [000] ..... 3.000: sys_membarrier(cmd: 1, flags: 0, cpu_id: 0)
      ${END}`,
    ],
    [
      'work items that begin',
      trace`${BUSY}
      kworker/0:1-9 [000] ..... 2.000: workqueue_execute_start: work struct 00000000deadbeef: function process_srcu
      kworker/0:1-9 [000] ..... 3.000: workqueue_execute_start: work struct 00000000deadbee0: function vmstat_update
      ${END}`,
    ],
    [
      'work items that are queued',
      trace`${BUSY}
      a-7 [000] ..... 2.000: workqueue_queue_work: work struct=00000000deadbeef function=vmstat_update workqueue=mm_percpu_wq req_cpu=0 cpu=0
      ${END}`,
    ],
    [
      'functions that are entered (trace-cmd)',
      trace`${BUSY}
      a-7 [000] 2.000: funcgraph_entry:                   |  synchronize_srcu() {
      a-7 [000] 3.000: funcgraph_entry:                   |  synchronize_rcu() {
      a-7 [000] 4.000: funcgraph_entry:                   |  process_srcu() {
      ${END}`,
    ],
    [
      'probes on synchronize_*',
      trace`${BUSY}
      a-7 [000] ..... 2.000: synchronize_srcu: (synchronize_srcu+0x0/0x120) ssp=0xffffffff81ee0600
      a-7 [000] ..... 3.000: synchronize_rcu: (synchronize_rcu+0x0/0x120)
      ${END}`,
    ],
    [
      'functions that are traced',
      trace`${BUSY}
      a-7 [000] ..... 2.000: synchronize_srcu <-tracepoint_probe_unregister
      a-7 [000] ..... 3.000: __srcu_read_lock <-foo
      ${END}`,
    ],
    [
      'contention that begins',
      trace`${BUSY}
      a-7 [000] ..... 2.000: contention_begin: 00000000000000a0 (flags=MUTEX)
      ${END}`,
    ],
    [
      'grace periods that start',
      trace`${BUSY}
      a-7 [000] ..... 2.000: rcu_utilization: Start context switch
      ${END}`,
    ],
  ];
  it.each(halves)('%s', async (_, text) => {
    const outcome = await replayText(text);
    expect(troubles(outcome)).toEqual([]);
  });
});

describe('exits of interrupts alone', () => {
  it.each([
    ['irq-storm', 'irq_handler_exit: irq=48 ret=handled'],
    ['softirq-storm', 'softirq_exit: vec=3 [action=NET_RX]'],
  ])('%s is not assessed: when they began is unknown', async (kind, exit) => {
    const outcome = await replayText(trace`${BUSY}
      a-7 [000] ..s1. 2.000: ${exit}
      a-7 [000] ..s1. 50.000: ${exit}
      ${END}`);
    expect(interruptTime(outcome)).toBe(0);
    expect(status(outcome, kind)).toBe('not-assessed');
  });
});
