/** Payloads: every form of an event gives the catalogue's fields; what is in no catalogue keeps all it shows. */
import { describe, expect, it } from 'vitest';
import { DictionaryWriter } from '../../../parsers/dictionary-writer.ts';
import { createConversions, PluginStates, taskStateText } from '../../../parsers/event-text/conversions.ts';
import { Pattern } from '../../../parsers/event-text/pattern.ts';
import { EVENT_PATTERNS } from '../../../parsers/event-text/patterns.ts';
import { ftraceText } from '../../../parsers/ftrace-text/format.ts';
import { KNOWN_EVENTS } from '../../../schema/index.ts';
import { kernel, report } from '../../support/ftrace-text-sample.ts';
import { type EventRow, readText } from '../../support/parser-contract.ts';

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
