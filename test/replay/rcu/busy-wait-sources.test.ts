/** What shows that a CPU spins until another one answers, and for which one: requests, stacks, the kernel's CSD-lock reports (W29). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../schema/index.ts';
import { quiesce } from '../../support/command-line.ts';
import { to, trace, waking } from '../../support/replay-dsl.ts';
import { folderOfTest } from '../../support/temporary-folder.ts';

const SECONDS = 10;

/** One line: task, CPU, flags, time, payload. */
type Line = readonly [ns: number, text: string];

const line = (s: number, task: string, cpu: number, payload: string, flags = 'd..1.'): Line => [
  s,
  `${task} [00${cpu}] ${flags} ${s.toFixed(6)}: ${payload}`,
];

/**
 * CPU 1 runs hog:60 with interrupts off; CPU 0 runs poker:50, which asks it for a function call at 1.0 s, while the grace-period kthread waits for
 * CPU 0. Both end at 11 s.
 */
function scene(extra: readonly Line[], spinStack: readonly string[] = []): string {
  const lines: Line[] = [
    line(0.5, '<idle>-0', 1, to('swapper/1:0', 'R', 'hog:60')),
    line(0.6, '<idle>-0', 0, to('swapper/0:0', 'R', 'rcu_preempt:16')),
    line(0.9, 'rcu_preempt-16', 0, to('rcu_preempt:16', 'I', 'poker:50')),
    line(1.5, 'poker-50', 0, waking('rcu_preempt:16'), 'd.h1.'),
    line(1.500001, 'poker-50', 0, waking('rcu_preempt:16').replace('waking', 'wakeup'), 'dNh1.'),
    ...extra,
    line(SECONDS + 1, 'hog-60', 1, 'call_function_entry: vector=252', 'd.h1.'),
    line(SECONDS + 1.00001, 'hog-60', 1, 'call_function_exit: vector=252', 'd.h1.'),
    line(SECONDS + 1.1, 'poker-50', 0, to('poker:50', 'R+', 'rcu_preempt:16')),
    line(SECONDS + 1.1, 'hog-60', 1, to('hog:60', 'S', 'swapper/1:0')),
    line(SECONDS + 1.2, 'rcu_preempt-16', 0, to('rcu_preempt:16', 'I', 'swapper/0:0')),
  ];
  for (let s = 0.902; s < SECONDS + 1; s += 0.004) {
    const tick = line(s, 'poker-50', 0, 'local_timer_entry: vector=236', 'd.h1.')[1];
    const stack = spinStack.length === 0 || s < 1 ? [] : ['<stack trace>', ...spinStack.map((fn) => `=> ${fn}`)];
    lines.push([
      s,
      [
        tick,
        ...stack.map((text) => (text.startsWith('=>') ? text : `poker-50 [000] d.h1. ${s.toFixed(6)}: ${text}`)),
      ].join('\n'),
    ]);
    lines.push(line(s + 1e-5, 'poker-50', 0, 'local_timer_exit: vector=236', 'd.h1.'));
  }
  return trace`${lines
    .sort((a, b) => a[0] - b[0])
    .map(([, text]) => text)
    .join('\n')}`;
}

async function findingsOf(text: string): Promise<Finding[]> {
  const file = join(folderOfTest(), 'trace.txt');
  writeFileSync(file, text);
  return JSON.parse((await quiesce('replay', '--json', '--quiet', '--db', ':memory:', file)).out).findings;
}

async function starvedOf(text: string): Promise<Extract<Finding, { kind: 'gp-kthread-starved' }>> {
  const starved = (await findingsOf(text)).filter((finding) => finding.kind === 'gp-kthread-starved');
  expect(starved).toHaveLength(1);
  return starved[0];
}

const namesOf = ({ chain = [] }: { readonly chain?: readonly { readonly name: string }[] }): string[] =>
  chain.map(({ name }) => name);

const SEND =
  'ipi_send_cpumask: cpumask=2 callsite=on_each_cpu_cond_mask+0x24/0x40 callback=generic_smp_call_function_single_interrupt+0x0/0x20';

