/** The process that replays items of a batch, one after another. Ends with the one that started it. */
import { rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ItemTask, replayItem } from './replay-item.ts';

/** Made last; the one that started this process takes it, and removes it. */
let store: string | undefined;

process.on('message', (task: ItemTask) => {
  store = task.db;
  void replayItem(task).then((answer) => process.send?.(answer));
});
// The other end is gone, killed perhaps: nobody will take what is made here.
process.on('disconnect', () => {
  if (store !== undefined) {
    for (const path of [store, `${store}-journal`]) rmSync(path, { force: true });
    try {
      // The last of the processes finds it empty.
      rmdirSync(dirname(store));
    } catch {
      // Others work in it.
    }
  }
  process.exit(0);
});
// Ctrl-C reaches the whole group: the one that started it decides.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
