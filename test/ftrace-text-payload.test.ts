/** Payloads: every form of an event gives the catalogue's fields; what is in no catalogue keeps all it shows. */
import { describe, expect, it } from 'vitest';
import { DictionaryWriter } from '../parsers/dictionary-writer.ts';
import { createConversions, PluginStates, taskStateText } from '../parsers/event-text/conversions.ts';
import { Pattern } from '../parsers/event-text/pattern.ts';
import { EVENT_PATTERNS } from '../parsers/event-text/patterns.ts';
import { ftraceText } from '../parsers/ftrace-text/format.ts';
import { KNOWN_EVENTS } from '../schema/index.ts';
import { type EventRow, readText } from './contract/parser-contract.ts';

const KERNEL = '          <idle>-0       [000] d..2.    28.113005: ';
const REPORT = '          <idle>-0     [000]    28.113005: ';

/** Events of payload lines as the kernel prints them. */
async function kernel(...payloads: string[]): Promise<readonly EventRow[]> {
  return (await readText(ftraceText, payloads.map((payload) => `${KERNEL}${payload}\n`).join(''))).events;
}

/** Events of `name: payload` lines as trace-cmd report pads them. */
async function report(...payloads: string[]): Promise<readonly EventRow[]> {
  const padded = payloads.map((payload) => {
    const colon = payload.indexOf(':');
    return `${REPORT}${`${payload.slice(0, colon + 1)}`.padEnd(21)} ${payload.slice(colon + 1).trimStart()}\n`;
  });
  return (await readText(ftraceText, `cpus=2\n${padded.join('')}`)).events;
}

describe('the pattern table', () => {
  it('compiles: every placeholder is a field of its event, every conversion exists', () => {
    const dictionary = new DictionaryWriter();
    const conversions = createConversions(dictionary, new PluginStates(dictionary));
    for (const [name, patterns] of Object.entries(EVENT_PATTERNS)) {
      const known = KNOWN_EVENTS.get(name);
      expect(known).toBeDefined();
      for (const pattern of patterns)
        expect(() => new Pattern(pattern, known?.fields ?? [], conversions)).not.toThrow();
    }
  });

  it('refuses a pattern with an unknown field or conversion', () => {
    const dictionary = new DictionaryWriter();
    const conversions = createConversions(dictionary, new PluginStates(dictionary));
    expect(() => new Pattern('{nope}', [], conversions)).toThrow('no field nope');
    expect(() => new Pattern('{a:nope}', [{ name: 'a', type: 'int' }], conversions)).toThrow('no conversion nope');
  });
});