describe('a CPU that spins for another one', () => {
  it('is known by its request: after it the CPU records nothing but interrupts until the answer', async () => {
    const starved = await starvedOf(scene([line(1, 'poker-50', 0, SEND)]));
    expect(namesOf(starved).slice(0, 4)).toEqual(['rcu_preempt:16', 'CPU 0', 'poker:50', 'CPU 1']);
    expect(starved.chain?.[3]).toMatchObject({ rule: 'W29', cpu: 1 });
    // NMIs are not recorded: what keeps CPU 1 stays open (T63).
    expect(starved.root).toMatchObject({ kind: 'unknown', cpu: 1 });
  });

  it('by csd_queue_cpu, which also shows a request for which no interrupt had to be sent', async () => {
    const queued =
      'csd_queue_cpu: cpu=1 callsite=smp_call_function_many_cond+0x1d8/0x550 func=do_sync_core csd=00000000a0b1c2d3';
    expect((await starvedOf(scene([line(1, 'poker-50', 0, queued)]))).root).toMatchObject({ cpu: 1 });
  });

  it('not where the task goes on after the request, or sends a wakeup only', async () => {
    const goesOn = [line(1, 'poker-50', 0, SEND), line(2, 'poker-50', 0, waking('other:70'), 'd..2.')];
    expect((await starvedOf(scene(goesOn))).root).toMatchObject({ kind: 'gp-kthread-starved', cpu: 0 });
    const wakeup = SEND.replace('on_each_cpu_cond_mask', 'ttwu_queue_wakelist');
    expect((await starvedOf(scene([line(1, 'poker-50', 0, wakeup)]))).root).toMatchObject({
      kind: 'gp-kthread-starved',
      cpu: 0,
    });
    const reschedule = 'ipi_send_cpu: cpu=1 callsite=wakeup_preempt+0x53/0xa0 callback=0x0';
    expect((await starvedOf(scene([line(1, 'poker-50', 0, reschedule)]))).root).toMatchObject({
      kind: 'gp-kthread-starved',
      cpu: 0,
    });
  });

  it('by the stacks of its ticks; it waits for the only CPU that answers nobody', async () => {
    const stack = [
      'hrtimer_interrupt',
      '__sysvec_apic_timer_interrupt',
      'asm_sysvec_apic_timer_interrupt',
      'smp_call_function_many_cond',
      'on_each_cpu_cond_mask',
      'do_exit',
    ];
    const starved = await starvedOf(scene([], stack));
    expect(namesOf(starved).slice(0, 4)).toEqual(['rcu_preempt:16', 'CPU 0', 'poker:50', 'CPU 1']);
    const other = await starvedOf(scene([], stack.with(3, 'shrink_slab')));
    expect(other.root).toMatchObject({ kind: 'gp-kthread-starved', cpu: 0 });
  });

  it('as a stopper: migration/0 in stop_machine() waits for the CPU whose stopper does not run', async () => {
    const starved = await starvedOf(
      scene([]).replaceAll('poker-50', 'migration/0-50').replaceAll('poker', 'migration/0'),
    );
    expect(namesOf(starved).slice(0, 4)).toEqual(['rcu_preempt:16', 'CPU 0', 'migration/0:50', 'CPU 1']);
  });

  it('by the CSD-lock report of the kernel', async () => {
    const report = [
      'smp: csd: Detected non-responsive CSD lock (#1) on CPU#0, waiting 5000000042 ns for CPU#01 do_sync_core+0x0/0x20(0x0).',
      'smp: \tcsd: CSD lock (#1) unresponsive.',
    ].map((text, i) => line(6 + i / 1e4, 'poker-50', 0, `console: ${text}`));
    const findings = await findingsOf(scene(report));
    const starved = findings.find((finding) => finding.kind === 'gp-kthread-starved');
    expect(starved).toMatchObject({ root: { cpu: 1 } });
    expect(findings.filter(({ kind }) => kind === 'csd-lock')).toMatchObject([
      { cpu: 0, target: 1, call: 'do_sync_core', blocked_ns: 5000000042 },
    ]);
  });
});
