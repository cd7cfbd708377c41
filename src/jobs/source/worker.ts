/** The worker thread: reads captures or a store and posts batches, never more than {@link WINDOW} ahead of the reader. */
import { parentPort, workerData } from 'node:worker_threads';
import type { EventBatch, KernelProfile } from '../../../schema/index.ts';
import { type ReadProgress, RunStream } from '../../ingest/run-stream.ts';
import { PageEncoder } from '../../store/pages/page-codec.ts';
import { StoreReader } from '../../store/run-reader.ts';
import { batchMemory, type FromWorker, USED_UP, WINDOW, type WorkerTask } from './batch-messages.ts';
import type { BatchSource } from './batch-source.ts';
import { InlineSource } from './inline-source.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread');

let room = WINDOW;
let onRoom: (() => void) | undefined;

port.on('message', (message: unknown) => {
  if (message !== USED_UP) return;
  room += USED_UP;
  onRoom?.();
});

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}

async function postBatch(
  batch: EventBatch,
  page: Uint8Array | undefined,
  progress: ReadProgress,
  header: KernelProfile | undefined,
): Promise<void> {
  while (room === 0)
    await new Promise<void>((resolve) => {
      onRoom = resolve;
    });
  room--;
  const memory = batchMemory(batch);
  if (page) memory.push(page.buffer as ArrayBuffer);
  post({ kind: 'batch', batch, page, progress, header }, memory);
}

async function readCaptures(task: Extract<WorkerTask, { kind: 'captures' }>): Promise<void> {
  const { inputs, kallsymsPath, selection } = task;
  const stream = await RunStream.open(inputs, kallsymsPath ? { kallsymsPath } : {}, selection);
  const source: BatchSource = new InlineSource(stream);
  const encoder = new PageEncoder();
  let first = true;
  try {
    for await (const { batch } of source.batches()) {
      const page = task.pages ? encoder.encode(batch) : undefined;
      await postBatch(batch, page, source.progress(), first ? source.headerProfile() : undefined);
      first = false;
    }
    post({ kind: 'end', header: source.headerProfile(), summary: source.summary() });
  } finally {
    await source.close();
  }
}

async function readStore(task: Extract<WorkerTask, { kind: 'store' }>): Promise<void> {
  const reader = new StoreReader(task.path);
  try {
    const total = reader.settings(task.runId).records;
    let done = 0;
    for (const batch of reader.batches(task.runId)) {
      done += batch.length;
      await postBatch(batch, undefined, { readBytes: done, totalBytes: total }, undefined);
    }
    post({ kind: 'end', header: {}, summary: undefined });
  } finally {
    reader.close();
  }
}

const task = workerData as WorkerTask;
try {
  await (task.kind === 'captures' ? readCaptures(task) : readStore(task));
} catch (error) {
  const { name, message, stack } = error as Error;
  post({ kind: 'error', name, message, stack });
}
port.close();