describe('sched events (MODEL 1.6)', () => {
  const switched = (state: string): Record<string, string> => ({
    prev_comm: 'rs:main Q:Reg',
    prev_pid: '815',
    prev_prio: '120',
    prev_state: state,
    next_comm: 'swapper/1',
    next_pid: '0',
    next_prio: '120',
  });

  it('sched_switch: kernel text, plugin and raw numbers are one event', async () => {
    const text =
      'prev_comm=rs:main Q:Reg prev_pid=815 prev_prio=120 prev_state=I ==> next_comm=swapper/1 next_pid=0 next_prio=120';
    expect((await kernel(`sched_switch: ${text}`))[0].fields).toEqual(switched('I'));
    expect((await report('sched_switch: rs:main Q:Reg:815 [120] W ==> swapper/1:0 [120]'))[0].fields).toEqual(
      switched('I'),
    );
    const raw =
      'prev_comm=rs:main Q:Reg prev_pid=815 prev_prio=120 prev_state=128 next_comm=swapper/1 next_pid=0 next_prio=120';
    expect((await report(`sched_switch: ${raw}`))[0].fields).toEqual(switched('I'));
  });

  it('the old plugin table swaps X and Z; an I shows the new one, and so does trace-cmd with a flag column', async () => {
    const state = async (events: readonly EventRow[]): Promise<(string | null)[]> =>
      events.map((e) => e.fields.prev_state);
    const line = (s: string): string => `sched_switch: a:1 [120] ${s} ==> b:2 [120]`;
    expect(await state(await report(line('X'), line('Z'), line('W'), line('R'), line('D|W')))).toEqual([
      'Z',
      'X',
      'I',
      'R',
      'D|I',
    ]);
    expect(await state(await report(line('I'), line('X'), line('Z')))).toEqual(['I', 'X', 'Z']);
    const flagged = await readText(
      ftraceText,
      `cpus=2\n sleep-89142 [001] d..2. 162583.274064: sched_switch:         sleep:89142 [120] Z ==> a:1 [120] Latency: 5042.285 usecs\n`,
    );
    expect(flagged.events[0].fields).toMatchObject({
      prev_state: 'Z',
      next_prio: '120',
      text: 'Latency: 5042.285 usecs',
    });
  });

  it('task state numbers are the letters of the kernel (256 is R+)', () => {
    expect([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 258, 1024, 3].map(taskStateText)).toEqual([
      'R',
      'S',
      'D',
      'T',
      't',
      'X',
      'Z',
      'P',
      'I',
      'R+',
      'D+',
      'R+',
      'S|D',
    ]);
  });

  it('wakeups: kernel text, old kernels with success=, both plugin forms', async () => {
    const fields = { comm: 'tail', pid: '64', prio: '120', target_cpu: '1' };
    expect((await kernel('sched_wakeup: comm=tail pid=64 prio=120 target_cpu=001'))[0].fields).toEqual(fields);
    expect((await kernel('sched_wakeup: comm=tail pid=64 prio=120 success=1 target_cpu=001'))[0].fields).toEqual({
      ...fields,
      success: '1',
    });
    expect((await report('sched_wakeup: tail:64 [120] CPU:001'))[0].fields).toEqual(fields);
    expect((await report('sched_wakeup: tail:64 [120] success=1 CPU:001'))[0].fields).toEqual({
      ...fields,
      success: '1',
    });
  });

  it('fields of another kernel follow the catalogue', async () => {
    const [event] = await kernel(
      'sched_stat_runtime: comm=trace-cmd pid=2461 runtime=7778999 [ns] vruntime=6087430069 [ns]',
    );
    expect(event.fields).toEqual({
      comm: 'trace-cmd',
      pid: '2461',
      runtime: '7778999',
      vruntime: '6087430069',
      text: '[ns]',
    });
  });
});

describe('lock events (MODEL 1.4)', () => {
  const statement =
    '(work_completion)(&(({ do { const void *__vpp_verify = (typeof((&vmstat_work) + 0))((void *)0); (void)__vpp_verify; } while (0); ({ unsigned long __ptr; __asm__ ("" : "=r"(__ptr) : "0"(';
  it.each([
    ['0000000051f5a36f read rcu_read_lock', '2', 'rcu_read_lock'],
    ['000000003239c5b9 try read &vma->vm_lock->lock', '3', '&vma->vm_lock->lock'],
    ['000000003239c5b9 try &rq->__lock', '1', '&rq->__lock'],
    ['000000008d674cc1 ptlock_ptr(ptdesc)', '0', 'ptlock_ptr(ptdesc)'],
    ['000000008d674cc1 &ACCESS_PRIVATE(sdp, lock)', '0', '&ACCESS_PRIVATE(sdp, lock)'],
    ['000000008d674cc1 (wq_completion)rcu_gp', '0', '(wq_completion)rcu_gp'],
    ['000000008d674cc1 (null)', '0', '(null)'],
    ['000000008d674cc1 mm/vmstat.c:2079', '0', 'mm/vmstat.c:2079'],
    [`000000008d674cc1 ${statement}`, '0', statement],
    ['000000008d674cc1 read ', '2', ''],
  ])('lock_acquire %s', async (payload, flags, name) => {
    const [event] = await kernel(`lock_acquire: ${payload}`);
    expect(event.fields).toMatchObject({ flags, name });
  });

  it('the raw form has the same fields, the name up to the address', async () => {
    const [event] = await report(`lock_acquire: flags=3 name=${statement} lockdep_addr=0xffffffff81ecc9a0`);
    expect(event.fields).toEqual({
      flags: '3',
      name: statement,
      lockdep_addr: String(BigInt.asIntN(64, 0xffffffff81ecc9a0n)),
    });
  });

  it('pointers are exact 64-bit values; (____ptrval____) is none (MODEL E0.6)', async () => {
    const [a, b] = await kernel('lock_release: 0xff110000052bc513 x', 'lock_release: (____ptrval____) x');
    expect(a.fields.lockdep_addr).toBe(String(BigInt.asIntN(64, 0xff110000052bc513n)));
    expect(b.fields.lockdep_addr).toBe(null);
  });

  it('contention flags are names or numbers', async () => {
    const events = await kernel(
      'contention_begin: 0000000037a3cbdb (flags=SPIN|MUTEX)',
      'contention_begin: 0000000037a3cbdb (flags=0x0)',
      'contention_begin: 0000000037a3cbdb (flags=)',
      'contention_begin: lock_addr=0xff110000005495b8 flags=33',
      'contention_end: 0000000037a3cbdb (ret=-35)',
    );
    expect(events.map((e) => e.fields.flags ?? e.fields.ret)).toEqual(['33', '0', '0', '33', '-35']);
  });
});

