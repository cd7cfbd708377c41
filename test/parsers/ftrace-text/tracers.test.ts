/** Events without a pattern, and the records of the tracers themselves. */
import { describe, expect, it } from 'vitest';
import { ftraceText } from '../../../parsers/ftrace-text/format.ts';
import { KERNEL, kernel, REPORT, report } from '../../support/ftrace-text-sample.ts';
import { readText } from '../../support/parser-contract.ts';

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

  it('a unit after a number makes it a text', async () => {
    const [event] = await kernel('rss_stat: mm_id=1241097077 curr=1 type=MM_SHMEMPAGES size=1712128B');
    expect(event.fields).toEqual({ mm_id: '1241097077', curr: '1', type: 'MM_SHMEMPAGES', size: '1712128B' });
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
