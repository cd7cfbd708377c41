/** Frames of binary recordings keep all that is known: address, function, offset, size, module; in the store, back out of it, and in explain. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { StoreReader } from '../../src/store/run-reader.ts';
import { quiesce } from '../support/command-line.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();
const sample = fileURLToPath(new URL('../../samples/nmi-storm.trace.dat', import.meta.url));

it('of a trace.dat, read back as they went in', async () => {
  const db = join(folder.path, 'runs.db');
  const { findings } = await replayCaptures([sample], { db });
  const connection = new QueryConnection(db);
  const rows = [
    ...connection.query(
      `SELECT symbol, offset, size, module, address FROM stack WHERE symbol IN ('p9_client_rpc', 'notify_change') GROUP BY symbol ORDER BY symbol`,
    ).rows,
  ].map((row) => [...row]);
  connection.close();
  expect(rows).toEqual([
    ['notify_change', 474n, 1248n, null, '0xffffffff8126dd1a'],
    ['p9_client_rpc', 335n, 1088n, null, '0xffffffff815c785f'],
  ]);
  const reader = new StoreReader(db);
  const [batch] = reader.batches(1);
  expect(batch.delta.frames.length % 5).toBe(0);
  reader.close();
  const { id } = findings.find(({ kind }) => kind === 'hung-task' || kind === 'blocked-sync') ?? { id: '' };
  const { out } = await quiesce('explain', db, id);
  expect(out).toMatch(/__schedule\+0x9e3\/0xbd0/);
});