describe('rcu, interrupt, timer and workqueue events', () => {
  const cases: [payload: string, fields: Record<string, string | null>][] = [
    ['rcu_utilization: Start scheduler-tick', { s: 'Start scheduler-tick' }],
    ['rcu_utilization: s=Start RCU core', { s: 'Start RCU core' }],
    ['rcu_grace_period: rcu_preempt -1199 start', { rcuname: 'rcu_preempt', gp_seq: '-1199', gpevent: 'start' }],
    ['rcu_exp_grace_period: rcu_preempt 0x1c snap', { rcuname: 'rcu_preempt', gpseq: '28', gpevent: 'snap' }],
    [
      'rcu_quiescent_state_report: rcu_preempt 477 1>f0 0 0 1 0',
      {
        rcuname: 'rcu_preempt',
        gp_seq: '477',
        mask: '1',
        qsmask: '240',
        level: '0',
        grplo: '0',
        grphi: '1',
        gp_tasks: '0',
      },
    ],
    ['rcu_watching: Startirq 0 1 0x5c', { polarity: 'Startirq', oldnesting: '0', newnesting: '1', counter: '92' }],
    [
      'rcu_watching: polarity=Startirq oldnesting=0 newnesting=1 counter=979036',
      { polarity: 'Startirq', oldnesting: '0', newnesting: '1', counter: '979036' },
    ],
    [
      'rcu_dyntick: End 4000000000000000 0 0x37',
      { polarity: 'End', oldnesting: '4611686018427387904', newnesting: '0', counter: '55' },
    ],
    [
      'rcu_batch_end: rcu_preempt CBs-invoked=1 idle=.SI.',
      { rcuname: 'rcu_preempt', callbacks_invoked: '1', cb: '.', nr: 'S', iit: 'I', risk: '.' },
    ],
    [
      'rcu_batch_end: rcu_preempt CBs-invoked=1 idle=>c<>c<>c<>c<',
      { rcuname: 'rcu_preempt', callbacks_invoked: '1', cb: '', nr: '', iit: '', risk: '' },
    ],
    [
      'rcu_batch_end: rcuname=rcu_preempt callbacks_invoked=1 cb=1 nr=1 iit=0 risk=0',
      { rcuname: 'rcu_preempt', callbacks_invoked: '1', cb: 'C', nr: 'S', iit: '.', risk: '.' },
    ],
    [
      'rcu_sr_normal: rcu_preempt rhp=0x0xffa000000016fc90 event=request',
      { rcuname: 'rcu_preempt', rhp: String(BigInt.asIntN(64, 0xffa000000016fc90n)), srevent: 'request' },
    ],
    [
      'rcu_barrier: rcu_preempt IRQ cpu -1 remaining 2 # 1',
      { rcuname: 'rcu_preempt', s: 'IRQ', cpu: '-1', cnt: '2', done: '1' },
    ],
    [
      'rcu_callback: rcu_preempt rhp=000000001fa293e5 func=put_cred_rcu 2',
      { rcuname: 'rcu_preempt', rhp: '530748389', func: 'put_cred_rcu', qlen: '2' },
    ],
    [
      'nmi_handler: storm_handler [lab]() delta_ns: 1013455 handled: 1',
      { handler: 'storm_handler', delta_ns: '1013455', handled: '1' },
    ],
    [
      'nmi_handler: handler=storm_handler delta_ns=1013455 handled=1',
      { handler: 'storm_handler', delta_ns: '1013455', handled: '1' },
    ],
    ['irq_handler_entry: irq=11 name=virtio0 input', { irq: '11', name: 'virtio0 input' }],
    ['irq_handler_exit: irq=11 ret=unhandled', { irq: '11', ret: '0' }],
    ['irq_handler_exit: irq=11 ret=1', { irq: '11', ret: '1' }],
    ['softirq_entry: vec=9 [action=RCU]', { vec: '9' }],
    ['softirq_entry: vec=9', { vec: '9' }],
    [
      'irq_disable: caller=syscall_exit_to_user_mode+0x15 parent=0x0',
      { caller: 'syscall_exit_to_user_mode', parent: '0x0' },
    ],
    [
      'workqueue_queue_work: work struct=000000003 function=process_srcu workqueue=rcu_gp req_cpu=8 cpu=1',
      { work: '3', function: 'process_srcu', workqueue: 'rcu_gp', req_cpu: '8', cpu: '1' },
    ],
    [
      'workqueue_execute_start: work struct 0000000035: function process_srcu',
      { work: '53', function: 'process_srcu' },
    ],
    ['workqueue_activate_work: work struct 0000000035', { work: '53', function: null }],
    [
      'timer_start: timer=00000000ac4b9d75 function=process_timeout expires=4294895659 [timeout=1] bucket_expiry=4294895660 cpu=1 idx=79 flags=D|P|I',
      {
        timer: '2890636661',
        function: 'process_timeout',
        expires: '4294895659',
        bucket_expiry: '4294895660',
        now: '4294895658',
        flags: '335020033',
      },
    ],
    [
      'timer_start: timer=0xffa000000008bdd0 function=process_timeout expires=4294896002 [timeout=1] bucket_expiry=4294896003 cpu=0 idx=3 flags=D|P|I',
      {
        timer: String(BigInt.asIntN(64, 0xffa000000008bdd0n)),
        function: 'process_timeout',
        expires: '4294896002',
        bucket_expiry: '4294896003',
        now: '4294896001',
        flags: null,
      },
    ],
    [
      'timer_start: timer=0xffa000000008bdd0 function=process_timeout expires=4294896002 bucket_expiry=4294896003 now=0xfffee981 flags=12582912',
      {
        timer: String(BigInt.asIntN(64, 0xffa000000008bdd0n)),
        function: 'process_timeout',
        expires: '4294896002',
        bucket_expiry: '4294896003',
        now: '4294896001',
        flags: '12582912',
      },
    ],
    [
      'hrtimer_expire_entry: hrtimer=0000000056a30f3f function=tick_nohz_handler now=13440374522',
      { hrtimer: '1453526847', now: '13440374522', function: 'tick_nohz_handler' },
    ],
    [
      'hrtimer_expire_entry: hrtimer=0000000056a30f3f now=13440374522 function=tick_nohz_handler/0x0',
      { hrtimer: '1453526847', now: '13440374522', function: 'tick_nohz_handler' },
    ],
    [
      'sys_enter: NR 172 (29, c350, 805, ffffffff, 81, a508c6e8)',
      { id: '172', args: '29, c350, 805, ffffffff, 81, a508c6e8' },
    ],
    ['sys_exit: NR 54 = -9', { id: '54', ret: '-9' }],
    [
      'irq_noise: local_timer:236 start 5789.857529929 duration 1845 ns',
      { desc: 'local_timer', vector: '236', start_ns: '5789857529929', duration_ns: '1845' },
    ],
    [
      'thread_noise: migration/8:54 start 5789.858409300 duration 3068 ns',
      { comm: 'migration/8', pid: '54', start_ns: '5789858409300', duration_ns: '3068' },
    ],
  ];
  it.each(cases)('%s', async (payload, fields) => expect((await kernel(payload))[0].fields).toEqual(fields));

  it('rcu_segcb_stats: text, and the arrays of -R', async () => {
    const [text] = await kernel(
      'rcu_segcb_stats: SegCbPreAcc seglen: (DONE=0, WAIT=1, NEXT_READY=2, NEXT=3) gp_seq: (DONE=0, WAIT=476, NEXT_READY=480, NEXT=0)',
    );
    const word = (n: number): string =>
      `${(n & 255).toString(16).padStart(2, '0')}, ${(n >> 8).toString(16).padStart(2, '0')}, 00, 00, 00, 00, 00, 00`;
    const [raw] = await report(
      `rcu_segcb_stats: ctx=SegCbPreAcc gp_seq=ARRAY[${[0, 476, 480, 0].map(word).join(', ')}] seglen=ARRAY[${[0, 1, 2, 3].map(word).join(', ')}]`,
    );
    expect(text.fields).toMatchObject({
      ctx: 'SegCbPreAcc',
      seglen_next: '3',
      gp_seq_wait: '476',
      gp_seq_next_ready: '480',
    });
    expect(raw.fields).toEqual(text.fields);
  });
});

