import { describe, expect, it } from 'vitest';
import { perfData } from '../../../parsers/perf-data/perf-data.ts';
import { readCapture, readOrRefuse } from '../../support/parser-contract.ts';
import {
  Bytes,
  CONTEXT_KERNEL,
  CONTEXT_USER,
  formatFile,
  perfFile,
  perfPipe,
  record,
  textFeature,
  tracingData,
  type WrittenFile,
} from '../../support/perf-data-writer.ts';

/** Every part of a sample that can have a size: READ group, call chain, raw, branches, registers, stack dump, weight, AUX. */
const EVERYTHING = (1 << 25) - 1 - (1 << 14);
const TRACEPOINT = 1 | 2 | 4 | 32 | 128 | 256 | 1024 | 65536;
const FORMAT = formatFile(
  'lock_acquire',
  30,
  [
    'field:unsigned int flags;\toffset:8;\tsize:4;\tsigned:0;',
    'field:__data_loc char[] name;\toffset:12;\tsize:4;\tsigned:0;',
    'field:void * lockdep_addr;\toffset:16;\tsize:8;\tsigned:0;',
  ],
  '"%p %s%s%s", REC->lockdep_addr, (REC->flags & 1) ? "try " : "", (REC->flags & 2) ? "read " : "", __get_str(name)',
);

function lockSample(littleEndian: boolean, time: number): Buffer {
  const raw = new Bytes(littleEndian)
    .u16(30)
    .u8(1)
    .u8(1)
    .u32(5)
    .u32(1)
    .u32((12 << 16) | 24)
    .u64(0xffffffffa0000100n);
  raw.text('lab_mutex_a', 12);
  const body = new Bytes(littleEndian).u64(1).u64(0xffffffff81000000n).u32(5).u32(5).u64(time).u32(0).u32(0).u64(1);
  body.u64(3).u64(CONTEXT_KERNEL).u64(0xffffffff81000010n).u64(CONTEXT_USER);
  return record(9, 1, body.u32(raw.length).raw(raw.done()));
}

function fullSample(littleEndian: boolean, time: number): Buffer {
  const body = new Bytes(littleEndian)
    .u64(2)
    .u64(0x1000)
    .u32(5)
    .u32(5)
    .u64(time)
    .u64(0x2000)
    .u64(2)
    .u64(2)
    .u32(1)
    .u32(0)
    .u64(100);
  body.u64(1).u64(9).u64(2); // READ: a group of one counter with its id
  body.u64(2).u64(CONTEXT_USER).u64(0x1000);
  body.u32(4).u32(0xabcd);
  body.u64(1).u64(0x10).u64(0x20).u64(0);
  body.u64(1).u64(0x11).u64(0x12); // REGS_USER: ABI, two registers
  body.u64(8).u64(0x77).u64(8); // STACK_USER
  body.u64(0x21).u64(0x5).u64(0); // WEIGHT_STRUCT, DATA_SRC, TRANSACTION
  body.u64(0); // REGS_INTR without registers
  body.u64(0x3000).u64(1).u64(4096).u64(8192); // PHYS_ADDR, CGROUP, DATA_PAGE_SIZE, CODE_PAGE_SIZE
  return record(9, 2, body.u64(8).u64(0)); // AUX
}

function capture(littleEndian: boolean): WrittenFile {
  const comm = new Bytes(littleEndian).u32(5).u32(5).text('lab', 8).u32(5).u32(5).u64(5).u32(0).u32(0).u64(1);
  const lost = new Bytes(littleEndian).u64(1).u64(3).u32(5).u32(5).u64(35).u32(0).u32(0).u64(1);
  return {
    littleEndian,
    attributes: [
      { type: 2, config: 30, sampleType: TRACEPOINT, ids: [1] },
      { type: 1, config: 0, sampleType: EVERYTHING, readFormat: 12, userRegisters: 3, ids: [2] },
    ],
    records: [
      record(3, 0, comm),
      lockSample(littleEndian, 10),
      fullSample(littleEndian, 20),
      record(68, 0, new Bytes(littleEndian)),
      lockSample(littleEndian, 30),
      record(2, 0, lost),
      lockSample(littleEndian, 40),
    ],
    features: new Map([
      [1, tracingData(littleEndian, [{ system: 'lock', text: FORMAT }])],
      [3, textFeature(littleEndian, 'lab')],
      [4, textFeature(littleEndian, '6.12.0-test')],
    ]),
  };
}

