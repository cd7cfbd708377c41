import { describe, expect, it } from 'vitest';
import { ofKind, replayText } from '../../support/replay-capture.ts';
import { trace } from '../../support/replay-dsl.ts';

const kinds = async (text: string) =>
  ofKind(await replayText(text), 'irq-lock-state').map(({ irq, locks }) => `${irq} ${locks}`);

describe('softirqs on while a lock is held that softirqs take (L5.40)', () => {
  const inSoftirq = `t-7 [000] D.s1. 1.001: lock_acquire: 00000000000000a0 a
      t-7 [000] D.s1. 1.002: lock_release: 00000000000000a0 a`;

  it('shows by the flags of the release', async () => {
    const text = (flags: string) => trace`
      ${inSoftirq}
      t-7 [000] d..1. 1.003: lock_acquire: 00000000000000a0 a
      t-7 [000] ${flags} 1.005: lock_release: 00000000000000a0 a`;
    expect(await kinds(text('...1.'))).toEqual(['softirq a']);
    expect(await kinds(text('b..1.'))).toEqual([]);
  });

  it('is not hidden by weaker evidence that came before', async () => {
    expect(
      await kinds(trace`
      ${inSoftirq}
      t-7 [000] D..1. 1.003: lock_acquire: 00000000000000a0 a
      t-7 [000] D..1. 1.004: irq_enable: caller=f+0x1/0x2 parent=0x0
      t-7 [000] b..1. 1.005: lock_acquire: 00000000000000b0 b
      t-7 [000] b..1. 1.006: lock_release: 00000000000000b0 b
      t-7 [000] ...1. 1.007: lock_release: 00000000000000a0 a`),
    ).toEqual(['softirq a']);
  });

  it('shows by bottom halves that come on before the release', async () => {
    expect(
      await kinds(trace`
      ${inSoftirq}
      t-7 [000] b..1. 1.003: lock_acquire: 00000000000000a0 a
      t-7 [000] ...1. 1.005: lock_release: 00000000000000a0 a`),
    ).toEqual(['softirq a']);
  });
});
