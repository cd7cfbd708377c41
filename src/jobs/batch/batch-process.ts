/** The process that replays items of a batch, one after another. Ends with the one that started it. */
import { rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ItemTask, replayItem } from './replay-item.ts';

let storeInWork: string | undefined;
let folder: string | undefined;

process.on('message', (task: ItemTask) => {
  storeInWork = task.db;
  folder = dirname(task.db);
  void replayItem(task).then((answer) => {
    storeInWork = undefined;
    process.send?.(answer);
  });
});
// The other end is gone, killed perhaps: nobody will take what is made here.
process.on('disconnect', () => {
  if (storeInWork !== undefined)
    for (const path of [storeInWork, `${storeInWork}-journal`]) rmSync(path, { force: true });
  try {
    // The last of the processes finds it empty.
    if (folder !== undefined) rmdirSync(folder);
  } catch {
    // Others work in it.
  }
  process.exit(0);
});
// Ctrl-C reaches the whole group: the one that started it decides.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
