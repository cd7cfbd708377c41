/** A CPU that spins until another one answers its interrupt is a link, not a root: text patching, TLB flushes (kernel/smp.c). */
import { describe, expect, it } from 'vitest';
import { quiesce } from '../../support/command-line.ts';

const STORM = new URL('../../fixtures/replay/expedited-nmi-storm-7.2.trace.txt.zst', import.meta.url).pathname;

describe('a CPU that spins for another one', () => {
  it('leads from the starved grace-period kthread to the NMI storm on the CPU that does not answer', async () => {
    const { findings } = JSON.parse((await quiesce('replay', '--json', '--quiet', '--db', ':memory:', STORM)).out);
    const starved = findings.find((finding: { kind: string }) => finding.kind === 'gp-kthread-starved');
    expect(starved.root).toMatchObject({ kind: 'nmi-storm', cpu: 1 });
    expect(starved.chain.slice(0, 4).map((link: { name: string }) => link.name)).toEqual([
      'rcu_preempt:16',
      'CPU 0',
      'kworker/0:3:130',
      'CPU 1',
    ]);
    expect(starved.chain[2].note).toContain('spins in smp_call_function_many_cond until CPU 1 answers');
    const blamed = starved.chain.reduce((sum: number, link: { blame_ns: number }) => sum + link.blame_ns, 0);
    expect(blamed).toBe(starved.end_ns - starved.start_ns);
  });
});
