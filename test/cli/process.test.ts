/** The command as a process of its own: pipes, worker thread, signals. Runs dist/, which `npm test` builds first. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it } from 'vitest';
import { MAIN, requireBuild } from '../support/built-command.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();

beforeAll(requireBuild);

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a shell command in the temporary folder, with `quiesce` defined. */
function shell(command: string, onStart?: (pid: number) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', `quiesce() { "${process.execPath}" "${MAIN}" "$@"; }\n${command}`], {
      cwd: folder.path,
      env: { ...process.env, NO_COLOR: '1' },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      err += data.toString();
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, out, err }));
    if (child.pid !== undefined) onStart?.(child.pid);
  });
}

function wakeups(count: number): string {
  const lines = ['# tracer: nop'];
  for (let i = 0; i < count; i++)
    lines.push(
      `          cat-7       [001] d..2.    ${12 + Math.floor(i / 1e6)}.${String(i % 1e6).padStart(6, '0')}: sched_waking: comm=sh pid=${8 + (i % 90)} prio=120 target_cpu=000`,
    );
  return `${lines.join('\n')}\n`;
}

describe('the command', () => {
  it('reads standard input, plain and compressed, in its worker thread', async () => {
    writeFileSync(join(folder.path, 't.txt'), wakeups(20_000));
    const count = "quiesce query r.db 'SELECT run_id, events FROM run' --format csv";
    const { status, out, err } = await shell(
      `cat t.txt | quiesce replay - --quiet >/dev/null --db r.db && gzip -c t.txt | quiesce replay - --db r.db >/dev/null && quiesce replay - --db r.db < t.txt >/dev/null && ${count}`,
    );
    expect(err).toBe('');
    expect(out).toBe('run_id,events\n1,20000\n2,20000\n3,20000\n');
    expect(status).toBe(0);
  });

  it('reads the same from a file, a named FIFO, a process substitution, /dev/stdin and a pipe', async () => {
    const t = wakeups(20_000).replace('cat-7 ', 'CPU:1 [LOST 11238 EVENTS]\n          cat-7 ');
    writeFileSync(join(folder.path, 't.txt'), t);
    const { out, err } = await shell(
      `mkfifo f; cat t.txt > f &
       for form in t.txt f /dev/stdin; do quiesce ingest "$form" --db r.db --name x < t.txt > /dev/null; done
       quiesce ingest <(cat t.txt) --db r.db --name x > /dev/null
       cat t.txt | quiesce ingest - --db r.db --name x > /dev/null
       quiesce query r.db "SELECT events, lost, first_ns, last_ns, count(*) AS runs FROM run GROUP BY 1, 2, 3, 4" --format csv`,
    );
    expect(err).toBe('');
    expect(out).toBe('events,lost,first_ns,last_ns,runs\n20000,11238,12000000000,12019999000,5\n');
  });

  it.each(['now', 'later'])('stores the same bytes in one thread, two or three: rows %s', async (rows) => {
    writeFileSync(join(folder.path, 't.txt'), wakeups(20_000));
    const library = new URL('../../dist/src/index.js', import.meta.url).href;
    const { err } = await shell(
      `for n in 1 2 3; do "${process.execPath}" -e "import('${library}').then((q) => q.replay('t.txt', { db: '$n.db', threads: $n, rows: '${rows}' }))"; done`,
    );
    expect(err).toBe('');
    // All but the moment at which the run was stored.
    const stored = (name: string): Buffer => {
      const path = join(folder.path, name);
      const db = new Database(path);
      db.exec("UPDATE run SET ingested_at = ''");
      db.close();
      return readFileSync(path);
    };
    const one = stored('1.db');
    expect(one.length).toBeGreaterThan(rows === 'now' ? 500_000 : 400_000);
    for (const name of ['2.db', '3.db']) expect([name, stored(name).equals(one)]).toEqual([name, true]);
  });

  it('ends quietly when its reader goes away', async () => {
    writeFileSync(join(folder.path, 't.txt'), wakeups(20_000));
    const { err, out } = await shell(
      `quiesce ingest t.txt --db r.db >/dev/null; quiesce query r.db 'SELECT * FROM event' --format csv | head -1`,
    );
    expect(err).toBe('');
    expect(out).toMatch(/^id,run_id/);
  });

  it('undoes what it began when it is interrupted', async () => {
    writeFileSync(join(folder.path, 't.txt'), wakeups(300_000));
    const { out, err } = await shell(
      `quiesce ingest t.txt --db r.db >/dev/null & pid=$!; until [ -e r.db ]; do sleep 0.05; done; kill -INT $(pgrep -P $pid || echo $pid) 2>/dev/null; wait $pid; echo "status $?"; ls`,
    );
    // On a fast machine it may have finished before the signal came.
    if (out.includes('status 130')) {
      expect(err).toBe('quiesce: interrupted; nothing was stored\n');
      expect(out).toBe('status 130\nt.txt\n');
    } else expect(out).toContain('status 0');
  });

  it('leaves the earlier runs whole when it is killed', async () => {
    writeFileSync(join(folder.path, 'small.txt'), wakeups(100));
    writeFileSync(join(folder.path, 't.txt'), wakeups(300_000));
    const { out } = await shell(
      `quiesce ingest small.txt --db r.db >/dev/null; quiesce ingest t.txt --db r.db >/dev/null & pid=$!; sleep 0.8; kill -9 $(pgrep -P $pid || echo $pid) 2>/dev/null; wait $pid 2>/dev/null; quiesce query r.db "SELECT name FROM run WHERE run_id = 1" --format csv; quiesce query r.db "SELECT count(*) AS n FROM event WHERE run_id = 1" --format csv; quiesce query r.db "PRAGMA integrity_check" --format csv`,
    );
    expect(out).toMatch(/^name\n[\w-]+\/small\.txt\nn\n100\nintegrity_check\nok\n$/);
  });

  it('names the problem of standard input as of a file', async () => {
    const { status, err } = await shell('printf "" | quiesce replay -');
    expect(status).toBe(3);
    expect(err).toBe('quiesce: standard input: the file is empty\n');
  });
});
