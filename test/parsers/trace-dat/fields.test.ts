import { describe, expect, it } from 'vitest';
import { DictionaryWriter } from '../../../parsers/index.ts';
import { AddressNames } from '../../../parsers/tracefs-format/address-names.ts';
import { compileEventDecoder } from '../../../parsers/tracefs-format/decode/event-decoder.ts';
import { recordBytes } from '../../../parsers/tracefs-format/decode/record-bytes.ts';
import { type EventFormat, parseEventFormat } from '../../../parsers/tracefs-format/event-format.ts';
import { PrintFormat } from '../../../parsers/tracefs-format/print-fmt/format.ts';
import { PrintkFormats } from '../../../parsers/tracefs-format/printk-formats.ts';
import { BatchWriter, DiagnosticSink, EventBatch, EventCursor } from '../../../schema/index.ts';
import type { ByteWriter } from '../../fixtures/trace-dat/byte-writer.ts';
import { readEvents } from '../../fixtures/trace-dat/read-events.ts';
import { PageBuilder, record, X86_64 } from '../../fixtures/trace-dat/ring-buffer-page.ts';
import { buildTraceDat, formatText } from '../../fixtures/trace-dat/trace-dat-builder.ts';
import { positionsOf } from '../../support/field-positions.ts';

const TEXT = 0xffffffff81000000n;
const kallsyms = [
  [0x0n, 'T _stext'],
  [0x1000n, 'T synchronize_rcu'],
  [0x1000n, 't alias_of_it'],
  [0x1100n, 't process_srcu'],
  [0x2000n, 'd tracepoint_srcu'],
  [0x2100n, 'T last'],
]
  .map(([offset, symbol]) => `${(TEXT + (offset as bigint)).toString(16)} ${symbol}\n`)
  .join('')
  .concat(
    '0000000000000000 A fixed_percpu_data\nffffffffa0000000 t lab_fn\t[lab]\nffffffffa0000080 t lab_end\t[lab]\n',
  );
const printkFormats = [
  `0x${(TEXT + 0x9000n).toString(16)} : "rcu_preempt"`,
  `0x${(TEXT + 0x9010n).toString(16)} : "n=%d u=%5u x=%#lx %s|%-6s|%.2s c=%c p=%pS %ps %% %*d %lld\\n"`,
  `0x${(TEXT + 0x9020n).toString(16)} : "lab: \\"quoted\\"\\n"`,
].join('\n');

interface Sample {
  readonly system: string;
  readonly name: string;
  readonly fields: readonly string[];
  readonly print: string;
  readonly write: (body: ByteWriter) => void;
}

/** The event as it is read from a capture that has only it. */
async function readOne(sample: Sample, extra: { kallsyms?: string } = {}) {
  const { system, name, fields, print, write } = sample;
  const body = record(X86_64, 500, 42);
  write(body);
  const pages = [new PageBuilder(X86_64, 1).event(0, body.done()).done()];
  const bytes = buildTraceDat({
    machine: X86_64,
    version: '7',
    formats: [{ system, text: formatText(name, 500, fields, print) }],
    kallsyms: extra.kallsyms ?? kallsyms,
    printkFormats,
    buffers: [{ name: '', cpus: [{ cpu: 0, pages }] }],
  });
  const { events, issues } = await readEvents(bytes);
  return { ...events[0], issues };
}

