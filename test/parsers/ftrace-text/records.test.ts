/** Record prefixes as real files have them (one line or two of each layout), and the lines that are no records. */
import { describe, expect, it } from 'vitest';
import { ftraceText } from '../../../parsers/ftrace-text/format.ts';
import {
  CaptureError,
  CTX_BH_OFF,
  CTX_HARDIRQ,
  CTX_IRQS_KNOWN,
  CTX_IRQS_OFF,
  CTX_KNOWN,
  CTX_NEED_RESCHED,
  CTX_NMI,
  CTX_SOFTIRQ,
  formatContextFlags,
  innermostContext,
  migrateDepth,
  preemptDepth,
} from '../../../schema/index.ts';
import { type CaptureReading, type EventRow, readText } from '../../support/parser-contract.ts';

const read = (text: string): Promise<CaptureReading> => readText(ftraceText, text);

async function one(line: string): Promise<EventRow> {
  const { events } = await read(`${line}\n`);
  expect(events.length).toBe(1);
  return events[0];
}

function issue(reading: CaptureReading, kind: string): number {
  return reading.issues.find((i) => i.kind === kind)?.count ?? 0;
}

describe('task, CPU and time (MODEL E0.1)', () => {
  const cases: [line: string, comm: string, tid: number, cpu: number, tsNs: number][] = [
    [
      '       trace-cmd-63    [001]    16.045029: lock_release:         0xffffffff81ee16d0 trace_types_lock',
      'trace-cmd',
      63,
      1,
      16045029000,
    ],
    [
      ' user spin-1 [x]-83    [001]    27.026288: sys_enter_close:      fd: 0x0000000a',
      'user spin-1 [x]',
      83,
      1,
      27026288000,
    ],
    [
      '    perf close-1-84      [000] d..2.    27.031182: hrtimer_cancel: hrtimer=00000000db4c2638',
      'perf close-1',
      84,
      0,
      27031182000,
    ],
    [
      '      load-1 (1)-87    [000]    19.271115: call_function_single_entry: vector=251',
      'load-1 (1)',
      87,
      0,
      19271115000,
    ],
    [
      '     thr 1:[w-1]-91    [000]    19.271115: call_function_single_entry: vector=251',
      'thr 1:[w-1]',
      91,
      0,
      19271115000,
    ],
    [
      '   insmod-4383[000] d.s.. 591.420487: rcu_quiescent_state_report: rcu_sched 5 1>0 0 0 1 0',
      'insmod',
      4383,
      0,
      591420487000,
    ],
    [
      '  MediaPD~der #28-14000   [000] d..1.  7542.703768: hrtimer_cancel: hrtimer=0000000056a30f3f',
      'MediaPD~der #28',
      14000,
      0,
      7542703768000,
    ],
    [
      '   rs:main Q:Reg-815     [001] d..2.  7542.703769: rcu_utilization: Start context switch',
      'rs:main Q:Reg',
      815,
      1,
      7542703769000,
    ],
    [
      ' irq/363-ARM64 s-292     [001] d..1.  7542.703769: rcu_utilization: Start context switch',
      'irq/363-ARM64 s',
      292,
      1,
      7542703769000,
    ],
    [
      '        softirq--7     [001] d..1.  7542.703769: rcu_utilization: Start RCU core',
      'softirq-',
      7,
      1,
      7542703769000,
    ],
    ['->transport-77     [001] .....  7542.703769: rcu_utilization: End RCU core', '->transport', 77, 1, 7542703769000],
    [
      ' Background Job.-3876  [002] .... 5.000001: rcu_utilization: End RCU core',
      'Background Job.',
      3876,
      2,
      5000001000,
    ],
    [
      'com.google.android.youtube-23071 (23071) [002] d..5 214168.479892: rcu_utilization: End RCU core',
      'com.google.android.youtube',
      23071,
      2,
      214168479892000,
    ],
    [
      '          atrace-14446  (-----) [000] ...2  1212.465062: rcu_utilization: End RCU core',
      'atrace',
      14446,
      0,
      1212465062000,
    ],
    ['ksoftirqd/0-3 ( 3) [000] ...2  1212.465092: rcu_utilization: End RCU core', 'ksoftirqd/0', 3, 0, 1212465092000],
    [
      '           <...>-19161 (-----) [001] ...1 683201.354908: tracing_mark_write: E',
      '<...>',
      19161,
      1,
      683201354908000,
    ],
    ['\t  <idle>-0     [006]  7115.449607: cpu_idle:             state=0 cpu_id=6', '<idle>', 0, 6, 7115449607000],
    [
      'trace-cm-63      1.....    16.045029: lock_release:         0xffffffff81ee16d0 trace_types_lock',
      'trace-cm',
      63,
      1,
      16045029000,
    ],
    ['  <idle>-0       116d.h.. 11612209us : timer_interrupt: irq=5', '<idle>', 0, 116, 11612209000],
    ['trace-cm-62        0d.h2. 1099991us+: local_timer_entry: vector=236', 'trace-cm', 62, 0, 1099991000],
    ['      ps-6143    2d...    0us!: trace_hardirqs_off <-__lock_task_sighand', 'ps', 6143, 2, 0],
    ['     trace-cmd-63    [001]    16.045029101: rcu_utilization: End RCU core', 'trace-cmd', 63, 1, 16045029101],
    ['         bash-4000  [01]  1477.606694: simple_strtoul <-kstrtoul', 'bash', 4000, 1, 1477606694000],
    [
      '            bash  4000 1 0 00000000 00010a95 [58127d26] 1720.415ms (+0.000ms): simple_strtoul (kstrtoul)',
      'bash',
      4000,
      1,
      0x58127d26 * 1000,
    ],
    [
      'trace-tumbleweed.dat:     <idle>-0     [000]  2.167196: hrtimer_cancel:       hrtimer=0xffff8881',
      '<idle>',
      0,
      0,
      2167196000,
    ],
    [
      'trace.dat: kworker/u16:1-ev-55     [000]  2.167196: hrtimer_cancel:       hrtimer=0xffff8881',
      'kworker/u16:1-ev',
      55,
      0,
      2167196000,
    ],
    [
      '    =>262651:           <...>-87332 [013] dnh.  3773.487455: irq_handler_exit: irq=5 ret=handled',
      '<...>',
      87332,
      13,
      3773487455000,
    ],
    ['> >  bash-4065  [002] ....   395.705900: local_timer_entry: vector=236', 'bash', 4065, 2, 395705900000],
    ['>> bash-4065  [002] ....   395.705900: local_timer_entry: vector=236', 'bash', 4065, 2, 395705900000],
  ];
  it.each(cases)('%s', async (line, comm, tid, cpu, tsNs) => {
    const event = await one(line);
    expect([event.comm, event.tid, event.cpu, event.tsNs]).toEqual([comm, tid, cpu, tsNs]);
  });

  it('a line may end in CR LF, in blanks, or as a line of a JavaScript string (systrace)', async () => {
    const line = ' bash-4065  [002] ....   395.705900: sched_process_exit: comm=bash pid=4065 prio=120';
    for (const end of ['\r\n', '   \n', '\\n\\\n', '']) {
      const { events } = await read(`${line}${end}`);
      expect(events[0].fields).toEqual({ comm: 'bash', pid: '4065', prio: '120' });
    }
  });
});

