import { describe, expect, it } from 'vitest';
import { fixture, ofKind, readLog } from '../../support/console-log.ts';

const stamp = (us: number) => `[${(us / 1e6).toFixed(6).padStart(12)}]`;

/** A boot of `lines` messages whose times depend on `seed`. */
function boot(seed: number, lines: number): string {
  const text = [`${stamp(0)} Linux version 6.12.0 (a@b) (gcc) #1 SMP PREEMPT`, `${stamp(0)} Command line: quiet`];
  for (let i = 1; i <= lines; i++) text.push(`${stamp(i * 40_000 + ((i * seed) % 997))} device ${i} ready`);
  return `${text.join('\n')}\n`;
}

describe('boots in one log', () => {
  it('begins a boot where kernel time starts again', async () => {
    const { events, reports } = await readLog(boot(3, 100) + boot(5, 100) + boot(7, 100));
    expect(events).toHaveLength(306);
    expect(events.map((event) => event.boot)).toEqual([
      ...Array(102).fill(0),
      ...Array(102).fill(1),
      ...Array(102).fill(2),
    ]);
    expect(ofKind(reports, 'banner')).toHaveLength(3);
    expect(events[102].tsNs).toBe(0);
  });

  it('takes a log that a late console prints again for one boot', async () => {
    const first = boot(3, 60);
    const { events, diagnostics } = await readLog(`${first}${first}${stamp(9_000_000)} and on\n`);
    expect(new Set(events.map((event) => event.boot))).toEqual(new Set([0]));
    expect(events).toHaveLength(63);
    expect(diagnostics.issues.get('line-repeated')).toMatchObject({ count: 62, first: { line: 63 } });
  });

  it('ends open reports with their boot', async () => {
    const lines = fixture('deadlock.txt').split('\n');
    const start = lines.findIndex((line) => line.includes('INFO: task lab_dead/1'));
    const hung = lines.slice(start, start + 12).join('\n');
    const { reports, events } = await readLog(`${hung}\n${boot(5, 60)}`);
    expect(ofKind(reports, 'hung-task')).toHaveLength(1);
    expect(events.at(-1)?.boot).toBe(1);
  });

  it('follows the marks of the journal and banners without times', async () => {
    const journal = await readLog(
      'Jul  3 16:39:34 h kernel: a\n-- Reboot --\nJul  3 16:41:00 h kernel: b\nJul  3 16:41:02 h kernel: c\n',
    );
    expect(journal.events.map(({ boot, tsNs }) => [boot, tsNs])).toEqual([
      [0, 0],
      [1, 0],
      [1, 0],
      [1, 2e9],
    ]);
    const record = (id: string, us: number, text: string): string =>
      `${JSON.stringify({ _BOOT_ID: id.repeat(32), _TRANSPORT: 'kernel', __MONOTONIC_TIMESTAMP: String(us), MESSAGE: text })}\n`;
    const boots = [0, 0, 1, 2].map((boot, i) => [boot, i]);
    const json = boots.map(([boot, i]) => record('abc'[boot], 1e6 * (i + 1), `line ${i}`)).join('');
    const fields = boots.map(
      ([boot, i]) =>
        `__CURSOR=x\n_BOOT_ID=${'abc'[boot].repeat(32)}\n_TRANSPORT=kernel\n__MONOTONIC_TIMESTAMP=${1e6 * (i + 1)}\nMESSAGE=line ${i}\n\n`,
    );
    // Kernel time goes on where one boot ended before the next one's log begins: the records tell.
    for (const text of [json, fields.join('')])
      expect((await readLog(text)).events.filter(({ msg }) => /^line/.test(msg)).map((event) => event.boot)).toEqual(
        boots.map(([boot]) => boot),
      );
    const bare = await readLog('Linux version 6.1.0 (a) #1\nx\nLinux version 6.1.0 (a) #1\ny\n');
    expect(bare.events.map((event) => event.boot)).toEqual([0, 0, 1, 1]);
  });
});

describe('ftrace dumps in a log', () => {
  const dump = [
    '[   12.000001] Dumping ftrace buffer:',
    '[   12.000002] ---------------------------------',
    '[   12.000003]   <idle>-0         0d.h2. 11612209us : irq_handler_entry: irq=4 name=ttyS0',
    '[   12.000004] CPU:1 [LOST 16689746 EVENTS]',
    '[   12.000005]  kworker/0:1-23      1..... 11612300us : sched_switch: prev_comm=kworker/0:1 prev_pid=23 prev_prio=120 prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120',
    '[   12.000006] ---------------------------------',
    '[   12.000007] back to normal',
  ].join('\n');

  it('reads the records as events of their own, on the trace clock', async () => {
    const { events, facts } = await readLog(dump);
    expect(facts.format).toBe('kernel log with ftrace dump');
    expect(events.map(({ type, tsNs, cpu }) => [type, tsNs, cpu]).filter(([type]) => type !== 'console')).toEqual([
      ['irq_handler_entry', 11612209000, 0],
      ['quiesce_lost', 11612300000, 1],
      ['sched_switch', 11612300000, 1],
    ]);
    expect(events.at(-1)?.msg).toBe('back to normal');
  });

  it('finds records without the heading of a dump', async () => {
    const { events } = await readLog(dump.split('\n').slice(2, 5).join('\n'));
    expect(events.filter((event) => event.type !== 'console')).toHaveLength(3);
  });

  it('does not take the boot-time self test of events for records', async () => {
    const { events } = await readLog('<6>[   32.721711][    T1] Testing event rcu_utilization: OK\n');
    expect(events.map((event) => event.type)).toEqual(['console']);
  });
});
