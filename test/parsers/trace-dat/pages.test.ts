import { describe, expect, it } from 'vitest';
import { readEvents } from '../../fixtures/trace-dat/read-events.ts';
import { type Machine, PageBuilder, record, X86_64 } from '../../fixtures/trace-dat/ring-buffer-page.ts';
import { type BuiltBuffer, buildTraceDat, formatText } from '../../fixtures/trace-dat/trace-dat-builder.ts';

const WAKEUP_ID = 100;
const wakeupFormat = formatText(
  'sched_wakeup',
  WAKEUP_ID,
  ['char comm[16];8;16;0', 'pid_t pid;24;4;1', 'int prio;28;4;1', 'int target_cpu;32;4;1'],
  '"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu',
);
const formats = [{ system: 'sched', text: wakeupFormat }];

/** A sched_wakeup whose target task says which record it is. */
const wakeup = (machine: Machine, target: number, flags = 0, counts = 0) =>
  record(machine, WAKEUP_ID, 7, flags, counts).chars(`t${target}`, 16).u32(target).u32(120).u32(1).done();

const page = (time: bigint | number, machine = X86_64) => new PageBuilder(machine, time);

function capture(buffers: readonly BuiltBuffer[], machine = X86_64, version: '6' | '7' = '7') {
  return buildTraceDat({ machine, version, formats, buffers });
}

const oneCpu = (...pages: Uint8Array[]) => capture([{ name: '', cpus: [{ cpu: 0, pages }] }]);

/** `target@time` of each event, `lost N` for markers. */
async function story(bytes: Uint8Array): Promise<string[]> {
  const { events } = await readEvents(bytes);
  return events.map(({ name, fields, tsNs }) =>
    name === 'quiesce_lost' ? `lost ${fields.count} on ${fields.lost_cpu}` : `${fields.pid}@${tsNs}`,
  );
}

describe('ring-buffer pages', () => {
  it('count time from the page on, by delta, time extend and absolute time stamp', async () => {
    const pages = page(1_000_000)
      .event(10, wakeup(X86_64, 1))
      .event(0, wakeup(X86_64, 2), 'long')
      .timeExtend(1n << 40n)
      .event(5, wakeup(X86_64, 3))
      .timeStamp(2_000_000n + (1n << 40n))
      .event(1, wakeup(X86_64, 4))
      .done();
    const far = 2 ** 40;
    expect(await story(oneCpu(pages))).toEqual([
      '1@1000010',
      '2@1000010',
      `3@${far + 1_000_015}`,
      `4@${far + 2_000_001}`,
    ]);
  });

  it('keep the top five bits of a time beyond 59 bits through an absolute time stamp', async () => {
    const high = (3n << 59n) + 5_000n;
    const { events, facts } = await readEvents(
      oneCpu(
        page(high)
          .event(1, wakeup(X86_64, 1))
          .timeStamp((high + 100n) & ((1n << 59n) - 1n))
          .event(2, wakeup(X86_64, 2))
          .done(),
      ),
    );
    expect(events.map(({ tsNs }) => facts.baseNs + BigInt(tsNs))).toEqual([high + 1n, high + 102n]);
  });

  it('leave out discarded records, whose time still counts, and padding at the end', async () => {
    const pages = page(100).event(1, wakeup(X86_64, 1)).discarded(3, 40).event(1, wakeup(X86_64, 2)).padding().done();
    expect(await story(oneCpu(pages, page(500).event(0, wakeup(X86_64, 3)).done()))).toEqual([
      '1@101',
      '2@105',
      '3@500',
    ]);
  });

  it('may be empty', async () => {
    expect(await story(oneCpu(page(1).done(), page(2).event(0, wakeup(X86_64, 1)).done(), page(9).done()))).toEqual([
      '1@2',
    ]);
  });

  it('mark losses before the first event after them, with their number where it is stored (E0.3, E0.4)', async () => {
    const bytes = oneCpu(
      page(1).event(0, wakeup(X86_64, 1)).done(),
      page(5).lost(77).event(0, wakeup(X86_64, 2)).done(),
      page(9).lost().event(0, wakeup(X86_64, 3)).done(),
    );
    expect(await story(bytes)).toEqual(['1@1', 'lost 77 on 0', '2@5', 'lost 0 on 0', '3@9']);
    const { facts, issues } = await readEvents(bytes);
    expect(facts.lost).toBe(78);
    expect(issues).toEqual({ 'events-lost': 78, 'loss-unsized': 1 });
  });

  it('mark a loss that no event follows', async () => {
    const bytes = oneCpu(page(1).event(0, wakeup(X86_64, 1)).done(), page(5).lost(3).done());
    expect(await story(bytes)).toEqual(['1@1', 'lost 3 on 0']);
  });

  it('end where a record contradicts them; the rest of the page is a gap, the next page is read', async () => {
    const tooLong = Uint8Array.of(0, 0, 0, 0, 0xff, 0x7f, 0, 0);
    const bytes = oneCpu(
      page(1).event(0, wakeup(X86_64, 1)).raw(tooLong).event(0, wakeup(X86_64, 2)).done(),
      page(5).event(0, wakeup(X86_64, 3)).done(),
    );
    expect(await story(bytes)).toEqual(['1@1', 'lost 0 on 0', '3@5']);
    expect((await readEvents(bytes)).issues).toEqual({ 'page-malformed': 1, 'events-lost': 1, 'loss-unsized': 1 });
  });

  it('are passed over when they claim more data than they can hold', async () => {
    const broken = page(1).event(0, wakeup(X86_64, 1)).done();
    broken[9] = 0xff;
    const bytes = oneCpu(broken, page(5).event(0, wakeup(X86_64, 2)).done());
    expect(await story(bytes)).toEqual(['lost 0 on 0', '2@5']);
  });
});