describe('probes and system calls (MODEL 1.8)', () => {
  it('kprobe: symbol of the kernel text, address of trace-cmd, raw form', async () => {
    const [a] = await kernel('synchronize_srcu: (synchronize_srcu+0x4/0xf0) ssp=0xffffffff81ee05a0');
    const [b] = await report('synchronize_srcu: (ffffffff81105a74) ssp=0xffffffff81ee05a0');
    const [c] = await report('synchronize_srcu: __probe_ip=ffffffff81105a74 ssp=0xffffffff81ee05a0');
    const ssp = String(BigInt.asIntN(64, 0xffffffff81ee05a0n));
    const ip = String(BigInt.asIntN(64, 0xffffffff81105a74n));
    expect(a).toMatchObject({ shape: 'kprobe', fields: { func: 'synchronize_srcu', ip: '0', ssp } });
    expect(b).toMatchObject({ shape: 'kprobe', fields: { func: '', ip, ssp } });
    expect(c).toMatchObject({ shape: 'kprobe', fields: { func: '', ip, ssp } });
  });

  it('kretprobe: the kernel prints the function last, trace-cmd first', async () => {
    const [a] = await kernel('process_srcu_ret: (process_one_work+0x203/0x6b0 <- process_srcu)');
    const [b] = await report('process_srcu_ret: (ffffffff81105d04 <- ffffffff8108c963)');
    const [c] = await kernel('r: (storm_updater+0x3d/0x60 [lab] <- synchronize_srcu) ret=0x1');
    const ret = String(BigInt.asIntN(64, 0xffffffff8108c963n));
    expect(a).toMatchObject({
      shape: 'kretprobe',
      fields: { func: 'process_srcu', ret_ip: 'process_one_work+0x203/0x6b0' },
    });
    expect(b).toMatchObject({ shape: 'kretprobe', fields: { func: '', ret_ip: ret } });
    expect(c.fields).toEqual({ func: 'synchronize_srcu', ret_ip: 'storm_updater+0x3d/0x60 [lab]', ret: '1' });
  });

  it('uprobes, event probes, quoted strings', async () => {
    const [a, b, c, d] = await kernel(
      'zfree_entry: (0x446420) arg1=446420 arg2=79',
      'zfree_exit:  (0x446540 <- 0x446420) arg1=446540 arg2=0',
      'openat: (raw_syscalls.sys_enter) nr=0x101 filename=(fault)',
      'fp: (__probestub_sched_switch+0x4/0x10) comm="rcu preempt" usage=1',
    );
    expect(a.fields).toMatchObject({ func: '', ip: String(0x446420), arg1: '446420' });
    expect(b.fields).toMatchObject({ ret_ip: String(0x446540) });
    expect(c).toMatchObject({
      shape: 'tracepoint',
      fields: { nr: '257', filename: '(fault)', text: '(raw_syscalls.sys_enter)' },
    });
    expect(d.fields).toMatchObject({ func: '__probestub_sched_switch', comm: 'rcu preempt', usage: '1' });
  });

  it('a probe that has the name of a tracepoint, or of another probe, is a type of its own', async () => {
    const events = await kernel(
      'sched_switch: prev_comm=sh prev_pid=70 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120',
      'sched_switch: (__probestub_sched_switch+0x4/0x10) preempt=0 prev=0xffff88800664e100',
      'do_sys_open: (do_sys_open+0x0/0x220)',
      'do_sys_open: (SyS_open+0x1e/0x20 <- do_sys_open)',
    );
    expect(events.map((e) => `${e.name} ${e.shape}`)).toEqual([
      'sched_switch tracepoint',
      'sched_switch__entry kprobe',
      'do_sys_open kprobe',
      'do_sys_open__exit kretprobe',
    ]);
  });

  it("a plugin's (function+offset) is no probe", async () => {
    const [event] = await report(
      'kmalloc: (kvmalloc_node_noprof+0x43) call_site=kvmalloc_node_noprof+0x43 bytes_req=768',
    );
    expect(event).toMatchObject({
      shape: 'tracepoint',
      fields: { call_site: 'kvmalloc_node_noprof+0x43', bytes_req: '768' },
    });
  });

  it('named system calls: kernel text, report, raw', async () => {
    const events = [
      ...(await kernel('sys_close(fd: b)', 'sys_close -> 0xfffffffffffffff7', 'sys_geteuid()')),
      ...(await report(
        'sys_enter_close: fd: 0x0000000b',
        'sys_exit_close: 0xfffffffffffffff7',
        'sys_enter_close: __syscall_nr=3 fd=0x0000000b',
      )),
    ];
    expect(events.map((e) => [e.name, e.shape, e.fields.fd ?? e.fields.ret ?? null])).toEqual([
      ['sys_enter_close', 'syscall', '11'],
      ['sys_exit_close', 'syscall', '-9'],
      ['sys_enter_geteuid', 'syscall', null],
      ['sys_enter_close', 'syscall', '11'],
      ['sys_exit_close', 'syscall', '-9'],
      ['sys_enter_close', 'syscall', '11'],
    ]);
  });

  it('string arguments that newer kernels print are fields beside their pointers', async () => {
    const [event] = await kernel('sys_openat(dfd: ffffffffffffff9c, filename: 0x7f00 "/etc/pa, sswd", flags: 8000)');
    expect(event.fields).toEqual({ dfd: '-100', filename: '32512', filename_text: '/etc/pa, sswd', flags: '32768' });
  });
});

