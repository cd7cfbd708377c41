import { describe, expect, it } from 'vitest';
import { ofKind, reportsIn } from '../../support/console-log.ts';

describe('stacks as printed', () => {
  it('keep offsets, sizes, modules, unreliable frames and section marks; names stay apart', () => {
    const lines = [
      'INFO: task fsstress:812 blocked for more than 122 seconds.',
      'task:fsstress        state:D stack:0     pid:812   tgid:812   ppid:1      flags:0x00004002',
      'Call Trace:',
      ' <TASK>',
      ' __schedule+0x3c1/0x9e0',
      ' ? __pfx_autoremove_wake_function+0x10/0x10',
      ' wait_log_commit+0xd2/0x160 [btrfs]',
      ' btrfs_sync_log+0x1ab/0xb30 [btrfs 5d1f2c]',
      ' </TASK>',
    ];
    const [report] = ofKind(reportsIn(lines), 'hung-task');
    expect(report.headline).toBe(lines[0]);
    expect(report.stack).toEqual(['__schedule', 'wait_log_commit', 'btrfs_sync_log']);
    expect(report.frames).toEqual(lines.slice(3).map((line) => line.trim()));
  });

  it('keep the places of decoded frames', () => {
    const frames = [
      'dump_stack_lvl (lib/dump_stack.c:117 (discriminator 1))',
      'check_prev_add kernel/locking/lockdep.c:3165 [inline]',
      'do_sys_open (fs/open.c:1067 [inline])',
    ];
    const [report] = ofKind(
      reportsIn([
        'BUG: scheduling while atomic: a/7/0x00000101',
        'CPU: 1 PID: 7 Comm: a Not tainted 6.1 #1',
        'Call Trace:',
        ...frames.map((frame) => ` ${frame}`),
      ]),
      'sleep-in-atomic',
    );
    expect(report.stack).toEqual(['dump_stack_lvl', 'check_prev_add', 'do_sys_open']);
    expect(report.frames).toEqual(frames);
  });

  it('belong to each entry of a dependency chain', () => {
    const [report] = ofKind(
      reportsIn([
        'WARNING: possible circular locking dependency detected',
        'a/7 is trying to acquire lock:',
        'ffff888100000008 (&x){+.+.}-{3:3}, at: f+0x1/0x2',
        'but task is already holding lock:',
        'ffff888100000028 (&y){+.+.}-{3:3}, at: g+0x1/0x2',
        'the existing dependency chain (in reverse order) is:',
        '-> #1 (&y){+.+.}-{3:3}:',
        '       lock_acquire+0xd1/0x2d0',
        '       take_y+0x2e/0x60 [drv]',
        '-> #0 (&x){+.+.}-{3:3}:',
        '       __lock_acquire+0x1181/0x2240',
        'stack backtrace:',
        'CPU: 1 PID: 7 Comm: a Not tainted 6.1 #1',
        'Call Trace:',
        ' f+0x1/0x2',
      ]),
      'lockdep-circular',
    );
    expect(report.chain.map(({ frames }) => frames)).toEqual([
      ['__lock_acquire+0x1181/0x2240'],
      ['lock_acquire+0xd1/0x2d0', 'take_y+0x2e/0x60 [drv]'],
    ]);
    expect(report.frames).toEqual(['f+0x1/0x2']);
  });
});
