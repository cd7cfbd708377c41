/** The thread that stores: stores what it gets, in order; after a failure nothing more. */
import { parentPort, workerData } from 'node:worker_threads';
import { storeError } from '../../store/store-error.ts';
import { revived } from '../source/batch-messages.ts';
import type { RunSink } from './run-sink.ts';
import type { FromStore, StoreTask, ToStore } from './store-messages.ts';
import { LocalStoreTarget } from './store-target.ts';

const port = parentPort;
if (port === null) throw new Error('store-worker.ts runs as a worker thread');
const task = workerData as StoreTask;
const wait = {
  ...(task.waitMs !== undefined && { waitMs: task.waitMs }),
  onWait: () => post({ kind: 'waiting' }),
};
const target = new LocalStoreTarget(task.path, task.largeInput, wait, task.kept, task.rows);
let sink: RunSink | undefined;
let failed = false;

function post(message: FromStore): void {
  port?.postMessage(message);
}

async function obey(message: ToStore): Promise<void> {
  switch (message.kind) {
    case 'begin':
      sink = await target.begin();
      post({ kind: 'begun', runId: sink.runId ?? 0 });
      return;
    case 'batch':
      sink?.append?.({ batch: revived(message.batch), ...(message.page && { page: message.page }) });
      post({ kind: 'stored' });
      return;
    case 'facts':
      sink?.appendFacts(message.batch);
      return;
    case 'snapshot':
      sink?.appendSnapshot(message.event, message.tsNs, message.body);
      return;
    case 'finish':
      sink?.finish(message.results, undefined);
      return;
    case 'describe':
      target.describe(message.index, message.summary);
      return;
    case 'commit':
      await target.commit();
      post({ kind: 'ended' });
      return;
    case 'abort':
      await target.abort();
      post({ kind: 'ended' });
  }
}

// One after the other, although some answers wait.
let queue = Promise.resolve();
port.on('message', (message: ToStore) => {
  queue = queue.then(async () => {
    if (failed && message.kind !== 'abort') return;
    try {
      await obey(message);
    } catch (error) {
      failed = true;
      const { name, message: text, stack } = storeError(task.path, error) as Error;
      post({ kind: 'error', name, message: text, stack });
    }
  });
});
