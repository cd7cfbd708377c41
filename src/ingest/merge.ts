/**
 * Merges the captures of a run by time. Captures come one batch at a time and only when their next record is needed, so the
 * result (and with it the order in which parsers meet new names) is the same in every run.
 */
import type { EventBatch } from '../../schema/index.ts';
import { BatchAssembler } from './batch-assembler.ts';

interface Lane {
  readonly batches: AsyncIterator<EventBatch>;
  batch: EventBatch | undefined;
  row: number;
}

/**
 * Records of all lanes ordered by boot, time, position of the lane; each lane in the order in which it comes.
 * Batches of the lanes are copied; empty ones are dropped.
 */
export async function* mergeByTime(lanes: readonly AsyncIterable<EventBatch>[]): AsyncGenerator<EventBatch> {
  const live: Lane[] = [];
  for (const lane of lanes) live.push({ batches: lane[Symbol.asyncIterator](), batch: undefined, row: 0 });
  for (const lane of live) await advance(lane);
  const assembler = new BatchAssembler();
  let boot = 0;
  for (;;) {
    const next = first(live);
    if (next === undefined) break;
    const { lane, batch } = next;
    if (batch.boot !== boot) {
      const done = assembler.take();
      if (done) yield done;
      boot = batch.boot;
    }
    const end = runEnd(live, lane, batch);
    while (lane.row < end) {
      const to = Math.min(end, lane.row + assembler.room);
      assembler.append(batch, lane.row, to);
      lane.row = to;
      if (assembler.room === 0) yield assembler.take() as EventBatch;
    }
    if (lane.row === batch.length) await advance(lane);
  }
  const rest = assembler.take();
  if (rest) yield rest;
}

async function advance(lane: Lane): Promise<void> {
  lane.row = 0;
  do {
    const next = await lane.batches.next();
    lane.batch = next.done ? undefined : next.value;
  } while (lane.batch?.length === 0);
}

/** The lane with the earliest record; the foremost of equals. */
function first(lanes: readonly Lane[]): { lane: Lane; batch: EventBatch } | undefined {
  let best: { lane: Lane; batch: EventBatch } | undefined;
  for (const lane of lanes) {
    const { batch } = lane;
    if (batch === undefined) continue;
    if (best === undefined || isBefore(batch, lane.row, best.batch, best.lane.row)) best = { lane, batch };
  }
  return best;
}

function isBefore(a: EventBatch, i: number, b: EventBatch, k: number): boolean {
  return a.boot !== b.boot ? a.boot < b.boot : a.tsNs[i] < b.tsNs[k];
}

/** End of the rows of `lane` that come before every other lane's next record. */
function runEnd(lanes: readonly Lane[], lane: Lane, batch: EventBatch): number {
  let limitNs = Number.POSITIVE_INFINITY;
  let inclusive = true;
  let ahead = true;
  for (const other of lanes) {
    if (other === lane) {
      ahead = false;
      continue;
    }
    if (other.batch === undefined || other.batch.boot !== batch.boot) continue;
    const ns = other.batch.tsNs[other.row];
    // A lane further down gives way at equal times.
    if (ns < limitNs || (ns === limitNs && ahead)) {
      limitNs = ns;
      inclusive = !ahead;
    }
  }
  let end = lane.row + 1;
  const { tsNs, length } = batch;
  while (end < length && (tsNs[end] < limitNs || (inclusive && tsNs[end] === limitNs))) end++;
  return end;
}