describe('the flag column (MODEL E0.2)', () => {
  const flags = async (column: string, header = ''): Promise<number> =>
    (await read(`${header}  bash-1     [002] ${column}   1.000001: rcu_utilization: End RCU core\n`)).events[0].flags;
  const known = CTX_KNOWN | CTX_IRQS_KNOWN;

  it.each([
    ['.....', known],
    ['d....', known | CTX_IRQS_OFF],
    ['b....', known | CTX_BH_OFF],
    ['D....', known | CTX_IRQS_OFF | CTX_BH_OFF],
    ['X....', CTX_KNOWN],
    ['dN...', known | CTX_IRQS_OFF | CTX_NEED_RESCHED],
    ['dn...', known | CTX_IRQS_OFF | CTX_NEED_RESCHED],
    ['dp...', known | CTX_IRQS_OFF],
    ['.l...', known],
    ['.L...', known],
    ['.b...', known | CTX_NEED_RESCHED],
    ['.B...', known | CTX_NEED_RESCHED],
    ['d.h..', known | CTX_IRQS_OFF | CTX_HARDIRQ],
    ['..s..', known | CTX_SOFTIRQ],
    ['d.H..', known | CTX_IRQS_OFF | CTX_HARDIRQ | CTX_SOFTIRQ],
    ['d.z..', known | CTX_IRQS_OFF | CTX_NMI],
    ['d.Z..', known | CTX_IRQS_OFF | CTX_NMI | CTX_HARDIRQ],
  ])('%s', async (column, expected) => expect(await flags(column)).toBe(expected));

  it('depths are hexadecimal; the kernel would print the same column again', async () => {
    for (const column of ['dNh2.', 'd.s3.', 'D..12', 'b...2', '...a1', 'dNZ..'])
      expect(formatContextFlags(await flags(column))).toBe(column);
  });

  it('four columns have no migrate-disable depth, seven are those of PREEMPT_RT', async () => {
    expect(preemptDepth(await flags('d.s3'))).toBe(3);
    expect(innermostContext(await flags('d..h...'))).toBe('hardirq');
    expect(preemptDepth(await flags('dN..1..'))).toBe(1);
    expect(migrateDepth(await flags('d...1.2'))).toBe(2);
    expect(preemptDepth(await flags('2...ffffffff'))).toBe(15);
  });

  it('the header says which columns there are when its number fits', async () => {
    const header = [
      '#                              _-----=> irqs-off',
      '#                             / _----=> need-resched',
      '#                            | / _---=> need-resched_lazy',
      '#                            || / _--=> hardirq/softirq',
      '#                            ||| / _-=> preempt-depth',
      '',
    ].join('\n');
    expect(innermostContext(await flags('d..h.', header))).toBe('hardirq');
    // timerlat's header names four over seven characters.
    expect(innermostContext(await flags('d..h...', header))).toBe('hardirq');
  });

  it('without a column nothing is known', async () => expect(await flags('')).toBe(0));
});

