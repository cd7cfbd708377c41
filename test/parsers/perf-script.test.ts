import { describe, expect, it } from 'vitest';
import { perfScript } from '../../parsers/perf-script/perf-script.ts';
import { NO_CPU } from '../../schema/index.ts';
import { type EventRow, readOrRefuse, readText } from '../support/parser-contract.ts';

const read = async (...lines: string[]) => readText(perfScript, `${lines.join('\n')}\n`);

/** The events of the text, less the fields that a test does not look at. */
async function events(...lines: string[]): Promise<readonly EventRow[]> {
  return (await read(...lines)).events;
}

const sniff = (text: string) => perfScript.sniff(new TextEncoder().encode(text));

const SWITCH =
  'sched:sched_switch: prev_comm=user spin-1 [x] prev_pid=63 prev_prio=120 prev_state=R+ ==> next_comm=swapper/0 next_pid=0 next_prio=120';
const SWITCH_FIELDS = { prev_comm: 'user spin-1 [x]', prev_pid: '63', prev_state: 'R+', next_comm: 'swapper/0' };

describe('lines of perf script', () => {
  it.each([
    ['default', `            perf 23371 [000]  1013.720463:   ${SWITCH}`, 'perf', 23371, 0, 1013720463000],
    ['-g', `perf 23371 [001]  1013.720463: ${SWITCH}`, 'perf', 23371, 1, 1013720463000],
    ['--ns', `perf 23371 [000]  1013.720463463: ${SWITCH}`, 'perf', 23371, 0, 1013720463463],
    ['-F +pid,+tid', `     migration/0    18/19    [000]  1013.720526: ${SWITCH}`, 'migration/0', 19, 0, 1013720526000],
    ['-F +misc', `            perf 23371 [000] K      1013.720463: ${SWITCH}`, 'perf', 23371, 0, 1013720463000],
    ['-F +period', `perf 23371 [000]  1013.720463:     573435   ${SWITCH}`, 'perf', 23371, 0, 1013720463000],
    ['-F -comm', `23371 [000]  1013.720463: ${SWITCH}`, '', 23371, 0, 1013720463000],
    ['no CPU', `perf 23371 1013.720463: ${SWITCH}`, 'perf', 23371, NO_CPU, 1013720463000],
    ['task without name', `:256     256 [016]  1.5: ${SWITCH}`, ':256', 256, 16, 1500000000],
    ['comm with blanks', `user spin-1 [x]    63 [001]     7.364583: ${SWITCH}`, 'user spin-1 [x]', 63, 1, 7364583000],
    ['comm of digits', `77\t1/1\t\t[000] 0.0:\t\t\t1 ${SWITCH}`, '77', 1, 0, 0],
    [
      'comm cut at a dash',
      `kworker/u194:3- 86730 [095] 12.000001: ${SWITCH}`,
      'kworker/u194:3-',
      86730,
      95,
      12000001000,
    ],
  ])('reads the prefix of %s', async (_, line, comm, tid, cpu, tsNs) => {
    expect(await events(line)).toMatchObject([
      { name: 'sched_switch', shape: 'tracepoint', comm, tid, cpu, tsNs, fields: SWITCH_FIELDS },
    ]);
  });

  it('keeps the lock name when the place follows it (per-event call graphs)', async () => {
    const place = 'ffffffff810dad83 lock_acquired+0x253 ([kernel.kallsyms])';
    expect(
      await events(
        `perf 61 [000] 8.6: lock:lock_acquired: 0xff110000bb9e9878 &cpuctx_mutex ${place}`,
        `perf 61 [000] 8.7: lock:lock_acquire: 0xffffffff81ecc9a0 read rcu_read_lock ${place}`,
        `perf 61 [000] 8.8: lock:lock_release: 0xff110000bb9e9878 (work_completion)(&(&ssp->work)->work) ${place}`,
        `perf 61 [000] 8.9: lock:contention_begin: 0xff110000bb9e9808 (flags=SPIN|MUTEX) ${place}`,
        'perf 61 [000] 9.0: lock:contention_end: 0xff110000bb9e9808 (ret=0)',
      ),
    ).toMatchObject([
      { fields: { name: '&cpuctx_mutex' }, stack: [] },
      { fields: { name: 'rcu_read_lock', flags: '2' } },
      { fields: { name: '(work_completion)(&(&ssp->work)->work)' } },
      { fields: { flags: '33' } },
      { fields: { ret: '0' } },
    ]);
  });

  it('reads hardware and software samples, with what -F puts behind them', async () => {
    const { events: found, types } = await read(
      'node 31912 10.0: 250000 cycles:uppp:      7f6e67b3dcc3 [unknown] (/usr/lib64/ld-2.17.so)',
      'node 31912 10.1: 3 cycles:  ffffffff8105 native_write_msr+0x6 ([kernel.kallsyms])',
      'node 31912 10.2: 1 branches:uH:   jcc   cb44dc a+0x2d (foo.so) =>   cb44db b+0xb5 (foo.so)',
      'node 31912 10.3: 50 branch-misses/period=50/u:   0   7fca99 x+0x1 (/usr/lib64/ld-2.28.so)',
      'node 31912 10.4: 18446744073709551615 cpu_core/cycles/:',
    );
    expect(found).toMatchObject([
      {
        name: 'cycles',
        shape: 'sample',
        stack: ['[unknown]'],
        fields: { period: '250000', ip: String(0x7f6e67b3dcc3), modifiers: 'uppp' },
      },
      { name: 'cycles', stack: ['native_write_msr'], fields: { period: '3', modifiers: null } },
      {
        name: 'branches',
        fields: { modifiers: 'uH', text: 'jcc   cb44dc a+0x2d (foo.so) =>   cb44db b+0xb5 (foo.so)' },
      },
      { name: 'branch-misses/period=50/', fields: { modifiers: 'u', text: '0' }, stack: ['x'] },
      { name: 'cpu_core/cycles/', fields: { period: '-1' } },
    ]);
    expect(types.find((type) => type.name === 'cycles')?.system).toBe('perf');
  });

  it('reads captures without times', async () => {
    expect(
      await events(
        'node-v011 31912 cpu-clock: ',
        '\t 13a80b main (/bin/node)',
        '',
        'xwax 1896 cycles: ',
        '\t b7 f (/x)',
      ),
    ).toMatchObject([
      { name: 'cpu-clock', comm: 'node-v011', tid: 31912, tsNs: 0, stack: ['main'] },
      { name: 'cycles', comm: 'xwax', stack: ['f'] },
    ]);
  });

  it('adds up the distances of --deltatime', async () => {
    const line = (time: string) => `perf 1 [000] ${time}: ${SWITCH}`;
    const found = await events(line('0.000000'), line('0.000035'), line('0.000007'), line('1.000004'));
    expect(found.map((event) => event.tsNs)).toEqual([0, 35000, 42000, 1000046000]);
    const relative = await events(line('0.000000'), line('0.000035'), line('0.000042'));
    expect(relative.map((event) => event.tsNs)).toEqual([0, 35000, 42000]);
  });

  it('marks losses and passes over records of tasks and switches (E0.3)', async () => {
    const {
      events: found,
      facts,
      issues,
    } = await read(
      'swapper     0 [000]     0.000000: PERF_RECORD_FORK(1:1):(0:0)',
      'process_api     0 [000]     0.000000: PERF_RECORD_COMM: process_api:1/1',
      'a 1 [000] 1.0: PERF_RECORD_NAMESPACES 1/1 - nr_namespaces: 7',
      '\t\t[0/net: 3/0xf0000098, 1/uts: 3/0xeffffffe,',
      'a 1 [001] 1.5: PERF_RECORD_SWITCH_CPU_WIDE OUT          next pid/tid: 0/0',
      'qemu-system-x86 12930 [001]  2437.218387: PERF_RECORD_LOST lost 3532',
      `a 1 [001] 2437.3: ${SWITCH}`,
    );
    expect(found).toMatchObject([
      { name: 'quiesce_lost', shape: 'marker', cpu: 1, tsNs: 2437218387000, fields: { lost_cpu: '1', count: '3532' } },
      { name: 'sched_switch' },
    ]);
    expect(facts.lost).toBe(3532);
    expect(issues.map((issue) => [issue.kind, issue.count])).toEqual([['events-lost', 3532]]);
  });

  it('takes kernel and machine from the header', async () => {
    const { facts } = await read(
      '# ========',
      '# captured on    : Fri Nov 20 04:29:27 2026',
      '# hostname : vm',
      '# os release : 6.18.44',
      '# arch : x86_64',
      '# nrcpus online : 2',
      '# clockid: monotonic (1)',
      '#',
      `a 1 [000] 1.0: ${SWITCH}`,
    );
    expect(facts).toMatchObject({ format: 'perf script', hostname: 'vm', cpus: 2, clock: 'mono' });
    expect(facts.profile).toEqual({ release: '6.18.44', x86: true });
  });

  it('reads CRLF, a byte order mark, and no line end at the end', async () => {
    const text = `\ufeffa 1 [000] 1.0: ${SWITCH}\r\n\tffffffff813ad60a f+0x1 ([kernel.kallsyms])\r\n\r\na 1 [000] 1.1: ${SWITCH}`;
    const { events: found, issues } = await readText(perfScript, text);
    expect(found).toMatchObject([
      { fields: SWITCH_FIELDS, stack: ['f'] },
      { fields: SWITCH_FIELDS, stack: [] },
    ]);
    expect(issues).toEqual([]);
  });
});

