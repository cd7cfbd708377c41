/** Inputs that were read as clean although something is missing: zeroed pages, pages out of place, lines that end with CR alone. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';

const V6 = readFileSync(new URL('../fixtures/trace-dat/nmi-storm.v6.dat.gz', import.meta.url));
const PAGE = 4096;

const read = (bytes: Uint8Array, name = 'a.dat') => replayCaptures([{ name, bytes }], {});

/** Offsets of whole ring-buffer pages: of one CPU, one behind the other. */
const pagesOf = (bytes: Buffer): number[] => {
  const found: number[] = [];
  for (let at = 0; at + PAGE <= bytes.length; at += PAGE) {
    // A time stamp of this recording, and a commit of the size of a page.
    const time = bytes.readBigUInt64LE(at);
    const commit = bytes.readBigUInt64LE(at + 8);
    if (time > 20_000_000_000n && time < 60_000_000_000n && commit > 3000n && commit <= 4080n) found.push(at);
  }
  return found;
};

describe('pages of a trace.dat', async () => {
  const { gunzipSync } = await import('node:zlib');
  const plain = gunzipSync(V6);
  const pages = pagesOf(plain);
  const whole = await read(plain);

  it('are found by this test', () => {
    expect(pages.length).toBeGreaterThan(20);
    expect(whole.import.issues.map(({ kind }) => kind)).not.toContain('page-malformed');
  });

  it('that were zeroed are said to be missing, with their place', async () => {
    const bytes = Buffer.from(plain);
    const [, , first, second] = pages;
    bytes.fill(0, first, first + PAGE);
    bytes.fill(0, second, second + PAGE);
    const result = await read(bytes);
    const issue = result.import.issues.find(({ kind }) => kind === 'page-malformed');
    expect(issue).toMatchObject({ count: 2, first: { byte: first + 16 } });
    expect(issue?.first.text).toContain('a page of zeros');
    expect(result.import.events).toBeLessThan(whole.import.events);
  });

  it('that changed places are said to be out of place', async () => {
    const bytes = Buffer.from(plain);
    const [, , a, b] = pages;
    plain.copy(bytes, a, b, b + PAGE);
    plain.copy(bytes, b, a, a + PAGE);
    const result = await read(bytes);
    expect(result.import.issues.find(({ kind }) => kind === 'page-malformed')?.first.text).toContain('out of place');
  });

  it('that were all zeroed make no clean empty recording', async () => {
    const bytes = Buffer.from(plain);
    for (const page of pages) bytes.fill(0, page, page + PAGE);
    const last = pages[pages.length - 1] + PAGE;
    bytes.fill(0, last);
    const { import: found } = await read(bytes);
    expect(found.events).toBe(0);
    expect(found.issues.find(({ kind }) => kind === 'page-malformed')?.count).toBeGreaterThan(20);
  });

  it('of a table of CPUs that was zeroed are not passed over', async () => {
    // "flyrecord\0", then offset and size of each CPU.
    const at = plain.indexOf('flyrecord\0') + 10;
    const bytes = Buffer.from(plain);
    for (let cpu = 0; cpu < 2; cpu++) bytes.writeBigUInt64LE(0n, at + cpu * 16 + 8);
    await expect(read(bytes)).rejects.toThrow(/page-malformed/);
  });
});

describe('a text with carriage returns alone', () => {
  it('has the lines that it would have with line feeds', async () => {
    const lines = ['# tracer: nop', '#'];
    for (let i = 0; i < 50; i++)
      lines.push(`          bash-1     [000] ..... 16.${String(i).padStart(6, '0')}: foo: a=${i}`);
    const unix = await read(Buffer.from(`${lines.join('\n')}\n`), 'a.txt');
    const mac = await read(Buffer.from(`${lines.join('\r')}\r`), 'a.txt');
    expect(mac).toEqual(unix);
    expect(mac.import).toMatchObject({ events: 50, issues: [] });
  });
});

describe('compressed text that is damaged', () => {
  const lines = Array.from(
    { length: 40_000 },
    (_, i) =>
      `  cat-7  [001] d..2.  12.${String(i).padStart(6, '0')}: sched_waking: comm=sh pid=${8 + (i % 90)} prio=120 target_cpu=000`,
  );
  const packed = gzipSync(`# tracer: nop\n${lines.join('\n')}\n`);

  it('is used up to the damage, which is counted with its place', async () => {
    const whole = await read(packed, 'a.gz');
    expect([whole.import.events, whole.import.issues]).toEqual([lines.length, []]);
    const cut = await read(packed.subarray(0, packed.length >> 1), 'a.gz');
    expect(cut.import.events).toBeGreaterThan(lines.length / 3);
    expect(cut.import.events).toBeLessThan(lines.length);
    const issue = cut.import.issues.find(({ kind }) => kind === 'data-damaged');
    expect(issue?.first.text).toBe('a.gz: damaged gzip data (unexpected end of file)');
    // About as many bytes as the lines before it have.
    const place = issue?.first as { readonly byte: number } | undefined;
    expect(place?.byte).toBeGreaterThan(cut.import.events * lines[0].length * 0.95);
    expect(place?.byte).toBeLessThan(cut.import.events * lines[0].length * 1.05);
  });

  it('is refused where nothing comes before the damage', async () => {
    const nothing = Buffer.from(packed);
    nothing.fill(0xff, 10, 40);
    await expect(read(nothing, 'a.gz')).rejects.toThrow('a.gz: damaged gzip data');
  });
});
