import { describe, expect, it } from 'vitest';
import { CaptureError } from '../../../schema/index.ts';
import { readEvents } from '../../fixtures/trace-dat/read-events.ts';
import { smallTraceDat } from '../../fixtures/trace-dat/small-file.ts';

const kinds: ['6' | '7', 'none' | 'zlib' | 'zstd'][] = [
  ['6', 'none'],
  ['7', 'none'],
  ['7', 'zlib'],
  ['7', 'zstd'],
];

/**
 * A damaged file gives events and counted issues, or is refused in one line with its name.
 * @param most events that the file can hold at most
 */
async function readDamaged(bytes: Uint8Array, most: number): Promise<number> {
  try {
    const { events } = await readEvents(bytes);
    expect(events.length).toBeLessThanOrEqual(most);
    return events.length;
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    expect(error.message).toMatch(/^test\.dat: byte \d+: [^\n]+$/);
    return -1;
  }
}

describe.each(kinds)('a trace.dat of version %s (%s)', (version, compression) => {
  const whole = smallTraceDat(version, compression);
  // The headers differ only in what is compressed: exhaustive for plain files, sampled for the others.
  const step = compression === 'none' ? 1 : 4;

  it('is whole', async () => {
    const { events, issues } = await readEvents(whole);
    expect(events.map(({ name }) => name)).toHaveLength(10);
    expect(issues).toEqual({ 'events-lost': 3 });
  });

  it('may have any byte flipped', async () => {
    let refused = 0;
    for (let at = 0; at < whole.length; at += step) {
      const damaged = whole.slice();
      damaged[at] ^= 0xff;
      if ((await readDamaged(damaged, 40)) < 0) refused++;
    }
    expect(refused).toBeLessThan(whole.length / 2);
  });

  it('may have any bit of its first bytes and any top bit flipped', async () => {
    for (let at = 0; at < whole.length; at += at < 96 ? 1 : 16) {
      for (const bit of at < 96 ? [1, 2, 4, 8, 16, 32, 64, 128] : [1, 128]) {
        const damaged = whole.slice();
        damaged[at] ^= bit;
        await readDamaged(damaged, 40);
      }
    }
  });

  it('may end anywhere', async () => {
    let last = -1;
    for (let length = 0; length < whole.length; length += 5) {
      const events = await readDamaged(whole.slice(0, length), 12);
      last = Math.max(last, events);
    }
    // Version 7 keeps its table of buffers at the end of the file: without it there is nothing to read.
    expect(last).toBeGreaterThanOrEqual(version === '6' ? 5 : -1);
  });

  it('may have sizes that are far beyond it', async () => {
    for (let at = 12; at + 8 <= whole.length; at += 4 * step) {
      const damaged = whole.slice();
      damaged.fill(0x7f, at, at + 8);
      await readDamaged(damaged, 60);
    }
  });
});

describe('hostile tables', () => {
  it('whose CPUs share the same pages are cut to the size of the file', async () => {
    const bytes = smallTraceDat('6', 'none');
    // The table of CPUs of version 6: both entries point at all pages, many times over.
    const at = Buffer.from(bytes).indexOf('flyrecord\0') + 10;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (const entry of [at, at + 16]) {
      view.setBigUint64(entry, 0n, true);
      view.setBigUint64(entry + 8, BigInt(bytes.length), true);
    }
    expect(await readDamaged(bytes, 40)).toBeGreaterThanOrEqual(0);
  });

  it('with an options section that points at itself end', async () => {
    const bytes = smallTraceDat('7', 'none');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const optionsAt = Buffer.from(bytes).indexOf('none\0') + 6;
    const first = Number(view.getBigUint64(optionsAt, true));
    // The DONE option is the last 14 bytes of the section: id, size, offset of the next section.
    const size = Number(view.getBigUint64(first + 8, true));
    view.setBigUint64(first + 16 + size - 8, BigInt(first), true);
    expect(await readDamaged(bytes, 40)).toBe(-1);
  });
});