describe('fields of an event that no table knows', () => {
  it('keep type, sign and width', async () => {
    const { fields } = await readOne({
      system: 'demo',
      name: 'numbers',
      fields: [
        's8 a;8;1;1',
        'u8 b;9;1;0',
        's16 c;10;2;1',
        'u16 d;12;2;0',
        'int e;16;4;1',
        'unsigned int f;20;4;0',
        's64 g;24;8;1',
        'u64 h;32;8;0',
        'bool ok;40;1;0',
        'void * p;48;8;0',
      ],
      print: '"a=%d", REC->a',
      write: (body) =>
        body
          .u8(0xff)
          .u8(0xff)
          .u16(0xfffe)
          .u16(0xfffe)
          .align(4)
          .u32(0xfffffffd)
          .u32(0xfffffffd)
          .u64(-(2n ** 63n))
          .u64(2n ** 53n + 1n)
          .u8(1)
          .align(8)
          .u64(0xff11000000000001n),
    });
    expect(fields).toEqual({
      a: '-1',
      b: '255',
      c: '-2',
      d: '65534',
      e: '-3',
      f: '4294967293',
      g: String(-(2n ** 63n)),
      h: String(2n ** 53n + 1n),
      ok: '1',
      p: String(BigInt.asIntN(64, 0xff11000000000001n)),
    });
  });

  it('are text where they are strings, arrays, bitmaps, or addresses that print as symbols', async () => {
    const { fields } = await readOne({
      system: 'demo',
      name: 'texts',
      fields: [
        'char comm[8];8;8;0',
        '__data_loc char[] name;16;4;0',
        '__rel_loc char[] rel;20;4;0',
        'unsigned long list[2];24;16;0',
        'u8 mac[4];40;4;0',
        '__data_loc cpumask_t mask;44;4;0',
        'const char * flavor;48;8;0',
        'void * fn;56;8;0',
        'void * place;64;8;0',
      ],
      print: '"%s %ps %pS", REC->flavor, REC->fn, (void *)REC->place',
      write: (body) =>
        body
          .text('ab\0junk\0')
          .u32((5 << 16) | 72)
          // The offset counts from the end of the field, byte 24.
          .u32((4 << 16) | (80 - 24))
          .u64(1)
          .u64(2n ** 64n - 1n)
          .bytes(Uint8Array.of(1, 0xab, 0, 4))
          .u32((8 << 16) | 88)
          .u64(TEXT + 0x9000n)
          .u64(TEXT + 0x1104n)
          .u64(TEXT + 0x1104n)
          .chars('name', 8)
          .chars('rel', 8)
          .u64(0b1011_0000_0111n),
    });
    expect(fields).toEqual({
      comm: 'ab',
      name: 'name',
      rel: 'rel',
      list: '[1,18446744073709551615]',
      mac: '01ab0004',
      mask: '0-2,8-9,11',
      flavor: 'rcu_preempt',
      fn: 'process_srcu',
      place: 'process_srcu+0x4/0xf00',
    });
  });

  it('are missing where they do not lie inside the record', async () => {
    const { fields, issues } = await readOne({
      system: 'demo',
      name: 'cut',
      fields: ['int a;8;4;1', '__data_loc char[] name;12;4;0', 'u64 far;64;8;0'],
      print: '"%d", REC->a',
      write: (body) =>
        body
          .u32(5)
          .u32((500 << 16) | 16)
          .u32(0),
    });
    expect(fields).toEqual({ a: '5' });
    expect(issues).toEqual({ 'field-unreadable': 1 });
  });
});

describe('symbols', () => {
  const pointer = (address: bigint, fmt = '%ps'): Sample => ({
    system: 'demo',
    name: 'pointer',
    fields: ['void * fn;8;8;0'],
    print: `"${fmt}", REC->fn`,
    write: (body) => body.u64(address),
  });

  it('are those that the kernel prints: the first of several at an address, without module', async () => {
    expect((await readOne(pointer(TEXT + 0x1000n))).fields.fn).toBe('synchronize_rcu');
    expect((await readOne(pointer(TEXT + 0x10ffn))).fields.fn).toBe('synchronize_rcu');
    expect((await readOne(pointer(TEXT + 0x2010n, '%pS'))).fields.fn).toBe('tracepoint_srcu+0x10/0x100');
    expect((await readOne(pointer(0xffffffffa0000010n))).fields.fn).toBe('lab_fn');
  });

  it('are addresses where no symbol covers them', async () => {
    expect((await readOne(pointer(0x10n))).fields.fn).toBe('0x10');
    expect((await readOne(pointer(0xffffffffc0000000n))).fields.fn).toBe('0xffffffffc0000000');
    const { fields, issues } = await readOne(pointer(TEXT + 0x1000n), {
      kallsyms: '0000000000000000 T synchronize_rcu\n',
    });
    expect(fields.fn).toBe('0xffffffff81001000');
    expect(issues).toEqual({ 'symbols-missing': 1 });
  });
});