describe('texts', () => {
  it('trace_printk: bputs and bprint of the report, the function as event name in the kernel text', async () => {
    const [a] = await report('bputs: storm_updater: lab: updater enters synchronize_srcu');
    const [b] = await kernel('storm_updater: lab: updater enters synchronize_srcu');
    expect(a).toMatchObject({
      name: 'bputs',
      fields: { ip: 'storm_updater', buf: 'lab: updater enters synchronize_srcu' },
    });
    expect(b).toMatchObject({
      name: 'print',
      fields: { ip: 'storm_updater', buf: 'lab: updater enters synchronize_srcu' },
    });
  });

  it('trace_marker writes are print records; tracepoints with free text stay what they are', async () => {
    const events = await kernel(
      'tracing_mark_write: C|1||3',
      'dwc3_event: event (0000c040): ep0out: Transfer',
      'write_msr: 6e0, value 4866ce957272',
    );
    expect(events.map((e) => [e.name, e.fields.buf ?? e.fields.text])).toEqual([
      ['print', 'C|1||3'],
      ['dwc3_event', 'event (0000c040): ep0out: Transfer'],
      ['write_msr', '6e0, value 4866ce957272'],
    ]);
  });

  it('console records keep their indentation and the lines that follow them', async () => {
    const { events, issues } = await readText(
      ftraceText,
      `cpus=2\n${REPORT}console:                rcu: stall\n${REPORT}console:              \nShowing all locks held in the system:\n${REPORT}local_timer_exit:    vector=236\n`,
    );
    expect(events.map((e) => e.fields.msg)).toEqual([
      '  rcu: stall',
      '\nShowing all locks held in the system:',
      undefined,
    ]);
    expect(issues).toEqual([]);
  });
});