describe('the CPUs of a capture', () => {
  const cpu = (number: number, ...times: number[]) => ({
    cpu: number,
    pages: times.map((time, index) =>
      page(time)
        .event(0, wakeup(X86_64, number * 10 + index))
        .done(),
    ),
  });

  it('are merged by time; of equal times the lower CPU goes first, as in trace-cmd', async () => {
    const bytes = capture([{ name: '', cpus: [cpu(0, 10, 30, 50), cpu(1, 10, 20, 50), cpu(2, 5, 30, 60)] }]);
    expect(await story(bytes)).toEqual(['20@5', '0@10', '10@10', '11@20', '1@30', '21@30', '2@50', '12@50', '22@60']);
  });

  it('are kept in the order of their own buffer when its time goes backwards', async () => {
    const bytes = capture([{ name: '', cpus: [cpu(0, 10, 5, 20), cpu(1, 12)] }]);
    expect(await story(bytes)).toEqual(['0@10', '1@5', '10@12', '2@20']);
    expect((await readEvents(bytes)).issues).toEqual({ 'page-malformed': 1, 'time-backwards': 1 });
  });

  it('come from all instances, the top buffer first', async () => {
    const buffers = [
      { name: '', cpus: [cpu(0, 10), cpu(1, 12)] },
      { name: 'locks', cpus: [cpu(0, 10), cpu(1, 11)] },
    ];
    for (const version of ['6', '7'] as const) {
      expect(await story(capture(buffers, X86_64, version))).toEqual(['0@10', '0@10', '10@11', '10@12']);
    }
  });

  it('may be many', async () => {
    const cpus = Array.from({ length: 300 }, (_, number) => cpu(number, 1000 - number, 2000 + number));
    const times = (await readEvents(capture([{ name: '', cpus }]))).events.map(({ tsNs }) => tsNs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times).toHaveLength(600);
  });
});