describe('events of the catalogue', () => {
  it('mask the counter of rcu_watching as the kernel prints it (E1.4)', async () => {
    const { fields } = await readOne({
      system: 'rcu',
      name: 'rcu_watching',
      fields: ['const char * polarity;8;8;0', 'long oldnesting;16;8;1', 'long newnesting;24;8;1', 'int counter;32;4;1'],
      print: '"%s %lx %lx %#3x", REC->polarity, REC->oldnesting, REC->newnesting, REC->counter & 0xfff',
      write: (body) => body.u64(0).u64(1).u64(0x4000000000000002n).u32(979036),
    });
    expect(fields).toEqual({
      polarity: '(null)',
      oldnesting: '1',
      newnesting: '4611686018427387906',
      counter: String(979036 & 0xfff),
    });
  });

  it('split the arrays of rcu_segcb_stats into columns', async () => {
    const { fields } = await readOne({
      system: 'rcu',
      name: 'rcu_segcb_stats',
      fields: ['const char * ctx;8;8;0', 'unsigned long gp_seq[4];16;32;0', 'long seglen[4];48;32;1'],
      print: '"%s", REC->ctx',
      write: (body) => [0n, 1, 2, 3, 4, 5, 6, 7, -8].forEach((value) => void body.u64(value)),
    });
    expect(fields).toMatchObject({ gp_seq_done: '1', gp_seq_next: '4', seglen_done: '5', seglen_next: '-8' });
  });

  it.each([
    [0n, 'R'],
    [1n, 'S'],
    [2n, 'D'],
    [0x80n, 'I'],
    [0x100n, 'R+'],
    [0x102n, 'D+'],
    [0x20n, 'Z'],
    [0x11n, 'S|X'],
  ])('show prev_state %s as %s, by the print fmt and without one (MODEL 1.6)', async (state, letters) => {
    const flags =
      '{ 0x1, "S" }, { 0x2, "D" }, { 0x4, "T" }, { 0x8, "t" }, { 0x10, "X" }, { 0x20, "Z" }, { 0x40, "P" }, { 0x80, "I" }';
    const mask = '((((0x0 | 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40) + 1) << 1) - 1)';
    const printed = `(REC->prev_state & ${mask}) ? __print_flags(REC->prev_state & ${mask}, "|", ${flags}) : "R", REC->prev_state & (${mask} + 1) ? "+" : ""`;
    for (const print of [`"prev_state=%s%s ==> ", ${printed}`, '"prev_state=%s", no_such_helper(REC->prev_state']) {
      const { fields } = await readOne({
        system: 'sched',
        name: 'sched_switch',
        fields: [
          'char prev_comm[16];8;16;0',
          'pid_t prev_pid;24;4;1',
          'int prev_prio;28;4;1',
          'long prev_state;32;8;1',
        ],
        print,
        write: (body) => body.chars('bash', 16).u32(42).u32(120).u64(state),
      });
      expect(fields).toEqual({ prev_comm: 'bash', prev_pid: '42', prev_prio: '120', prev_state: letters });
    }
  });

  it('show timer modes by the enumerators that the header leaves by name', async () => {
    const print = new PrintFormat(
      '"mode=%s", __print_symbolic(REC->mode, { HRTIMER_MODE_ABS, "ABS" }, { HRTIMER_MODE_REL_PINNED_HARD, "REL|PINNED|HARD" })',
    );
    expect(print.textOf('mode')?.(0n)).toBe('ABS');
    expect(print.textOf('mode')?.(11n)).toBe('REL|PINNED|HARD');
    expect(print.textOf('mode')?.(99n)).toBe('0x63');
  });

  it('count preemptirq callers from _stext', async () => {
    const { fields } = await readOne({
      system: 'preemptirq',
      name: 'irq_disable',
      fields: ['s32 caller_offs;8;4;1', 's32 parent_offs;12;4;1'],
      print: '"caller=%pS", (void *)((unsigned long)(_stext) + REC->caller_offs)',
      write: (body) => body.u32(0x1010).u32(0x1120),
    });
    expect(fields).toEqual({ caller: 'synchronize_rcu+0x10/0x100', parent: 'process_srcu+0x20/0xf00' });
  });

  it('subtract the call time of function_graph records', async () => {
    const { fields } = await readOne({
      system: 'ftrace',
      name: 'funcgraph_exit',
      fields: [
        'unsigned long func;8;8;0',
        'int depth;16;4;1',
        'unsigned int overrun;20;4;0',
        'unsigned long long calltime;24;8;0',
        'unsigned long long rettime;32;8;0',
      ],
      print: '"<-- %ps (%d)", (void *)REC->func, REC->depth',
      write: (body) =>
        body
          .u64(TEXT + 0x1000n)
          .u32(2)
          .u32(0)
          .u64(0xffffffffn)
          .u64(0x100000010n),
    });
    expect(fields).toEqual({ func: 'synchronize_rcu', duration_ns: '17', depth: '2', overrun: '0' });
  });

  it('name timerlat contexts, list system call arguments, cut the newline of log lines', async () => {
    const timerlat = await readOne({
      system: 'ftrace',
      name: 'timerlat',
      fields: ['unsigned int seqnum;8;4;0', 'int context;12;4;1', 'u64 timer_latency;16;8;0'],
      print: '"seq:%u", REC->seqnum',
      write: (body) => body.u32(3).u32(1).u64(900),
    });
    expect(timerlat.fields).toEqual({ seqnum: '3', context: 'thread', timer_latency: '900' });
    const enter = await readOne({
      system: 'raw_syscalls',
      name: 'sys_enter',
      fields: ['long id;8;8;1', 'unsigned long args[6];16;48;0'],
      print: '"NR %ld", REC->id',
      write: (body) => [3, 0x7ffd0000n, -1n, 0, 0, 0, 5].forEach((value) => void body.u64(value)),
    });
    expect(enter.fields).toEqual({ id: '3', args: '7ffd0000, ffffffffffffffff, 0, 0, 0, 5' });
    const log = await readOne({
      system: 'printk',
      name: 'console',
      fields: ['__data_loc char[] msg;8;4;0'],
      print: '"%s", __get_str(msg)',
      write: (body) => body.u32((12 << 16) | 12).string('lab: done\r\n'),
    });
    expect(log.fields).toEqual({ msg: 'lab: done\r' });
  });
});

