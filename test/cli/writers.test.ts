/** Several processes on one store: nothing is lost, nothing half, and the report comes in any case. Runs dist/, which `npm test` builds first. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it } from 'vitest';
import { replay } from '../../src/jobs/replay.ts';
import { openForWriting, whenUnlocked } from '../../src/store/store-file.ts';
import { MAIN, requireBuild } from '../support/built-command.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const SAMPLE = new URL('../../samples/nmi-storm.dmesg.txt', import.meta.url).pathname;
const folder = folderForEachTest();

beforeAll(requireBuild);

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

interface Started {
  readonly pid: number;
  /** Resolves when it says that it waits for the store, or ends. */
  readonly waits: Promise<void>;
  readonly ended: Promise<Ended>;
}

function quiesce(args: readonly string[], prefix = ''): Started {
  const child = spawn('bash', ['-c', `${prefix} exec "$@"`, 'bash', process.execPath, MAIN, ...args], {
    cwd: folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
  });
  return {
    pid: child.pid ?? 0,
    waits: new Promise((resolve) => {
      child.stderr.on('data', () => {
        if (err.includes('waits until')) resolve();
      });
      child.on('close', () => resolve());
    }),
    ended: new Promise((resolve) => child.on('close', (status) => resolve({ status, out, err }))),
  };
}

const path = (name: string): string => join(folder.path, name);
const runs = (db: string): unknown[] => {
  const open = new Database(path(db), { readonly: true });
  try {
    expect(open.pragma('integrity_check', { simple: true })).toBe('ok');
    return open.prepare('SELECT run_id FROM run ORDER BY run_id').pluck().all();
  } finally {
    open.close();
  }
};

describe('a store that several processes write', () => {
  it('gets the run of each of four that begin at once on a new file', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => quiesce(['replay', SAMPLE, '--db', 'r.db']).ended));
    for (const { status, out, err } of all) {
      expect([status, err.replace(/^quiesce: r\.db: waits until .*\n/, '')]).toEqual([0, '']);
      expect(out).toContain('stored in r.db as run');
    }
    expect(runs('r.db')).toEqual([1, 2, 3, 4]);
    expect(readdirSync(folder.path)).toEqual(['r.db']);
  });

  it('that is locked is waited for as long as is wanted; the report comes in any case', async () => {
    const lock = openForWriting(path('r.db'), false);
    const refused = await quiesce(['replay', SAMPLE, '--db', 'r.db', '--wait', '0']).ended;
    expect(refused.status).toBe(4);
    expect(refused.err).toBe(
      'quiesce: r.db: is locked by another process; try again when it has finished; the run is not stored, the report follows\n',
    );
    expect(refused.out).toContain('NMI');
    const waiting = quiesce(['replay', SAMPLE, '--db', 'r.db']);
    await waiting.waits;
    lock.commit();
    const { status, err } = await waiting.ended;
    expect([status, err]).toEqual([
      0,
      'quiesce: r.db: waits until another process has finished writing (--wait 0: not at all)\n',
    ]);
    expect(runs('r.db')).toEqual([1]);
  });

  it('is told by the library, which may go on without it', async () => {
    const lock = openForWriting(path('r.db'), false);
    await expect(replay(SAMPLE, { db: path('r.db'), waitMs: 0 })).rejects.toThrow('is locked by another process');
    const problems: string[] = [];
    const result = await replay(SAMPLE, {
      db: path('r.db'),
      waitMs: 0,
      onStoreError: (error) => problems.push(error.message),
    });
    expect(problems).toEqual([`${path('r.db')}: is locked by another process; try again when it has finished`]);
    expect(result.db).toBeNull();
    expect(result.run).not.toHaveProperty('run_id');
    expect(result.findings.length).toBeGreaterThan(0);
    lock.abort();
  });

  it('that another process filled while this one waited is not removed when this one fails', async () => {
    // As in the input delete-committed-store.py: this process has created the file, empty, and fails.
    const first = openForWriting(path('r.db'), false);
    const other = quiesce(['replay', SAMPLE, '--db', 'r.db']);
    await other.waits;
    first.abort();
    expect((await other.ended).status).toBe(0);
    expect(runs('r.db')).toEqual([1]);
  });

  it('that cannot grow is as it was, and the report comes', async () => {
    await replay(SAMPLE, { db: path('r.db') });
    const before = statSync(path('r.db')).size;
    const { status, out, err } = await quiesce(['replay', SAMPLE, '--db', 'r.db'], 'ulimit -f 600;').ended;
    expect(status).toBe(4);
    expect(err.split('\n').length).toBe(2);
    expect(out).toContain('NMI');
    expect(runs('r.db')).toEqual([1]);
    expect(statSync(path('r.db')).size).toBe(before);
    const fresh = await quiesce(['replay', SAMPLE, '--db', 'new.db'], 'ulimit -f 100;').ended;
    expect(fresh.status).toBe(4);
    expect(readdirSync(folder.path)).toEqual(['r.db']);
  });

  it('in a folder that is none, or is a folder itself, is one line', async () => {
    mkdirSync(path('folder'));
    writeFileSync(path('file'), 'text');
    for (const db of ['none/r.db', 'folder', 'file/r.db', 'file']) {
      const { status, err, out } = await quiesce(['replay', SAMPLE, '--db', db]).ended;
      expect([db, status, err.split('\n').length], err).toEqual([db, 4, 2]);
      expect(out).toContain('NMI');
    }
  });
});

describe('a signal', () => {
  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s ends with its status, also while it waits for the store, and leaves nothing',
    async (signal, expected) => {
      const lock = openForWriting(path('r.db'), false);
      const waiting = quiesce(['replay', SAMPLE, '--db', 'r.db']);
      await waiting.waits;
      process.kill(waiting.pid, signal);
      const { status, err } = await waiting.ended;
      expect([status, err.split('\n').slice(1).join('\n')]).toEqual([
        expected,
        'quiesce: interrupted; nothing was stored\n',
      ]);
      lock.abort();
      expect(readdirSync(folder.path)).toEqual([]);
    },
  );
});

describe('the wait for a store', () => {
  it('ends when it is told to', async () => {
    const lock = openForWriting(path('r.db'), false);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    await expect(
      whenUnlocked(path('r.db'), { signal: controller.signal }, () => openForWriting(path('r.db'), false)),
    ).rejects.toMatchObject({ name: 'AbortError' });
    lock.abort();
  });
});
