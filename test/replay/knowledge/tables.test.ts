/** The tables of what is known of kernels: one list each, and what follows from them. */
import { describe, expect, it } from 'vitest';
import { CTX_HARDIRQ, CTX_SOFTIRQ, KNOWN_EVENTS } from '../../../schema/index.ts';
import { entersHardirq, hardirqVector } from '../../../src/replay/knowledge/interrupt-events.ts';
import { isAtLeast, parseRelease } from '../../../src/replay/knowledge/kernel-release.ts';
import { apiProfile, srcuLocksRaw } from '../../../src/replay/knowledge/lock/api-profiles.ts';
import { contextOfFrames } from '../../../src/replay/knowledge/stack/context-frames.ts';
import { SOFTIRQ_FRAME } from '../../../src/replay/knowledge/stack/interrupt-frames.ts';
import { RECORDER_FRAME } from '../../../src/replay/knowledge/stack/recorder-frames.ts';
import { isGenericFrame } from '../../../src/replay/knowledge/stack/wait-frames.ts';
import { tracepointTeardown } from '../../../src/replay/knowledge/tracepoint-teardown.ts';

describe('interrupt vectors', () => {
  it('are the irq_vectors events of the catalog', () => {
    const events = [...KNOWN_EVENTS.values()].filter(({ system }) => system === 'irq_vectors').map(({ name }) => name);
    expect(events).toHaveLength(22);
    expect(events.filter((name) => !hardirqVector(name))).toEqual([]);
    expect(events.filter((name) => entersHardirq(name))).toEqual(events.filter((name) => name.endsWith('_entry')));
  });

  it('enter a hardirq as a device handler does; softirqs do not', () => {
    expect(entersHardirq('irq_handler_entry')).toBe(true);
    expect(entersHardirq('thermal_apic_entry')).toBe(true);
    expect(entersHardirq('irq_handler_exit')).toBe(false);
    expect(entersHardirq('softirq_entry')).toBe(false);
  });
});

describe('frames', () => {
  it('of softirqs serve one; the exit from an interrupt alone does not', () => {
    expect(contextOfFrames(['rcu_core_si', 'handle_softirqs', '__irq_exit_rcu'])).toBe(CTX_SOFTIRQ);
    expect(SOFTIRQ_FRAME.test('sched_balance_softirq')).toBe(true);
    expect(SOFTIRQ_FRAME.test('__irq_exit_rcu')).toBe(false);
    expect(contextOfFrames(['__irq_exit_rcu', 'sysvec_apic_timer_interrupt'])).toBe(CTX_HARDIRQ);
  });

  it.each(['trace_event_raw_event_sched_switch', 'perf_trace_lock', '__traceiter_sched_switch', '[FTRACE TRAMPOLINE]'])(
    '%s is of the recorder, and says nothing of a wait',
    (symbol) => {
      expect(RECORDER_FRAME.test(symbol)).toBe(true);
      expect(isGenericFrame(symbol)).toBe(true);
    },
  );

  it('of the function that was recorded are not of the recorder', () => {
    for (const symbol of ['synchronize_rcu', 'mutex_lock', 'perf_trace_event_unreg', 'perf_trace_destroy [x]'])
      expect(RECORDER_FRAME.test(symbol)).toBe(false);
  });
});

describe('kernel releases', () => {
  it('are read from what uname -r prints', () => {
    expect(parseRelease('6.12.117-labA')).toEqual({ major: 6, minor: 12, candidate: false });
    expect(parseRelease('7.0.0-rc3')).toEqual({ major: 7, minor: 0, candidate: true });
    expect(parseRelease('7.1-rc1+')).toEqual({ major: 7, minor: 1, candidate: true });
    expect(parseRelease('custom')).toBeUndefined();
    expect(parseRelease(undefined)).toBeUndefined();
  });

  it('compare by number', () => {
    expect(isAtLeast(parseRelease('6.9.1'), '6.12')).toBe(false);
    expect(isAtLeast(parseRelease('6.12.0'), '6.12')).toBe(true);
    expect(isAtLeast(parseRelease('7.0.0'), '6.12')).toBe(true);
    expect(isAtLeast(undefined, '6.12')).toBe(false);
  });

  it('decide what is known of them', () => {
    expect(['6.19.0', '7.0.0-rc2', '7.0.0', '7.1.0-rc1', 'custom'].map(srcuLocksRaw)).toEqual([
      false,
      undefined,
      true,
      true,
      undefined,
    ]);
    expect(tracepointTeardown('6.12.3')).toEqual(['srcu:tracepoint_srcu', 'rcu']);
    expect(tracepointTeardown('6.14.0')).toEqual(['tasks-trace', 'rcu']);
    expect(tracepointTeardown('7.0.0')?.[0]).toBe('srcu:rcu_tasks_trace_srcu_struct');
    expect(apiProfile('call_srcu', '7.0.1')?.note).toContain('irq_work');
    expect(apiProfile('call_srcu', '6.12.0')?.note ?? '').not.toContain('irq_work');
  });
});
