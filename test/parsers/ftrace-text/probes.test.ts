/** Probes, system calls, trace_printk and console text. */
import { describe, expect, it } from 'vitest';
import { ftraceText } from '../../../parsers/ftrace-text/format.ts';
import { kernel, REPORT, report } from '../../support/ftrace-text-sample.ts';
import { readText } from '../../support/parser-contract.ts';

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