describe('stacks of perf script', () => {
  async function frames(...lines: string[]): Promise<string[]> {
    const { events: found, dictionary } = await read(
      `a 1 [000] 1.0: ${SWITCH}`,
      ...lines,
      '',
      `a 1 [000] 2.0: ${SWITCH}`,
    );
    expect(found).toHaveLength(2);
    const stack = [...Array(dictionary.stackCount).keys()].find((id) => id > 0) ?? 0;
    return dictionary.stackFrames(stack).map((frame) => dictionary.formatFrame(frame));
  }

  it('reads symbol, offset and object', async () => {
    expect(
      await frames(
        '\tffffffff813ad60a update_se+0x13a ([kernel.kallsyms])',
        '\tffffffffa0000a8d lab_spin+0x1d ([lab])',
        '\tffffffffc087cbc9 mlx5e_xdp_handle+0xa9 (/lib/modules/5.4.14/kernel/net/mlx5-core.ko)',
        '\t          9d8a7a v8::internal::Zone::Zone(v8::internal::Isolate*) (/usr/local/bin/node)',
        '\t           ee137 sched_setaffinity@@GLIBC_2.3.4+0x7 (/usr/lib/x86_64-linux-gnu/libc.so.6)',
        '\t     55a0 main::inner (inlined)',
        '\t     55a0 main+0x1 (/bin/x (deleted))',
        '\t               0 [unknown] ([unknown])',
        '\tffffffff9b201293 [unknown] ([kernel.kallsyms])',
        '            13a80b608e0a RegExp:[&<>\\"\\\'] (/tmp/perf-7539.map)',
        '             d70 _start+0xffff018fd5dce000 (/usr/lib/ld-2.24.so)',
      ),
    ).toEqual([
      'update_se+0x13a',
      'lab_spin+0x1d [lab]',
      'mlx5e_xdp_handle+0xa9 [mlx5_core]',
      'v8::internal::Zone::Zone(v8::internal::Isolate*) [node]',
      'sched_setaffinity@@GLIBC_2.3.4+0x7 [libc.so.6]',
      'main::inner [x (deleted)]',
      'main+0x1 [x (deleted)]',
      '[unknown] [unknown]',
      '0xffffffff9b201293',
      'RegExp:[&<>\\"\\\'] [perf-7539.map]',
      '_start [ld-2.24.so]',
    ]);
  });

  it('reads frames without offset, object or symbol', async () => {
    expect(await frames('\tffffffff813ad60a update_se', '\t           27247 main', '\tffffffff813ad60b')).toEqual([
      'update_se',
      'main [unknown]',
      '0xffffffff813ad60b',
    ]);
  });

  it('accepts an empty line before the frames, and source lines between them', async () => {
    expect(
      await frames(
        '',
        '\tffffffff813ad60a a+0x1 ([kernel.kallsyms])',
        '  fair.c:120',
        '\tffffffff813ad60b b+0x1 ([kernel.kallsyms])',
      ),
    ).toEqual(['a+0x1', 'b+0x1']);
  });

  it('counts lines that are nothing of this', async () => {
    const { issues, events: found } = await read(
      `a 1 [000] 1.0: ${SWITCH}`,
      '          THIS_IS_A_WEIRD_LINE',
      ' instruction trace error type 1 time 1.5 cpu -1 pid 1 tid 1 ip 0x7ffff7 code 7: Overflow packet',
      `a 1 [000] 2.0: ${SWITCH}`,
    );
    expect(found).toHaveLength(2);
    expect(issues).toMatchObject([
      { kind: 'line-unreadable', count: 1, first: { line: 2 } },
      { kind: 'unsupported', count: 1, first: { line: 3 } },
    ]);
  });
});

