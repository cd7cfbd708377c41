/** Reads the bytes of waiting records again. Each per-CPU buffer is in time order, so the next records lie in a few stretches. */
import { CaptureError } from '../../../schema/index.ts';
import type { RandomAccess } from '../../source.ts';
import { BLOCK_BYTES, type BlockPool } from './blocks.ts';
import type { AbsentRecord, RecordQueue } from './queue.ts';

/** Due records looked at in one go. */
const RECORDS_AHEAD = 8192;
/** Bytes between two records that are read along rather than skipped. */
const GAP_BYTES = 4096;

/**
 * Supplies the queue's next due records.
 * @throws CaptureError when the file does not have them any more
 */
export async function recallRecords(queue: RecordQueue, pool: BlockPool, access: RandomAccess): Promise<void> {
  const absent = queue.absentAhead(RECORDS_AHEAD).sort((a, b) => a.position - b.position);
  for (let first = 0; first < absent.length; ) {
    const start = absent[first].position;
    let end = start;
    let next = first;
    while (next < absent.length && continues(absent[next], start, end)) {
      end = absent[next].position + absent[next].sizeBytes;
      next++;
    }
    const bytes = await access.read(start, end - start);
    if (bytes.length < end - start) throw new CaptureError(`byte ${start + bytes.length}: the file has become shorter`);
    const block = pool.take(start);
    block.bytes.set(bytes);
    block.end = bytes.length;
    for (let i = first; i < next; i++) queue.supply(absent[i], block, absent[i].position - start);
    pool.release(block);
    first = next;
  }
}

function continues(record: AbsentRecord, start: number, end: number): boolean {
  return record.position - end <= GAP_BYTES && record.position + record.sizeBytes - start <= BLOCK_BYTES;
}
