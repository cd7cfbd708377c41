import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../parsers/index.ts';
import { unpackMail } from '../../parsers/mail/mail-source.ts';
import { ofKind, readLog } from '../support/console-log.ts';

const LOG = `${[
  '[  300.000000] INFO: task fsstress:812 blocked for more than 122 seconds.',
  '[  300.000100] task:fsstress        state:D stack:0     pid:812   tgid:812   ppid:1      flags:0x00004002',
  '[  300.000200] Call Trace:',
  '[  300.000300]  __schedule+0x3c1/0x9e0',
  '[  300.000500]  wait_log_commit+0xd2/0x160 [btrfs]',
].join('\n')}\n`;

const HEADER = ['From: A <a@example.org>', 'To: list@example.org', 'Subject: hang', 'MIME-Version: 1.0'];

const mail = (headers: readonly string[], body: string): string => [...HEADER, ...headers, '', body, ''].join('\n');

const attached = (encoding: string, type: string, name: string, content: string): string =>
  mail(
    ['Content-Type: multipart/mixed; boundary="b0"'],
    [
      '--b0',
      'Content-Type: text/plain; charset=utf-8',
      '',
      'The log is attached.',
      '--b0',
      `Content-Type: ${type}; name="${name}"`,
      `Content-Transfer-Encoding: ${encoding}`,
      `Content-Disposition: attachment; filename="${name}"`,
      '',
      content,
      '--b0--',
    ].join('\n'),
  );

const base64 = (bytes: Uint8Array): string =>
  (
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\n');

/** Soft breaks at 60, and every `=` as a code. */
const quotedPrintable = (text: string): string =>
  text
    .replaceAll('=', '=3D')
    .split('\n')
    .map((line) => (line.match(/.{1,60}/g) ?? ['']).join('=\n'))
    .join('\n');

const wrappedAndQuoted = LOG.split('\n')
  .filter((line) => line !== '')
  .flatMap((line) => {
    if (line.length <= 72) return [line];
    const at = line.lastIndexOf(' ', 72);
    return [line.slice(0, at), line.slice(at + 1)];
  })
  .map((line) => `> ${line}`)
  .join('\n');

const MAILS: Record<string, string> = {
  'with the log as base64': mail(
    ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64'],
    base64(Buffer.from(LOG)),
  ),
  'with the log as quoted-printable': mail(
    ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable'],
    quotedPrintable(LOG),
  ),
  'with the log attached': attached('base64', 'text/plain', 'dmesg.txt', base64(Buffer.from(LOG))),
  'with the log attached and compressed': attached('base64', 'application/gzip', 'dmesg.txt.gz', base64(gzipSync(LOG))),
  'that quotes the log, wrapped': mail(['Content-Type: text/plain'], `On Monday, B wrote:\n${wrappedAndQuoted}`),
};

async function read(text: string) {
  const source = await unpackMail(bufferSource(Buffer.from(text), 'report.eml'), () => false);
  const chunks: Buffer[] = [];
  for await (const chunk of source.chunks()) chunks.push(Buffer.from(chunk));
  return ofKind((await readLog(Buffer.concat(chunks))).reports, 'hung-task');
}

const TOLD = {
  task: { comm: 'fsstress', tid: 812 },
  seconds: 122,
  state: 'D',
  stack: ['__schedule', 'wait_log_commit'],
};

describe('a mail', () => {
  it.each(Object.entries(MAILS))('%s is read as the log', async (_name, text) => {
    expect(await read(text)).toMatchObject([TOLD]);
  });

  it('of a mailbox is read with the others', async () => {
    const [first, second] = Object.values(MAILS);
    const box = [first, second.replaceAll('fsstress', 'other').replaceAll('[  300.', '[  400.')]
      .map((text) => `From a@example.org Mon Jul  1 12:00:00 2024\n${text}`)
      .join('\n');
    expect(await read(box)).toMatchObject([TOLD, { ...TOLD, task: { comm: 'other', tid: 812 } }]);
  });

  it('is not what only looks like one', async () => {
    const source = bufferSource(Buffer.from(LOG), 'dmesg.txt');
    expect(await unpackMail(source, () => false)).toBe(source);
  });
});

describe('lines of findings in a mail', () => {
  const numbers = async (text: string) => {
    const source = await unpackMail(bufferSource(Buffer.from(text), 'hang.eml'), () => false);
    const { fileLines, parts } = source.origin ?? { fileLines: new Uint32Array(0), parts: '' };
    const lines = Buffer.from(await source.head(1 << 20))
      .toString('latin1')
      .split('\n');
    const at = lines.findIndex((line) => line.includes('INFO: task fsstress'));
    return { line: fileLines[at], parts, raw: text.split('\n') };
  };

  it('are those of the file', async () => {
    const { line, parts, raw } = await numbers(mail(['Content-Type: text/plain'], `Hi,\n\n${LOG}`));
    expect(raw[line - 1]).toContain('INFO: task fsstress');
    expect(parts).toBe('');
  });

  it('are those of the file in quoted-printable text', async () => {
    const text = attached(
      'quoted-printable',
      'text/plain',
      'dmesg.txt',
      quotedPrintable(`${'x=y '.repeat(40)}\n${LOG}`),
    );
    const { line, raw } = await numbers(text);
    expect(raw[line - 1]).toContain('INFO: task fsstress');
  });

  it('are beyond it in an encoded attachment, which is named', async () => {
    const text = attached('base64', 'application/gzip', 'dmesg.gz', base64(gzipSync(LOG)));
    const { line, parts, raw } = await numbers(text);
    expect(line).toBe(raw.length + 1);
    expect(parts).toBe(`dmesg.gz from line ${raw.length + 1}`);
  });
});
