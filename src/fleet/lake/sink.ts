/** Pushes to a lake: a batch per day, each named after its runs. */
import { createHash } from 'node:crypto';
import type { FleetRun } from '../../../schema/index.ts';
import type { FleetSink, PushResult } from '../sink.ts';
import { batchWriter, runsOf } from './files.ts';
import { addBatch, batches, createLake, tidy } from './folder.ts';
import { withLock } from './lock.ts';

/** @throws FleetError */
export function openLakeSink(root: string): FleetSink {
  createLake(root);
  return { push: (runs) => withLock(root, () => push(root, runs)), close: async () => undefined };
}

async function push(root: string, runs: readonly FleetRun[]): Promise<PushResult> {
  tidy(root);
  const known = new Set<string>();
  for (const { folder } of batches(root)) for (const run of await runsOf(folder)) known.add(run);
  const days = new Map<string, FleetRun[]>();
  for (const run of runs) {
    if (known.has(run.run)) continue;
    known.add(run.run);
    days.set(run.day, [...(days.get(run.day) ?? []), run]);
  }
  const write = await batchWriter();
  let pushed = 0;
  for (const [day, fresh] of days) {
    addBatch(root, day, batchName(fresh), (folder) => write(folder, fresh));
    pushed += fresh.length;
  }
  return { pushed, known: runs.length - pushed };
}

export function batchName(runs: readonly FleetRun[]): string {
  const hash = createHash('sha256');
  for (const { run } of runs) hash.update(run);
  return hash.digest('hex').slice(0, 16);
}
