/**
 * Mails and mailboxes as captures: what a mail holds is read, not how it was sent. Its text and its attachments, decoded (base64, quoted-printable)
 * and decompressed, are one text, in the order in which they are in the mail; an attachment that is a binary recording is the capture.
 */
import PostalMime, { type Attachment, type Email } from 'postal-mime';
import { type ByteSource, bufferSource } from '../source.ts';
import { MailLines } from './mail-lines.ts';

/** A longer file is no mail that somebody sent: it is left as it is. */
const MAX_MAIL_BYTES = 64 << 20;
/** Decompressed text of one attachment. */
const MAX_ATTACHMENT_BYTES = 256 << 20;
const HEAD_BYTES = 16384;
const LINE_END = Buffer.from('\n');
/** Headers of which a mail has several. */
const HEADER =
  /^(?:From|To|Cc|Subject|Date|Message-I[Dd]|Received|MIME-Version|Return-Path|Delivered-To|Content-Type|Sender|List-Id): /;
const MIN_HEADERS = 3;
/** Between the mails of a mailbox: `From name@host Mon Jul  1 12:00:00 2024`. */
const SEPARATOR = /^From \S+ .*\d{4}\r?$/;

/** Whether a text begins with the header of a mail. */
export function looksLikeMail(head: Uint8Array): boolean {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, HEAD_BYTES)).toString('latin1');
  let headers = 0;
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (i === 0 && SEPARATOR.test(line)) continue;
    if (line === '') break;
    if (HEADER.test(line)) headers++;
    else if (!/^[A-Za-z][\w-]*:|^[ \t]/.test(line)) return false;
  }
  return headers >= MIN_HEADERS;
}

/**
 * What the mail holds, or the source itself when it is no mail.
 * @param isRecording whether bytes are a binary recording
 */
export async function unpackMail(source: ByteSource, isRecording: (head: Uint8Array) => boolean): Promise<ByteSource> {
  if (source.sizeBytes !== undefined && source.sizeBytes > MAX_MAIL_BYTES) return source;
  if (!looksLikeMail(await source.head(HEAD_BYTES))) return source;
  const parts: Uint8Array[] = [];
  const file = await collect(source, MAX_MAIL_BYTES);
  const lines = new MailLines(file);
  const add = (part: Uint8Array, name: string): void => {
    parts.push(part);
    lines.add(part, name);
  };
  for (const message of messages(file)) {
    const email = await PostalMime.parse(message);
    add(Buffer.from(`${bodyOf(email)}\n`), 'text');
    for (const attachment of email.attachments) {
      const name = `${source.name}:${attachment.filename ?? 'attachment'}`;
      const content = bufferSource(bytesOf(attachment), name);
      if (isRecording(await content.head(HEAD_BYTES))) {
        await source.close();
        return content;
      }
      if (isText(await content.head(HEAD_BYTES)))
        add(
          Buffer.concat([await collect(content, MAX_ATTACHMENT_BYTES), LINE_END]),
          attachment.filename ?? 'attachment',
        );
    }
  }
  await source.close();
  return Object.assign(bufferSource(Buffer.concat(parts), source.name), {
    origin: lines.origin(),
    damage: source.damage,
  });
}

/** Subjects and senders quote headlines: only what the mail says below its header is read. */
function bodyOf({ text, html }: Email): string {
  if (text !== undefined && text.trim() !== '') return text;
  // A tag of a page makes the log's reader take the page's marks off.
  return (html ?? '').replace(/<(?:br|\/p|\/div|\/tr)\b[^>]*>/gi, '\n').replace(/<\/?[a-z][^<>]*>/g, '');
}

function bytesOf({ content }: Attachment): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content);
}

const isText = (head: Uint8Array): boolean => head.length > 0 && !head.includes(0);

/** The mails of a mailbox; one when it is no mailbox. */
function messages(bytes: Buffer): Buffer[] {
  const starts: number[] = [0];
  for (let at = bytes.indexOf('\nFrom '); at >= 0; at = bytes.indexOf('\nFrom ', at + 1)) {
    const end = bytes.indexOf('\n', at + 1);
    if (SEPARATOR.test(bytes.toString('latin1', at + 1, end < 0 ? bytes.length : end))) starts.push(at + 1);
  }
  return starts.map((start, i) => {
    const message = bytes.subarray(start, starts[i + 1] ?? bytes.length);
    const line = message.indexOf('\n');
    return SEPARATOR.test(message.toString('latin1', 0, Math.max(0, line))) ? message.subarray(line + 1) : message;
  });
}

async function collect(source: ByteSource, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source.chunks()) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}