describe('trace_printk', () => {
  it('puts the text together from the format and the packed arguments (lib/vsprintf.c)', async () => {
    const { fields } = await readOne({
      system: 'ftrace',
      name: 'bprint',
      fields: ['unsigned long ip;8;8;0', 'const char * fmt;16;8;0', 'u32 buf[];24;0;0'],
      print: '"%ps: %s", (void *)REC->ip, REC->fmt',
      write: (body) =>
        body
          .u64(TEXT + 0x1010n)
          .u64(TEXT + 0x9010n)
          .u32(-5 >>> 0)
          .u32(7)
          .u64(0xabcdn)
          .string('one')
          .string('two')
          .string('three')
          .u8(0x41)
          .align(4)
          .u64(TEXT + 0x1108n)
          .u64(TEXT + 0x1108n)
          .u32(4)
          .u32(9)
          .u64(-1n),
    });
    expect(fields).toEqual({
      ip: 'synchronize_rcu',
      buf: 'n=-5 u=    7 x=0xabcd one|two   |th c=A p=process_srcu+0x8/0xf00 process_srcu %    9 -1',
    });
  });

  it('shows constant strings and markers without their last newline', async () => {
    const puts = await readOne({
      system: 'ftrace',
      name: 'bputs',
      fields: ['unsigned long ip;8;8;0', 'const char * str;16;8;0'],
      print: '"%ps: %s", (void *)REC->ip, REC->str',
      write: (body) => body.u64(TEXT + 0x1010n).u64(TEXT + 0x9020n),
    });
    expect(puts.fields).toEqual({ ip: 'synchronize_rcu', buf: 'lab: "quoted"' });
    const marker = await readOne({
      system: 'ftrace',
      name: 'print',
      fields: ['unsigned long ip;8;8;0', 'char buf[];16;0;0'],
      print: '"%ps: %s", (void *)REC->ip, REC->buf',
      write: (body) => body.u64(TEXT + 0x2100n).string('B|432|DecodeTask\n'),
    });
    expect(marker.fields).toEqual({ ip: 'last', buf: 'B|432|DecodeTask' });
  });
});

