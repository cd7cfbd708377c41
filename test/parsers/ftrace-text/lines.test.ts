/** The line reader under every text parser. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineReader, MAX_LINE_BYTES } from '../../../parsers/lines.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

interface Line {
  readonly text: string;
  readonly number: number;
  readonly offset: number;
  readonly tooLong: boolean;
}

function readLines(bytes: Uint8Array, chunkBytes: number): Line[] {
  const lines = new LineReader();
  const out: Line[] = [];
  const drain = (): void => {
    while (lines.next()) {
      const text = decoder.decode(lines.bytes.subarray(lines.start, lines.end));
      out.push({ text, number: lines.lineNumber, offset: lines.byteOffset, tooLong: lines.tooLong });
    }
  };
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    // A chunk is valid until the next one: hand out a copy that is overwritten afterwards.
    const chunk = bytes.slice(at, at + chunkBytes);
    lines.push(chunk);
    drain();
    chunk.fill(0x3f);
  }
  lines.finish();
  drain();
  return out;
}

describe('LineReader', () => {
  it('ends lines at \\n and \\r\\n, and the last one at the end of the input', () => {
    expect(readLines(encoder.encode('a\r\n\nbb\nc'), 100).map((l) => l.text)).toEqual(['a', '', 'bb', 'c']);
    expect(readLines(encoder.encode('a\n'), 100).map((l) => l.text)).toEqual(['a']);
    expect(readLines(new Uint8Array(0), 100)).toEqual([]);
  });

  it('leaves out a byte order mark', () => {
    expect(readLines(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61, 0x0a, 0x62]), 2).map((l) => l.text)).toEqual(['a', 'b']);
  });

  it('gives the same lines, numbers and offsets whatever the size of the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'bc', '\n', '\r', '\r\n', ' '), { maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        (parts, chunkBytes) => {
          const bytes = encoder.encode(parts.join(''));
          const whole = readLines(bytes, Math.max(1, bytes.length));
          expect(readLines(bytes, chunkBytes)).toEqual(whole);
          for (const line of whole)
            expect(decoder.decode(bytes.subarray(line.offset, line.offset + line.text.length))).toBe(line.text);
        },
      ),
    );
  });

  it('skips a line of more than 1 MiB without holding it, and says so once', () => {
    const bytes = encoder.encode(`first\n${'x'.repeat(3 * MAX_LINE_BYTES)}\nlast\n`);
    for (const chunkBytes of [65536, bytes.length]) {
      const lines = readLines(bytes, chunkBytes);
      expect(lines.map((l) => [l.number, l.tooLong, l.text])).toEqual([
        [1, false, 'first'],
        [2, true, ''],
        [3, false, 'last'],
      ]);
    }
  });
});