describe('machines', () => {
  const machines: [string, Machine][] = [
    ['little-endian with 64 bits', X86_64],
    ['big-endian with 64 bits and pages of 64 KiB (ppc64)', { littleEndian: false, longBytes: 8, pageBytes: 65536 }],
    ['little-endian with 32 bits (armv7)', { littleEndian: true, longBytes: 4, pageBytes: 4096 }],
    ['big-endian with 32 bits and pages of 16 KiB (mips)', { littleEndian: false, longBytes: 4, pageBytes: 16384 }],
  ];
  it.each(machines)('%s, every version and compression', async (_, machine) => {
    const first = page(1000n, machine)
      .event(3, wakeup(machine, 1, 0x09, 0x21))
      .timeExtend(1n << 33n)
      .event(1, wakeup(machine, -2), 'long')
      .discarded(1, 12)
      .done();
    const second = page(1n << 34n, machine)
      .lost(5)
      .timeStamp((1n << 34n) + 7n)
      .event(0, wakeup(machine, 3))
      .done();
    const buffers = [
      {
        name: '',
        cpus: [
          { cpu: 0, pages: [first, second, second] },
          { cpu: 1, pages: [] },
        ],
      },
    ];
    const kinds = [
      { version: '' },
      { version: '6' },
      { version: '7', compression: 'none' },
      { version: '7', compression: 'zlib' },
      { version: '7', compression: 'zstd' },
    ] as const;
    for (const kind of kinds) {
      const { events, facts } = await readEvents(buildTraceDat({ machine, formats, buffers, ...kind }));
      expect(events.map(({ name, tsNs, fields, flags }) => [name, tsNs, fields.pid, flags])).toEqual([
        ['sched_wakeup', 1003, '1', 'd.h12'],
        ['sched_wakeup', 1004 + 2 ** 33, '-2', '.....'],
        ['quiesce_lost', 2 ** 34 + 7, undefined, '?????'],
        ['sched_wakeup', 2 ** 34 + 7, '3', '.....'],
        ['quiesce_lost', 2 ** 34 + 7, undefined, '?????'],
        ['sched_wakeup', 2 ** 34 + 7, '3', '.....'],
      ]);
      expect(facts).toMatchObject({ cpus: 2, lost: 10 });
    }
  });
});

describe('the context of a record (common_flags, E0.2)', () => {
  const flagsOf = async (flags: number, counts: number, release: string) => {
    const pages = [
      page(1)
        .event(0, wakeup(X86_64, 1, flags, counts))
        .done(),
    ];
    const bytes = buildTraceDat({
      machine: X86_64,
      version: '7',
      formats,
      uname: `Linux host ${release} x86_64`,
      buffers: [{ name: '', cpus: [{ cpu: 0, pages }] }],
    });
    return (await readEvents(bytes)).events[0].flags;
  };

  it('has irqs, resched, interrupt and the two depths', async () => {
    expect(await flagsOf(0x01, 0x00, '6.12.0')).toBe('d....');
    expect(await flagsOf(0x81, 0x10, '6.12.0')).toBe('D...1');
    expect(await flagsOf(0x80, 0x02, '6.12.0')).toBe('b..2.');
    expect(await flagsOf(0x0d, 0x01, '6.12.0')).toBe('dNh1.');
    expect(await flagsOf(0x19, 0x03, '6.12.0')).toBe('d.H3.');
    expect(await flagsOf(0x10, 0x00, '6.12.0')).toBe('..s..');
    expect(await flagsOf(0x49, 0x00, '6.12.0')).toBe('d.Z..');
    expect(await flagsOf(0x41, 0x00, '6.12.0')).toBe('d.z..');
  });

  it('reads bit 1 by version: irqs unknown up to 6.12, lazy resched since 6.13', async () => {
    expect(await flagsOf(0x02, 0, '6.12.1')).toBe('X....');
    expect(await flagsOf(0x02, 0, '6.13.0')).toBe('.....');
  });

  it('reads the whole byte as preemption depth before 5.15', async () => {
    expect(await flagsOf(0, 0x11, '5.15.0')).toBe('...11');
    expect(await flagsOf(0, 0x11, '4.19.0')).toBe('...f.');
  });
});
