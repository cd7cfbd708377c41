/**
 * Histograms in the form that HdrHistogram and its tools read: the V2 encoding (zigzag LEB128 counts, deflated, base64), one per line of
 * a histogram log, version 1.3. Sources: HdrHistogram's AbstractHistogram.encodeIntoByteBuffer, HistogramLogWriter.
 */
import { deflateSync } from 'node:zlib';
import { bucketHigh, bucketLow, type LogLinearHistogram } from './log-linear.ts';

const ENCODING_COOKIE = 0x1c849313;
const COMPRESSED_COOKIE = 0x1c849314;

/**
 * Two significant digits: 128 buckets per power of two, each of them half of one of ours and inside it, so that nothing moves from one
 * bucket of ours to another on the way.
 */
const SIGNIFICANT_DIGITS = 2;
const SUB_BUCKET_BITS = 8;
const HALF = 1 << (SUB_BUCKET_BITS - 1);

/** Position of a value in the counts of an HdrHistogram with lowest discernible value 1. */
function countsIndex(value: number): number {
  const exponent = value < 1 << SUB_BUCKET_BITS ? 0 : Math.floor(Math.log2(value)) - (SUB_BUCKET_BITS - 1);
  return (exponent + 1) * HALF + Math.floor(value / 2 ** exponent) - HALF;
}

/** Base64 of the compressed V2 encoding, as it stands in a histogram log. Values are nanoseconds. */
export function hdrBase64(histogram: LogLinearHistogram): string {
  const payload = new CountsWriter();
  let next = 0;
  histogram.forEachBucket((bucket, count) => {
    const middle = Math.floor((bucketLow(bucket) + bucketHigh(bucket)) / 2);
    const index = countsIndex(middle);
    payload.zeros(index - next);
    payload.number(count);
    next = index + 1;
  });
  const counts = payload.bytes();
  const header = new DataView(new ArrayBuffer(40));
  header.setInt32(0, ENCODING_COOKIE);
  header.setInt32(4, counts.length);
  // 8: normalizing index offset, 0
  header.setInt32(12, SIGNIFICANT_DIGITS);
  header.setBigInt64(16, 1n);
  header.setBigInt64(24, BigInt(Math.max(2, histogram.count > 0 ? histogram.max : 2)));
  header.setFloat64(32, 1);
  const compressed = deflateSync(Buffer.concat([new Uint8Array(header.buffer), counts]));
  const frame = new DataView(new ArrayBuffer(8));
  frame.setInt32(0, COMPRESSED_COOKIE);
  frame.setInt32(4, compressed.length);
  return Buffer.concat([new Uint8Array(frame.buffer), compressed]).toString('base64');
}

/** Counts as zigzag LEB128; runs of zeros as one negative number. */
class CountsWriter {
  readonly #bytes: number[] = [];

  zeros(count: number): void {
    if (count === 1) this.number(0);
    else if (count > 1) this.number(-count);
  }

  number(value: number): void {
    // Counts are far below 2^53, so doubles hold the doubled value exactly.
    let rest = value < 0 ? -value * 2 - 1 : value * 2;
    while (rest >= 0x80) {
      this.#bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes.push(rest);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

export interface HdrLogEntry {
  /** Empty: no tag. */
  readonly tag: string;
  readonly startS: number;
  readonly lengthS: number;
  readonly histogram: LogLinearHistogram;
}

/** A histogram log; HistogramLogProcessor and the plotters read it. The column of maxima is in milliseconds, as is usual there. */
export function hdrLog(entries: readonly HdrLogEntry[], comment: string): string {
  const start = Math.min(...entries.map(({ startS }) => startS));
  const lines = [
    `#${comment.replace(/[\r\n]+/g, ' ')}`,
    '#[Histogram log format version 1.3]',
    `#[StartTime: ${(Number.isFinite(start) ? start : 0).toFixed(3)} (seconds since epoch)]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
  ];
  for (const { tag, startS, lengthS, histogram } of entries) {
    // A tag ends at a comma or blank.
    const prefix = tag === '' ? '' : `Tag=${tag.replace(/[\s,]+/g, '_')},`;
    const max = histogram.count > 0 ? histogram.max / 1e6 : 0;
    lines.push(`${prefix}${startS.toFixed(3)},${lengthS.toFixed(3)},${max.toFixed(3)},${hdrBase64(histogram)}`);
  }
  return `${lines.join('\n')}\n`;
}