/** File header, ids and both attributes; a pipe has its records there. */
const HEADER_BYTES = 408;

const locks = (events: readonly { readonly name: string }[]) => events.filter((event) => event.name === 'lock_acquire');

describe('damaged perf.data', () => {
  it.each([true, false])('is whole to begin with, little endian %s', async (littleEndian) => {
    for (const bytes of [perfFile(capture(littleEndian)), perfPipe(capture(littleEndian))]) {
      const { events, issues } = await readCapture(perfData, bytes);
      expect(events.map((event) => [event.name, event.tsNs])).toEqual([
        ['lock_acquire', 10],
        ['cpu-clock', 20],
        ['lock_acquire', 30],
        ['quiesce_lost', 35],
        ['lock_acquire', 40],
      ]);
      expect(events[0].fields).toMatchObject({ name: 'lab_mutex_a', flags: '1' });
      expect(events[1].fields).toMatchObject({
        period: '9',
        ip: '4096',
        addr: '8192',
        count: '9',
        brstack: '0x10/0x20',
        weights: '33',
        data_src: '5',
        phys_addr: '12288',
        cgroup: '1',
        data_page_size: '4096',
        code_page_size: '8192',
      });
      expect(issues.map((issue) => issue.kind).sort()).toEqual(['aux-undecoded', 'events-lost', 'symbols-missing']);
    }
  });

  it.each([
    ['file', perfFile(capture(true))],
    ['pipe', perfPipe(capture(true))],
    ['big-endian file', perfFile(capture(false))],
  ])('is read or refused wherever it ends: %s', async (_, bytes) => {
    for (let length = 0; length < bytes.length; length += length < 512 ? 1 : 13) {
      const part = await readOrRefuse(perfData, bytes.subarray(0, length));
      if (part) expect(locks(part.events).length).toBeLessThanOrEqual(3);
    }
  });

  it.each([
    ['file', perfFile(capture(true))],
    ['pipe', perfPipe(capture(true))],
    ['big-endian file', perfFile(capture(false))],
  ])('is read or refused whatever byte is wrong: %s', async (_, bytes) => {
    // Header and attributes byte by byte, the rest in samples.
    const damaged = Buffer.from(bytes);
    const flips = [0xff, 0x01, 0x80];
    for (let at = 0; at < bytes.length; at += at < HEADER_BYTES ? 1 : 11) {
      damaged[at] = bytes[at] ^ flips[at % 3];
      await readOrRefuse(perfData, damaged);
      damaged[at] = bytes[at];
    }
  });

  it('goes on after a record without size, and counts what it left out', async () => {
    const { records, ...rest } = capture(true);
    const hole = Buffer.alloc(48);
    const { events, issues } = await readCapture(
      perfData,
      perfFile({ ...rest, records: [...records.slice(0, 2), hole, ...records.slice(2)] }),
    );
    expect(locks(events)).toHaveLength(3);
    expect(issues).toContainEqual(
      expect.objectContaining({
        kind: 'record-malformed',
        first: expect.objectContaining({ text: '48 bytes that are no record' }),
      }),
    );
  });

  it('takes all that follows as data when the recorder was killed (data size 0)', async () => {
    const { features: _, ...rest } = capture(true);
    const { events, issues } = await readCapture(perfData, perfFile({ ...rest, dataBytes: 0 }));
    expect(events.filter((event) => event.name === 'tracepoint-30')).toHaveLength(3);
    expect(issues.map((issue) => issue.kind)).toEqual(expect.arrayContaining(['truncated', 'format-unparsable']));
  });

  it('does not mind stray bytes behind the last record of a pipe', async () => {
    const bytes = Buffer.concat([perfPipe(capture(true)), Buffer.from([0])]);
    const { events, issues } = await readCapture(perfData, bytes);
    expect(locks(events)).toHaveLength(3);
    expect(issues).toContainEqual(expect.objectContaining({ kind: 'record-malformed', count: 1 }));
  });

  it('says which byte it does not understand', async () => {
    const bytes = perfFile(capture(true));
    bytes.writeBigUInt64LE(10n, 16);
    await expect(readCapture(perfData, bytes)).rejects.toThrow(/^sample: byte 16: .*event attributes of -6 bytes/);
    await expect(readCapture(perfData, bytes.subarray(0, 60))).rejects.toThrow(/^sample: byte 60: .*104 bytes/);
  });
});