describe('probes', () => {
  const probe = (name: string, fields: string[], write: (body: ByteWriter) => void, system = 'kprobes') =>
    readOne({ system, name, fields, print: '"(%lx) ssp=%pS", REC->__probe_ip, (void *)REC->ssp', write });

  it('name the probed function and keep the address', async () => {
    const { shape, fields } = await probe('p', ['unsigned long __probe_ip;8;8;0', 'u64 ssp;16;8;0'], (body) =>
      body.u64(TEXT + 0x1004n).u64(TEXT + 0x2000n),
    );
    expect(shape).toBe('kprobe');
    expect(fields).toEqual({
      func: 'synchronize_rcu',
      ip: String(BigInt.asIntN(64, TEXT + 0x1004n)),
      ssp: 'tracepoint_srcu+0x0/0x100',
    });
  });

  it('name the returning function of return probes', async () => {
    const { shape, fields } = await probe(
      'r',
      ['unsigned long __probe_func;8;8;0', 'unsigned long __probe_ret_ip;16;8;0', 'int ret;24;4;1'],
      (body) =>
        body
          .u64(TEXT + 0x1100n)
          .u64(TEXT + 0x1020n)
          .u32(7),
    );
    expect(shape).toBe('kretprobe');
    expect(fields).toEqual({ func: 'process_srcu', ret_ip: String(BigInt.asIntN(64, TEXT + 0x1020n)), ret: '7' });
  });

  it('have no function name for a user address', async () => {
    const { shape, fields } = await probe(
      'malloc_entry',
      ['unsigned long __probe_ip;8;8;0'],
      (body) => body.u64(0x55d0c0001000n),
      'uprobes',
    );
    expect(shape).toBe('kprobe');
    expect(fields).toEqual({ func: '', ip: String(0x55d0c0001000n) });
  });
});

describe('stacks', () => {
  it('end at −1 or with the count, and keep the trampoline by name', async () => {
    const kernelStack = (write: (body: ByteWriter) => void) =>
      readOne({
        system: 'ftrace',
        name: 'kernel_stack',
        fields: ['int size;8;4;1', 'unsigned long caller[8];16;64;0'],
        print: '"\\t=> %ps\\n", (void *)REC->caller[0]',
        write,
      });
    const ended = await kernelStack((body) =>
      body
        .u32(9)
        .u32(0)
        .u64(TEXT + 0x1010n)
        .u64(0x7fffffffn)
        .u64(2n ** 64n - 1n)
        .u64(TEXT + 0x1110n),
    );
    expect(ended.stack).toEqual(['synchronize_rcu', '[FTRACE TRAMPOLINE]']);
    const counted = await kernelStack((body) =>
      body
        .u32(1)
        .u32(0)
        .u64(TEXT + 0x1110n)
        .u64(TEXT + 0x1010n),
    );
    expect(counted.stack).toEqual(['process_srcu']);
    expect(counted.fields).toEqual({});
  });

  it('of user space are addresses', async () => {
    const { stack } = await readOne({
      system: 'ftrace',
      name: 'user_stack',
      fields: ['unsigned int tgid;8;4;0', 'unsigned long caller[8];16;64;0'],
      print: '"\\t=> %ps\\n", (void *)REC->caller[0]',
      write: (body) => body.u32(1).u32(0).u64(0x7f0000001234n).u64(0).u64(0),
    });
    expect(stack).toEqual(['0x7f0000001234']);
  });
});