describe('events without a pattern', () => {
  it('pairs become fields, the rest the field text', async () => {
    const [event] = await kernel(
      'foo_event: work struct=0xffff8881 dev 8,1 comm=user spin-1 [x] pid=63 list={1 2 3} x: 5 pages:-1 ip=0x1f state=R ==> next=y',
    );
    expect(event.fields).toEqual({
      work_struct: String(0xffff8881),
      comm: 'user spin-1 [x]',
      pid: '63',
      list: '{1 2 3}',
      x: '5',
      pages: '-1',
      ip: '31',
      state: 'R',
      next: 'y',
      text: 'dev 8,1',
    });
  });

  it('field types follow the first value; a later text is kept', async () => {
    const { events, types } = await readText(
      ftraceText,
      ['foo: n=1 h=0x10 p=00000000deadbeef s=a', 'foo: n=none h=zz p=0 s=7 extra=1']
        .map((p) => `${KERNEL}${p}\n`)
        .join(''),
    );
    expect(types[0].fields.map((f) => `${f.name}:${f.type}`)).toEqual([
      'n:int',
      'h:hex',
      'p:ptr',
      's:str',
      'extra:int',
    ]);
    expect(events[1].fields).toEqual({ n: 'none', h: 'zz', p: '0', s: '7', extra: '1' });
  });

  it('a key that stands twice on a line gets a number', async () => {
    const [event] = await kernel('foo: cpu=1 cpu=2');
    expect(event.fields).toEqual({ cpu: '1', cpu_2: '2' });
  });

  it('a catalogue event in an unknown form keeps what its keys say', async () => {
    const [event] = await report('lock_acquire: [FAILED TO PARSE] name=rcu_read_lock flags=2');
    expect(event.fields).toMatchObject({
      flags: '2',
      name: 'rcu_read_lock',
      lockdep_addr: null,
      text: '[FAILED TO PARSE]',
    });
  });

  it('fields with very many distinct strings are no longer interned', async () => {
    const lines = Array.from({ length: 40_000 }, (_, i) => `${KERNEL}foo: name=file${i}\n`).join('');
    const { events, dictionary } = await readText(ftraceText, lines);
    expect(events[39_999].fields.name).toBe('file39999');
    expect(dictionary.strings.length).toBeLessThan(33_000);
  });
});

