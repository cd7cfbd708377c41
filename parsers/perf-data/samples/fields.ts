/**
 * Fields of samples that are no tracepoints (cycles, cpu-clock, page-faults): one column per part that the event records.
 * Registers and stack dumps are measured but not kept.
 */
import type { BatchWriter, EventField, FieldType } from '../../../schema/index.ts';
import type { EventAttribute } from '../header/event-attribute.ts';
import {
  READ_GROUP,
  READ_ID,
  READ_LOST,
  READ_TOTAL_TIME_ENABLED,
  READ_TOTAL_TIME_RUNNING,
  SAMPLE_ADDR,
  SAMPLE_BRANCH_STACK,
  SAMPLE_CGROUP,
  SAMPLE_CODE_PAGE_SIZE,
  SAMPLE_DATA_PAGE_SIZE,
  SAMPLE_DATA_SRC,
  SAMPLE_IP,
  SAMPLE_PHYS_ADDR,
  SAMPLE_RAW,
  SAMPLE_READ,
  SAMPLE_TRANSACTION,
  SAMPLE_WEIGHT,
  SAMPLE_WEIGHT_STRUCT,
} from '../header/perf-event-abi.ts';
import type { SampleLayout, SampleParts } from './layout.ts';

/** Raw bytes shown of an event without a format. */
const MAX_RAW_BYTES = 256;

/** One sample under the pen. */
export interface SampleView {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  /** Start of the record. */
  readonly at: number;
  readonly layout: SampleLayout;
  readonly parts: SampleParts;
  readonly attribute: EventAttribute;
  /** Period of the sample, {@link PERIOD_OF_RECORD} when the record tells it. */
  readonly period: number;
}

export const PERIOD_OF_RECORD = -1;

export interface SampleField {
  readonly field: EventField;
  /** The part of the record that it reads, 0 for those that every sample has. */
  readonly bits: number;
  /** Writes exactly one cell. */
  write(sample: SampleView, writer: BatchWriter): void;
}

function writeWord(sample: SampleView, at: number, writer: BatchWriter): void {
  const { view, littleEndian } = sample;
  if (at < 0) writer.null();
  else if (littleEndian) writer.int64(view.getInt32(at + 4, true), view.getUint32(at, true));
  else writer.int64(view.getInt32(at, false), view.getUint32(at + 4, false));
}

function hexWord(sample: SampleView, at: number): string {
  return `0x${sample.view.getBigUint64(at, sample.littleEndian).toString(16)}`;
}

/** `from/to` per branch, newest first, as `perf script -F brstack` begins each entry. */
function branchText(sample: SampleView): string {
  const { branchStart, branchCount } = sample.parts;
  const branches: string[] = [];
  for (let i = 0; i < branchCount; i++) {
    const at = branchStart + i * 24;
    branches.push(`${hexWord(sample, at)}/${hexWord(sample, at + 8)}`);
  }
  return branches.join(' ');
}

function column(bits: number, name: string, type: FieldType, write: SampleField['write']): SampleField {
  return { field: { name, type }, bits, write };
}

const PERIOD = column(0, 'period', 'int', (sample, writer) => {
  const { layout, attribute, period } = sample;
  if (period !== PERIOD_OF_RECORD) writer.int(period);
  else if (layout.period >= 0) writeWord(sample, sample.at + layout.period, writer);
  else writer.int(Math.min(attribute.samplePeriod, Number.MAX_SAFE_INTEGER));
});

/** Columns by the parts that a sample can have. */
const PARTS: readonly SampleField[] = [
  column(SAMPLE_IP, 'ip', 'ptr', (sample, writer) => writeWord(sample, sample.at + sample.layout.ip, writer)),
  column(SAMPLE_ADDR, 'addr', 'ptr', (sample, writer) => writeWord(sample, sample.at + sample.layout.addr, writer)),
  column(SAMPLE_READ, 'count', 'int', (sample, writer) => writeWord(sample, sample.parts.valueAt, writer)),
  column(SAMPLE_RAW, 'raw', 'str', ({ bytes, parts }, writer) => {
    const shown = bytes.subarray(parts.rawStart, parts.rawStart + Math.min(parts.rawBytes, MAX_RAW_BYTES));
    writer.text(Buffer.from(shown).toString('hex'));
  }),
  column(SAMPLE_BRANCH_STACK, 'brstack', 'str', (sample, writer) => writer.text(branchText(sample))),
  column(SAMPLE_WEIGHT, 'weight', 'int', (sample, writer) => writeWord(sample, sample.parts.weight, writer)),
  column(SAMPLE_WEIGHT_STRUCT, 'weights', 'hex', (sample, writer) => writeWord(sample, sample.parts.weight, writer)),
  column(SAMPLE_DATA_SRC, 'data_src', 'hex', (sample, writer) => writeWord(sample, sample.parts.dataSource, writer)),
  column(SAMPLE_TRANSACTION, 'transaction', 'hex', (sample, writer) =>
    writeWord(sample, sample.parts.transaction, writer),
  ),
  column(SAMPLE_PHYS_ADDR, 'phys_addr', 'ptr', (sample, writer) =>
    writeWord(sample, sample.parts.physicalAddress, writer),
  ),
  column(SAMPLE_CGROUP, 'cgroup', 'int', (sample, writer) => writeWord(sample, sample.parts.cgroup, writer)),
  column(SAMPLE_DATA_PAGE_SIZE, 'data_page_size', 'int', (sample, writer) =>
    writeWord(sample, sample.parts.dataPageBytes, writer),
  ),
  column(SAMPLE_CODE_PAGE_SIZE, 'code_page_size', 'int', (sample, writer) =>
    writeWord(sample, sample.parts.codePageBytes, writer),
  ),
];

/** Columns of an event's samples. */
export function sampleFields(attribute: EventAttribute): SampleField[] {
  return [PERIOD, ...PARTS.filter(({ bits }) => attribute.sampleType & bits)];
}

/**
 * Where READ keeps the id of each counter value; undefined when there is none. Values come as value, [id], [lost], and a single
 * one with its times between value and id.
 */
export function countersOf(attribute: EventAttribute): { idOffset: number; valueBytes: number } | undefined {
  const { sampleType, readFormat } = attribute;
  if (!(sampleType & SAMPLE_READ) || !(readFormat & READ_ID)) return undefined;
  if (readFormat & READ_GROUP) return { idOffset: 8, valueBytes: readFormat & READ_LOST ? 24 : 16 };
  const times = (readFormat & READ_TOTAL_TIME_ENABLED ? 8 : 0) + (readFormat & READ_TOTAL_TIME_RUNNING ? 8 : 0);
  return { idOffset: 8 + times, valueBytes: 0 };
}