describe('detection of perf script', () => {
  it('leaves other texts to others', () => {
    expect(sniff(`a 1 [000] 1.0: ${SWITCH}\n`)).toBe(true);
    expect(sniff('# ========\n# hostname : x\n#\nnode 31912 cpu-clock: \n\t 13a80b main (/bin/node)\n')).toBe(true);
    expect(sniff('        bash-4065  [002] d..2   395.705891: sched_wakeup: comm=x pid=1 prio=120\n')).toBe(false);
    expect(sniff('MediaPD~der #28-14000   [000] d..1.  7542.703768: hrtimer_cancel: hrtimer=1\n')).toBe(false);
    expect(sniff('Mar  5 08:31:52 puma kernel: [10359910.034733] rcu: INFO: stall\n')).toBe(false);
    expect(sniff('[   12.345678] a 1 [000] 1.0: x:y: z\n[   12.4] b\n[   12.5] c\n')).toBe(false);
    expect(sniff('{"a": 1}')).toBe(false);
    expect(sniff('')).toBe(false);
  });

  it('refuses a text without a sample in one line', async () => {
    await expect(read('Warning:', 'Processed 2 events')).rejects.toThrow(/^sample: line 2: no perf script sample/);
  });

  it('survives any bytes', async () => {
    let seed = 1;
    for (let round = 0; round < 60; round++) {
      const bytes = new TextEncoder().encode(`a 1 [000] 1.0: ${SWITCH}\n\tffffffff813ad60a f+0x1 ([k])\n`.repeat(3));
      for (let i = 0; i < 8; i++) {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        bytes[seed % bytes.length] = seed >> 8;
      }
      await readOrRefuse(perfScript, bytes);
    }
  });
});