describe('tracers', () => {
  it('function: callee and caller', async () => {
    const events = await kernel(
      'mutex_unlock <-rb_simple_write',
      'simple_strtoul+0x6/0xa0 <-kstrtoul+0x1/0x2',
      'simple_strtoul',
      'lab_write [lab] <-full_proxy_write',
      'vfs_read(file=0xffff888005cf9a80, count=1) <-ksys_read',
    );
    expect(events.map((e) => [e.name, e.fields.ip, e.fields.parent_ip])).toEqual([
      ['function', 'mutex_unlock', 'rb_simple_write'],
      ['function', 'simple_strtoul', 'kstrtoul'],
      ['function', 'simple_strtoul', null],
      ['function', 'lab_write', 'full_proxy_write'],
      ['function', 'vfs_read', 'ksys_read'],
    ]);
    expect(events[4].fields.args).toBe('file=0xffff888005cf9a80, count=1');
    expect((await report('function: hrtick_start_fair <-- pick_next_task_fair'))[0].fields).toMatchObject({
      ip: 'hrtick_start_fair',
      parent_ip: 'pick_next_task_fair',
    });
  });

  it('stacks belong to the record that announces them (MODEL E0.8)', async () => {
    const { events } = await readText(
      ftraceText,
      `${KERNEL}<stack trace>\n => __schedule\n => storm_updater+0x3d/0x60 [lab]\n => [FTRACE TRAMPOLINE]\n => ffffffffa0000a8d\n` +
        `${KERNEL}block_lat: pid=2 delta=76 stack=STACK:\n=> __schedule+0x448/0x7b0\n=> schedule+0x5a/0xb0\n\n` +
        `${KERNEL}<user stack trace>\n =>  <00007f1cb2d3f9b1>\n` +
        `${REPORT}kernel_stack:         <stack trace >\n=> __schedule (ffffffff81605e03)\n=> ffffffffa0000a8d\n`,
    );
    expect(events.map((e) => [e.name, e.stack])).toEqual([
      ['kernel_stack', ['__schedule', 'storm_updater', '[FTRACE TRAMPOLINE]', '0xffffffffa0000a8d']],
      ['block_lat', ['__schedule', 'schedule']],
      ['user_stack', ['<00007f1cb2d3f9b1>']],
      ['kernel_stack', ['__schedule', '0xffffffffa0000a8d']],
    ]);
    expect(events[1].fields).toEqual({ pid: '2', delta: '76' });
  });

  it('osnoise, timerlat, hwlat and the wakeup tracers', async () => {
    const events = await kernel(
      '1000000        190  99.98100       9     18      0   1007     18      1',
      '#1     context thread timer_latency     11700 ns',
      '#10    inner/outer(us):    9/11    ts:1581527668.970010500 count:1 nmi-total:7 nmi-count:1',
      '     0:120:R ==> [003]   312:100:R kworker/3:1H',
      '     0:120:R   + [003]   312: 98:R kworker/3:1H',
      '[  ok  ] something else',
    );
    expect(events.map((e) => e.name)).toEqual([
      'osnoise',
      'timerlat',
      'hwlat',
      'context_switch',
      'wakeup',
      'unknown_record',
    ]);
    expect(events[0].fields).toEqual({
      runtime: '1000000',
      noise: '190',
      max_sample: '9',
      hw_count: '18',
      nmi_count: '0',
      irq_count: '1007',
      softirq_count: '18',
      thread_count: '1',
    });
    expect(events[1].fields).toEqual({ seqnum: '1', context: 'thread', timer_latency: '11700' });
    expect(events[2].fields).toMatchObject({ seqnum: '10', duration: '9', outer_duration: '11', count: '1' });
    expect(events[3].fields).toMatchObject({
      prev_pid: '0',
      next_cpu: '3',
      next_pid: '312',
      next_comm: 'kworker/3:1H',
    });
    expect(events[4].fields).toMatchObject({ target_prio: '98' });
  });

  it('function_graph: entries, leaves, exits with and without names, events as comments, CPU switches', async () => {
    const { events, facts } = await readText(
      ftraceText,
      [
        '# tracer: function_graph',
        '   10.073924 |   1)   trace-c-64   |               |  call_srcu() {',
        '   10.073944 |   1)   trace-c-64   |   6.170 us    |    check_init_srcu_struct();',
        '   10.073950 |   1)   trace-c-64   |               |    /* sched_waking: comm=rcu_preempt pid=16 prio=120 target_cpu=000 */',
        '   10.074010 |   1)   trace-c-64   | + 87.901 us   |  }',
        ' ------------------------------------------',
        ' 0)    <idle>-0    =>   rcu_pre-16   ',
        ' ------------------------------------------',
        '   10.074171 |   0)   rcu_pre-16   |   ==========> |',
        '   10.074172 |   0)   rcu_pre-16   | @ 119760.2 us |  } /* schedule [lab] = -22 */',
        '',
      ].join('\n'),
    );
    expect(facts.timeUnit).toBe('ns');
    expect(
      events.map((e) => [e.name, e.tid, e.tsNs, e.fields.func ?? e.fields.comm, e.fields.depth, e.fields.duration_ns]),
    ).toEqual([
      ['funcgraph_entry', 64, 10073924000, 'call_srcu', '0', undefined],
      ['funcgraph_entry', 64, 10073944000, 'check_init_srcu_struct', '1', undefined],
      ['funcgraph_exit', 64, 10073950170, 'check_init_srcu_struct', '1', '6170'],
      ['sched_waking', 64, 10073950000, 'rcu_preempt', undefined, undefined],
      ['funcgraph_exit', 64, 10074010000, 'call_srcu', '0', '87901'],
      ['funcgraph_exit', 16, 10074172000, 'schedule', '0', '119760200'],
    ]);
    expect(events[5].fields.retval).toBe('-22');
  });

  it('a graph without times has no timeline', async () => {
    const { events, facts } = await readText(
      ftraceText,
      ' 3) $ 30903388 us |          } /* __switch_to */\n 12)   0.518 us    |  fn [mod]();\n',
    );
    expect(facts.timeUnit).toBe('ticks');
    expect(events.map((e) => [e.cpu, e.tid, e.fields.func])).toEqual([
      [3, -1, '__switch_to'],
      [12, -1, 'fn'],
      [12, -1, 'fn'],
    ]);
    expect(events[0].fields.duration_ns).toBe('30903388000');
  });
});
