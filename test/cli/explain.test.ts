/** `quiesce explain` as text, mail and Markdown, of a store or a capture; `quiesce events` around a finding. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { quiesce } from '../support/command-line.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const storm = new URL('../../samples/nmi-storm.trace.dat', import.meta.url).pathname;
const log = new URL('../../samples/nmi-storm.dmesg.txt', import.meta.url).pathname;
const db = join(folder.path, 'storm.db');

beforeAll(async () => {
  await quiesce('replay', storm, '--db', db, '--quiet');
});
afterAll(() => folder.remove());

/** A log whose task name tries to be Markdown, HTML and an escape. */
function hostileLog(): string {
  const name = '`x`</details>';
  return [
    '[    0.000000] Linux version 6.12.0 (a@b) #1 SMP',
    `[  200.000000] INFO: task ${name}:77 blocked for more than 122 seconds.`,
    `[  200.000000] task:${name} state:D stack:0 pid:77 tgid:77 ppid:2 flags:0x00004000`,
    '[  200.000000] Call Trace:',
    '[  200.000000]  <TASK>',
    '[  200.000000]  __schedule+0x4f7/0xbd0',
    '[  200.000000]  schedule+0x3e/0xf0',
    '[  200.000000]  __mutex_lock+0x3a1/0x9c0',
    '[  200.000000]  ```+0x1/0x2 [evil]',
    '[  200.000000]  </TASK>',
    '',
  ].join('\n');
}

describe('explain --format mail', () => {
  it.each(['rcu-stall', 'nmi-storm', 'blocked-sync-a1b657b3'])(
    'of %s fits a list: 72 columns, ASCII, no escapes',
    async (id) => {
      const { status, out } = await quiesce('explain', db, id, '--format', 'mail');
      expect(status).toBe(0);
      for (const line of out.split('\n')) expect([line, line.length <= 72]).toEqual([line, true]);
      expect(out).toMatch(/^[\n -~]*$/);
      expect(out).toMatch(/^NMI storm on CPU 1 \(storm_handler, 99\.7 % for 14\.0 s\) -> /);
      expect(out).toMatch(/\nObtained with quiesce \d+\.\d+\.\d+ from nmi-storm\.trace\.dat/);
    },
  );

  it('quotes the kernel with file and line, and its stack', async () => {
    const { out } = await quiesce('explain', log, 'hung-task-691507bc', '--format', 'mail');
    expect(out).toMatch(
      /nmi-storm\.dmesg\.txt:\d+:\n> INFO: task .* blocked for more than \d+ seconds\.\n> {2}__schedule\+0x4f7\/0xbd0\n/,
    );
    expect(out).not.toContain('<TASK>');
  });
});

describe('explain', () => {
  it('takes a capture, and leaves nothing behind', async () => {
    const temporary = join(folder.path, 'tmp');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const { out } = await quiesce('explain', storm, 'rcu-stall');
    vi.unstubAllEnvs();
    expect(out).toBe((await quiesce('explain', db, 'rcu-stall')).out);
    expect(readdirSync(temporary)).toEqual([]);
    const kept = join(folder.path, 'kept.db');
    await quiesce('explain', storm, 'rcu-stall', '--db', kept);
    expect(existsSync(kept)).toBe(true);
  });

  it('shows the lessons only with --teach, and what is merely recorded only with --all', async () => {
    const brief = (await quiesce('explain', log, 'rcu-stall')).out;
    expect(brief).not.toContain('what the kernel checks');
    expect((await quiesce('explain', log, 'rcu-stall', '--teach')).out).toContain('what the kernel checks');
    expect((await quiesce('explain', db, 'rcu-stall')).out).not.toContain('recorded from here on');
    expect((await quiesce('explain', db, 'rcu-stall', '--all')).out).toContain('recorded from here on');
  });

  it('names the other findings of an id: tasks of one kind behind one root share it', async () => {
    const { out } = await quiesce('explain', db, 'blocked-sync-cc04caa1');
    expect(out).toMatch(/\nAlso of this id: tasks of one kind behind the same root\n {2}lab_upd\/0:86 blocked /);
  });

  it('refuses an image that is none', async () => {
    const { status, err } = await quiesce('explain', db, 'rcu-stall', '--vmlinux', log);
    expect([status, err]).toEqual([3, `quiesce: ${log}: is no ELF file; vmlinux of the recorded kernel is expected\n`]);
  });

  it('names the findings that an id fits, with their titles', async () => {
    const { status, err } = await quiesce('explain', db, 'blocked-sync');
    expect(status).toBe(2);
    expect(err).toContain('blocked-sync-a1b657b3 (perf close-1:84 blocked 13.8 s in synchronize_srcu');
  });

  it.each(['text', 'mail', 'md'])('as %s stays what it is with hostile names', async (format) => {
    const hostile = join(folder.path, 'hostile.txt');
    writeFileSync(hostile, hostileLog());
    const { out } = await quiesce('explain', hostile, 'hung-task', '--format', format);
    expect(out).toMatch(/blocked/);
    if (format !== 'md') return;
    const outside = out.replace(/^(`{3,})\n[\s\S]*?^\1$/gm, '');
    expect(outside.match(/<\/details>/g)?.length).toBe(outside.match(/<details>/g)?.length);
    expect(outside).not.toMatch(/(?<!\\)`x/);
  });
});

describe('events', () => {
  it('marks the evidence of a finding', async () => {
    const { out } = await quiesce(
      'events',
      db,
      '--around',
      'rcu-stall',
      '--event',
      'rcu_grace_period',
      '--before',
      '0s',
      '--after',
      '0s',
    );
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(
      /^> rcu_preempt-16 +\[000\] d\.\.1\. +28\.710218: rcu_grace_period: .*gpevent=start {2}<- rcu_preempt grace period 521 starts$/,
    );
    expect(lines.filter((line) => line.startsWith('> ')).length).toBeGreaterThanOrEqual(2);
    expect(lines.some((line) => line.startsWith('  '))).toBe(true);
  });

  it('takes an instant, an interval, a CPU, a task and a limit', async () => {
    const around = (await quiesce('events', db, '--around', 'event:3025', '--before', '300us', '--after', '100us')).out;
    expect(around).toContain('sched_switch');
    const { out } = await quiesce(
      'events',
      db,
      '--from',
      '28.7',
      '--to',
      '28.8',
      '--cpu',
      '0',
      '--task',
      'rcu_preempt',
      '--limit',
      '3',
    );
    const lines = out
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('    =>'));
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^rcu_preempt-16 +\[000\] .* 28\.7\d{5}: /);
    expect((await quiesce('events', db, '--from', 'noon')).status).toBe(2);
  });
});
