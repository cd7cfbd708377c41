import { describe, expect, it } from 'vitest';
import { CaptureError } from '../../../schema/index.ts';
import { readEvents } from '../../fixtures/trace-dat/read-events.ts';
import { type Machine, PageBuilder, record, X86_64 } from '../../fixtures/trace-dat/ring-buffer-page.ts';
import { buildTraceDat, formatText, type TraceDatSpec } from '../../fixtures/trace-dat/trace-dat-builder.ts';

/** Small pages keep the files small; the page size is part of the format. */
const SMALL: Machine = { ...X86_64, pageBytes: 512 };

const formats = [
  {
    system: 'lock',
    text: formatText(
      'lock_acquire',
      10,
      ['unsigned int flags;8;4;0', '__data_loc char[] name;12;4;0', 'void * lockdep_addr;16;8;0'],
      '"%p %s%s", REC->lockdep_addr, (REC->flags & 1) ? "try " : "", __get_str(name)',
    ),
  },
  {
    system: 'ftrace',
    text: formatText(
      'kernel_stack',
      4,
      ['int size;8;4;1', 'unsigned long caller[8];16;64;0'],
      '"=> %ps", REC->caller[0]',
    ),
  },
];
const lock = (name: string) =>
  record(SMALL, 10, 7)
    .u32(2)
    .u32(((name.length + 1) << 16) | 24)
    .u64(0xffffffff81000100n)
    .string(name)
    .done();
const stack = record(SMALL, 4, 7).u32(2).u32(0).u64(0xffffffff81000010n).u64(0xffffffff81000110n).done();

function file(version: '6' | '7', compression: 'none' | 'zlib' | 'zstd'): Uint8Array {
  const page = (time: number) =>
    new PageBuilder(SMALL, time)
      .event(5, lock('rcu_read_lock'))
      .timeExtend(9n)
      .event(1, stack)
      .discarded(1, 8)
      .event(2, lock('b'), 'long');
  const spec: TraceDatSpec = {
    machine: SMALL,
    version,
    compression,
    formats,
    kallsyms: 'ffffffff81000000 T schedule\nffffffff81000100 T other\nffffffff81000200 T end\n',
    printkFormats: '0xffffffff81009000 : "rcu_preempt"\n',
    savedCmdlines: '7 bash\n',
    uname: 'Linux host 6.12.0 x86_64',
    clock: 'local',
    options: [{ id: 8, data: Uint8Array.of(2, 0, 0, 0) }],
    buffers: [
      {
        name: '',
        cpus: [
          { cpu: 0, pages: [page(10).done(), page(100).lost(3).done()] },
          { cpu: 1, pages: [page(20).done()] },
        ],
      },
    ],
  };
  return buildTraceDat(spec);
}

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
  const whole = file(version, compression);
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
    const pages = [new PageBuilder(SMALL, 1).event(1, lock('x')).done()];
    const bytes = file('6', 'none');
    expect(pages[0].length).toBe(512);
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
    const bytes = file('7', 'none');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const optionsAt = Buffer.from(bytes).indexOf('none\0') + 6;
    const first = Number(view.getBigUint64(optionsAt, true));
    // The DONE option is the last 14 bytes of the section: id, size, offset of the next section.
    const size = Number(view.getBigUint64(first + 8, true));
    view.setBigUint64(first + 16 + size - 8, BigInt(first), true);
    expect(await readDamaged(bytes, 40)).toBe(-1);
  });
});