describe('clocks', () => {
  it('counter and x86-tsc count ticks, which may go backwards', async () => {
    const { events, facts } = await read(
      '  android.bg-568     [002] dN.1        26247: rcu_utilization: Start context switch\n' +
        '  android.bg-568     [002] d..2        26237: rcu_utilization: End context switch\n',
    );
    expect(events.map((e) => e.tsNs)).toEqual([26247, 26237]);
    expect(facts.timeUnit).toBe('ticks');
  });

  it('large integers keep all digits and may have no blank before them (trace-cmd, boot clock)', async () => {
    const { events } = await read(
      '        kthreadd-2     [000]119753355079: rcu_utilization:      End scheduler-tick\n',
    );
    expect(events[0].tsNs).toBe(119753355079);
  });

  it('a clock beyond 2^53 ns is counted from a base (tai)', async () => {
    const { events, facts } = await read(
      '          <idle>-0       [000] d.h1. 1795151672.476137: rcu_utilization: Start scheduler-tick\n',
    );
    expect(facts.baseNs + BigInt(events[0].tsNs)).toBe(1795151672476137000n);
    expect(facts.timeUnit).toBe('ns');
  });
});

describe('lines that are no records', () => {
  it('headers give CPUs, release and what was overwritten (MODEL E0.3)', async () => {
    const { facts, issues } = await read(
      '# tracer: nop\n#\n# nop latency trace v1.1.5 on 6.12.117-labA\n' +
        '# latency: 0 us, #33525/33525, CPU#0 | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:2)\n' +
        '# entries-in-buffer/entries-written: 3151/2962011   #P:2\n',
    );
    expect(facts).toMatchObject({ cpus: 2, lost: 2958860, profile: { release: '6.12.117-labA', rt: false } });
    expect(issues.map((i) => i.kind)).toEqual(['events-lost']);
  });

  it.each([
    ['CPU:1 [LOST 11238 EVENTS]', 1, 11238],
    ['CPU:0 [LOST EVENTS]', 0, 0],
    ['CPU:0 [4900 EVENTS DROPPED]', 0, 4900],
    ['CPU:1 [EVENTS DROPPED]', 1, 0],
  ])('%s becomes a marker at the time of the record after it (MODEL E0.4)', async (note, cpu, count) => {
    const { events, facts, issues } = await read(
      `bash-1  [001] ....   1.000001: local_timer_entry: vector=236\n${note}\nbash-1  [001] ....   1.000005: local_timer_exit: vector=236\n`,
    );
    expect(events[1]).toMatchObject({ name: 'quiesce_lost', shape: 'marker', tsNs: 1000005000, tid: -1 });
    expect(events[1].fields).toEqual({ lost_cpu: String(cpu), count: String(count) });
    // A gap of unknown size is one event at least, and the count a lower bound.
    expect(facts.lost).toBe(count || 1);
    expect(issues.filter(({ kind }) => kind === 'loss-unsized')).toHaveLength(count === 0 ? 1 : 0);
  });

  it('prose, prompts and cut lines are counted once each, with the first place (O50)', async () => {
    const reading = await read(
      'root@host:/sys/kernel/tracing# cat trace\n# tracer: nop\n\nsome prose here: with a colon\n' +
        '  bash-1  [001] ....   1.000001: local_timer_entry: vector=236\n [...]\n  bash-1  [001] ....   1.0000',
    );
    expect(reading.events.length).toBe(1);
    expect(reading.issues).toEqual([
      {
        kind: 'line-unreadable',
        capture: 'sample',
        count: 3,
        first: { line: 1, text: 'root@host:/sys/kernel/tracing# cat trace' },
      },
    ]);
  });

  it('a console line with a printk stamp is left to the log reader, ftrace dump or not', async () => {
    expect(
      ftraceText.sniff(
        new TextEncoder().encode('[  280.939873]   <idle>-0       116d.h.. 11612209us : timer_interrupt: irq=1\n'),
      ),
    ).toBe(false);
    expect(
      ftraceText.sniff(
        new TextEncoder().encode(
          'Mar  5 08:31:52 puma kernel: [10359910.034733]   <idle>-0       1d.h.. 112209us : timer_interrupt: irq=1\n',
        ),
      ),
    ).toBe(false);
  });

  it('perf script lines are not claimed', () => {
    for (const line of [
      '            perf 13403 [000]  2436.673763:   sched:sched_waking: comm=perf pid=13404 prio=120 target_cpu=001',
      'user spin-1 [x]    63 [001]    12.345678: irq:softirq_raise: vec=9 [action=RCU]',
      'kworker/u194:3- 86730 [095] 336962.964016:       1 cycles:u:  ffffffff ',
      'node-v011 31912 cpu-clock: ',
    ])
      expect(ftraceText.sniff(new TextEncoder().encode(`${line}\n`))).toBe(false);
  });

  it('a document that quotes traces of several layouts is read by one of them: their times do not compare', async () => {
    const reading = await read(
      '  <idle>-0       0d.s2    0us+: _raw_spin_lock_irq <-run_timer_softirq\n  <idle>-0       0dNs3   25us : <stack trace>\n => _raw_spin_unlock_irq\n' +
        '  bash-1  [001] ....   1.000001: local_timer_entry: vector=236\n  0)   0.518 us    |          __phys_addr();\n',
    );
    expect(reading.events.map((e) => e.name)).toEqual(['local_timer_entry']);
    expect(issue(reading, 'unsupported')).toBe(4);
  });

  it('a trace without records is a trace; a text without header and records is refused', async () => {
    expect((await read('# tracer: nop\n#\n')).events).toEqual([]);
    expect((await read('cpus=8\n')).facts).toMatchObject({ format: 'trace-cmd report', cpus: 8 });
    await expect(read('hello\nworld\n')).rejects.toThrow(CaptureError);
  });
});
