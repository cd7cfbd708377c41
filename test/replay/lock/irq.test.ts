import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../schema/index.ts';
import { ofKind } from '../../support/replay-capture.ts';
import { type LockStep, type ProgramOptions, replayProgram, thread } from '../../support/replay-dsl.ts';

const HARDIRQ = { flags: 'd.h1.' };
const SOFTIRQ = { flags: '..s1.' };
const IRQS_OFF = { flags: 'd..1.' };
const BH_OFF = { flags: 'b..1.' };
const OPEN = { flags: '...1.' };

async function verdicts(steps: readonly LockStep[], options: ProgramOptions = {}): Promise<Finding[]> {
  const replay = await replayProgram(steps, options);
  return [...ofKind(replay, 'irq-lock-state'), ...ofKind(replay, 'irq-lock-order')];
}

describe('one lock used inside an interrupt and with it enabled (L5.40, O38)', () => {
  it('is inconsistent for hardirqs, whichever came first', async () => {
    for (const order of [
      [...thread(1, '+l -l', HARDIRQ), ...thread(2, '+l -l', OPEN)],
      [...thread(2, '+l -l', OPEN), ...thread(1, '+l -l', HARDIRQ)],
    ])
      expect(await verdicts(order)).toMatchObject([
        { kind: 'irq-lock-state', irq: 'hardirq', locks: ['l'], severity: 'error' },
      ]);
  });

  it('is inconsistent for softirqs while bottom halves are on', async () => {
    expect(await verdicts([...thread(1, '+l -l', SOFTIRQ), ...thread(2, '+l -l', OPEN)])).toMatchObject([
      { irq: 'softirq', locks: ['l'] },
    ]);
    expect(await verdicts([...thread(1, '+l -l', SOFTIRQ), ...thread(2, '+l -l', BH_OFF)])).toEqual([]);
  });

  it('is fine when every other use disables interrupts', async () => {
    expect(await verdicts([...thread(1, '+l -l', HARDIRQ), ...thread(2, '+l -l', IRQS_OFF)])).toEqual([]);
  });

  it('is fine when the interrupt only tries', async () => {
    expect(await verdicts([...thread(1, '?l -l', HARDIRQ), ...thread(2, '+l -l', OPEN)])).toEqual([]);
  });

  it('is fine between readers, and not when one side writes', async () => {
    expect(await verdicts([...thread(1, 'r+l -l', HARDIRQ), ...thread(2, 'r+l -l', OPEN)])).toEqual([]);
    expect(await verdicts([...thread(1, 'r+l -l', HARDIRQ), ...thread(2, '+l -l', OPEN)])).toHaveLength(1);
    expect(await verdicts([...thread(1, '+l -l', HARDIRQ), ...thread(2, 'r+l -l', OPEN)])).toHaveLength(1);
  });

  it('shows too when interrupts go on while it is held (mark_held_locks)', async () => {
    const steps = [
      ...thread(1, '+l -l', HARDIRQ),
      ...thread(2, '+l', IRQS_OFF),
      ...thread(2, '+x -x', OPEN),
      ...thread(2, '-l', IRQS_OFF),
    ];
    expect(await verdicts(steps)).toMatchObject([{ irq: 'hardirq', locks: ['l'] }]);
  });

  it('is not decided without interrupt state (L5.43)', async () => {
    const steps = [...thread(1, '+l -l'), ...thread(2, '+l -l')];
    expect(await verdicts(steps, { noFlags: true })).toEqual([]);
  });

  it('is proved without flags by an interrupt that comes while it is held', async () => {
    const inIrq: LockStep[] = [{ tid: 0, cpu: 0, op: 'tick' }];
    const text = await replayProgram([...thread(1, '+l tick -l'), ...inIrq], { noFlags: true });
    const cls = text.engine.models.locks.classes.find((candidate) => candidate.name === 'l');
    expect(cls?.usageText()).toBe('+...');
  });

  it('of two addresses of one name is only possible (L5.10)', async () => {
    expect(await verdicts([...thread(1, '+o@1 -o@1', HARDIRQ), ...thread(2, '+o@2 -o@2', OPEN)])).toMatchObject([
      { kind: 'irq-lock-state', severity: 'warning', confidence: 'inferred' },
    ]);
  });

  it('knows no softirq context on PREEMPT_RT (L5.35)', async () => {
    const steps = [...thread(1, '+l -l', SOFTIRQ), ...thread(2, '+l -l', OPEN)];
    expect(await verdicts(steps, { profile: { rt: true } })).toEqual([]);
    const hard = [...thread(1, '+l -l', HARDIRQ), ...thread(2, '+l -l', OPEN)];
    expect(await verdicts(hard, { profile: { rt: true } })).toHaveLength(1);
  });
});

describe('an interrupt-safe lock over an unsafe one (L5.42)', () => {
  const safe = thread(1, '+s -s', HARDIRQ);
  const unsafe = thread(2, '+u -u', OPEN);

  it('is an order that deadlocks', async () => {
    const [finding] = await verdicts([...safe, ...unsafe, ...thread(3, '+s +u -u -s', IRQS_OFF)]);
    expect(finding).toMatchObject({ kind: 'irq-lock-order', irq: 'hardirq', locks: ['s', 'u'], severity: 'error' });
  });

  it('is found over others in between, and named safe first', async () => {
    const findings = await verdicts([
      ...safe,
      ...unsafe,
      ...thread(3, '+s +m -m -s', IRQS_OFF),
      ...thread(4, '+m +u -u -m', IRQS_OFF),
    ]);
    expect(findings).toMatchObject([{ locks: ['s', 'm', 'u'] }]);
  });

  it('is no problem the other way round', async () => {
    expect(await verdicts([...safe, ...unsafe, ...thread(3, '+u +s -s -u', IRQS_OFF)])).toEqual([]);
  });

  it('is not told again for a lock that is inconsistent itself', async () => {
    const findings = await verdicts([
      ...safe,
      ...thread(2, '+s -s', OPEN),
      ...unsafe,
      ...thread(3, '+s +u -u -s', IRQS_OFF),
    ]);
    expect(findings.map((finding) => finding.kind)).toEqual(['irq-lock-state']);
  });

  it('does not count per-CPU local locks (lockdep usage_skip)', async () => {
    expect(
      await verdicts([...safe, ...thread(2, '+lock -lock', OPEN), ...thread(3, '+s +lock -lock -s', IRQS_OFF)]),
    ).toEqual([]);
  });
});