describe('format files', () => {
  const declared = (declaration: string) => {
    const text = formatText('e', 1, [`${declaration};8;16;0`], '""');
    return parseEventFormat(text, 'demo', 8)?.fields[0];
  };

  it('are read whatever their declarations look like', () => {
    expect(declared('struct foo * ptr')).toMatchObject({ name: 'ptr', isPointer: true, isArray: false });
    expect(declared('const char __attribute__((btf_type_tag("user"))) * name')).toMatchObject({
      name: 'name',
      type: 'const char *',
    });
    expect(declared('void (*func)(struct callback_head *)')).toMatchObject({ name: 'func', isPointer: true });
    expect(declared('char comm[TASK_COMM_LEN]')).toMatchObject({ name: 'comm', isArray: true, elementBytes: 1 });
    expect(declared('unsigned long args[2]')).toMatchObject({ name: 'args', elementBytes: 8 });
    expect(declared('__data_loc u8[] data')).toMatchObject({ name: 'data', layout: 'data-loc', elementBytes: 1 });
  });

  it('are refused without name, id or readable fields', () => {
    expect(parseEventFormat('ID: 5\nformat:\n', 'demo', 8)).toBeUndefined();
    expect(parseEventFormat('name: x\nformat:\n', 'demo', 8)).toBeUndefined();
    expect(parseEventFormat('name: x\nID: 5\nformat:\n\tfield:;\toffset:0;\tsize:4;\n', 'demo', 8)).toBeUndefined();
    expect(
      parseEventFormat('name: x\nID: 5\nformat:\n\tfield:int a;\toffset:99999999999;\tsize:4;\n', 'demo', 8),
    ).toBeUndefined();
  });

  it('of one name in two systems give two types', async () => {
    const one = (id: number) => new PageBuilder(X86_64, id).event(0, record(X86_64, id, 1).u32(id).done()).done();
    const text = (id: number) => formatText('wait', id, ['int v;8;4;1'], '"%d", REC->v');
    const bytes = buildTraceDat({
      machine: X86_64,
      version: '7',
      formats: [
        { system: 'xfs', text: text(10) },
        { system: 'nfs', text: text(11) },
      ],
      buffers: [{ name: '', cpus: [{ cpu: 0, pages: [one(10), one(11), one(12)] }] }],
    });
    const { events, issues } = await readEvents(bytes);
    expect(events.map(({ name, system, fields }) => [system, name, fields.v])).toEqual([
      ['xfs', 'wait', '10'],
      ['nfs', 'nfs:wait', '11'],
    ]);
    expect(issues).toEqual({ 'unknown-event-id': 1 });
  });

  it('fill the columns of a type that another capture brought, in its order, and add their own', () => {
    const dictionary = new DictionaryWriter();
    const seen = [
      { name: 'other', type: 'int' },
      { name: 'v', type: 'int' },
    ] as const;
    const { typeId } = dictionary.eventType('wait', 'tracepoint', '', seen);
    const format = parseEventFormat(formatText('wait', 10, ['int v;8;4;1', 'int w;12;4;1'], '""'), 'xfs', 8);
    const diagnostics = new DiagnosticSink('test');
    const addresses = new AddressNames(dictionary, diagnostics, () => undefined, new PrintkFormats());
    const context = { dictionary, diagnostics, addresses, littleEndian: true, longBytes: 8 } as const;
    const decoder = compileEventDecoder(format as EventFormat, context);
    const bytes = record(X86_64, 10, 1).u32(3).u32(4).done();
    const writer = new BatchWriter(new EventBatch());
    writer.begin(0, 0, 1, 0, decoder.record.typeId, 0, 0);
    expect(decoder.record.writeCells(recordBytes(bytes), 0, bytes.length, writer)).toBe(true);
    writer.end();
    expect(decoder.record.typeId).toBe(typeId);
    expect(dictionary.type(typeId).fields.map(({ name }) => name)).toEqual(['other', 'v', 'w']);
    const cursor = new EventCursor(writer.batch, []);
    const cells = positionsOf(dictionary.type(typeId)).map(([, at]) => cursor.has(at) && cursor.int(at));
    expect(cells).toEqual([false, 3, 4]);
  });
});
