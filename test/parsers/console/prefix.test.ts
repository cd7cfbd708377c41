import { describe, expect, it } from 'vitest';
import { NO_CPU, NO_TID } from '../../../schema/index.ts';
import { readLog } from '../../support/console-log.ts';

async function only(line: string) {
  const { events } = await readLog(`${line}\n`);
  expect(events).toHaveLength(1);
  return events[0];
}

describe('line preparation (G0.1)', () => {
  it('reads the kernel stamp as the time', async () => {
    expect(await only('[   12.345678] usb 1-1: new device')).toMatchObject({
      tsNs: 12345678000,
      msg: 'usb 1-1: new device',
      line: 1,
      cpu: NO_CPU,
      tid: NO_TID,
    });
  });

  it('reads printk.caller: a task, or the CPU in interrupt context', async () => {
    expect(await only('[  513.625024][ T4448] text')).toMatchObject({
      tid: 4448,
      cpu: NO_CPU,
      caller: 'T4448',
      msg: 'text',
    });
    expect(await only('[  568.528728][    C1] text')).toMatchObject({ cpu: 1, tid: NO_TID, caller: 'C1', msg: 'text' });
  });

  it('reads printk levels', async () => {
    expect(await only('<5>[    0.000000][    T0] Linux version 6.1.0 (x)')).toMatchObject({ level: 5, tsNs: 0 });
    expect(await only('kern  :warn  : [    1.500000] text')).toMatchObject({ level: 4, tsNs: 1.5e9, msg: 'text' });
  });

  it('keeps the indentation that stacks depend on', async () => {
    expect((await only('[    1.000000]  schedule+0x3e/0xf0')).msg).toBe(' schedule+0x3e/0xf0');
  });

  const FORMS: readonly (readonly [string, string])[] = [
    ['syslog with a stamp', 'Mar  5 08:31:52 puma kernel: [10359910.034733] the text'],
    ['syslog without one', 'May 26 04:02:34 mr-fox kernel: the text'],
    ['rsyslog with a caller', '2025-05-12T22:29:47.022594+02:00 lisa kernel: [  T313] the text'],
    ['journal, short-iso', '2024-07-03T16:39:34+0200 host kernel: the text'],
    ['journal, short-full', 'Wed 2024-07-03 16:39:34 CEST host kernel: the text'],
    ['journal, short-unix', '1715523456.123456 host kernel: the text'],
    ['journal, short-monotonic', '[   12.345678] host kernel: the text'],
    ['dmesg -T', '[Wed Jul  3 16:39:34 2024] the text'],
    ['dmesg --time-format iso', '2024-07-03T16:39:34,123456+02:00 the text'],
    ['dmesg -H in other languages', '[  +0,000123] the text'],
    ['whole seconds', '[  240.] the text'],
    ['dmesg -d', '[   12.345678 <    0.000123>] the text'],
    ['RFC 5424', '<6>1 2024-07-03T16:39:34.123456+02:00 host kernel - - - the text'],
    ['netconsole', '6,1234,12345678,-;the text'],
    ['kmsg with a caller', '6,1234,12345678,-,caller=T12;the text'],
    ['two consoles on one terminal', '[    1.000000][    T1] [    1.000002] the text'],
    ['a console shared with a login prompt', 'isob2 login: [  709.689951] the text'],
    ['a terminal that adds dates', '[2018-08-07 10:12:13] [  709.689951] the text'],
    ['colours', '\u001b[32m[    0.500000] \u001b[0mthe text'],
    ['a mail quote', '> > [    0.500000] the text'],
    ['the kernel facility alone', 'kernel: the text'],
  ];
  it.each(FORMS)('takes off the prefix of %s', async (_name, line) => {
    expect((await only(line)).msg).toBe('the text');
  });

  it('leaves lines of user programs whole and does not look for reports in them', async () => {
    const { events, reports } = await readLog(
      'Nov  9 10:19:35 ohm openvpn[1118]: INFO: task a:1 blocked for more than 120 seconds.\n',
    );
    expect(events[0].msg).toBe('openvpn[1118]: INFO: task a:1 blocked for more than 120 seconds.');
    expect(reports).toEqual([]);
  });

  it('gives lines without a stamp the time of the line before', async () => {
    const { events } = await readLog('[    1.000000] a\nplain\n[    2.000000] b\n');
    expect(events.map((event) => event.tsNs)).toEqual([1e9, 1e9, 2e9]);
  });

  it('counts dates from the first line when there are no stamps, over midnight and New Year', async () => {
    const { events } = await readLog(
      'Dec 31 23:59:58 h kernel: a\nDec 31 23:59:59 h kernel: b\nJan  1 00:00:01 h kernel: c\n',
    );
    expect(events.map((event) => event.tsNs)).toEqual([0, 1e9, 3e9]);
  });

  it('never goes back in time within a boot', async () => {
    const { events } = await readLog('[    5.000000] a\n[    4.999990] b\n[    5.000001] c\n');
    expect(events.map((event) => event.tsNs)).toEqual([5e9, 5e9, 5.000001e9]);
  });

  it('reads carriage returns, bytes that are no UTF-8, and any chunk size alike', async () => {
    const text = Buffer.concat([
      Buffer.from('[    1.000000] a\r\r\n[    2.000000] caf\u00e9\r\n[    3.000000] '),
      Buffer.from([0xff, 0xfe, 0x80]),
      Buffer.from('\n[    4.000000] last'),
    ]);
    const whole = await readLog(text);
    expect(whole.events.map((event) => event.msg)).toEqual(['a', 'caf\u00e9', '\ufffd\ufffd\ufffd', 'last']);
    for (const chunkBytes of [1, 7, 100]) expect((await readLog(text, chunkBytes)).events).toEqual(whole.events);
  });

  it('is idempotent: a text without prefix stays as it is (O52)', async () => {
    for (const [, line] of FORMS) {
      const once = (await only(line)).msg;
      expect((await only(once)).msg).toBe(once);
    }
  });

  it('counts what the kernel could not print', async () => {
    const { facts, diagnostics } = await readLog(
      '[    1.000000] a\n** 123 printk messages dropped **\n[    2.000000] b\n',
    );
    expect(facts.lost).toBe(123);
    expect(diagnostics.issues.get('events-lost')).toMatchObject({ count: 123, first: { line: 2 } });
  });
});
