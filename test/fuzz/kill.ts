/**
 * Processes that write one store are ended at random points, by SIGKILL most of the time. What they had committed is there, bit for bit;
 * what they had not is not there at all; the next replay works; nothing is left in the folders.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { eventBase } from '../../src/store/events/event-id.ts';
import { StoreLocked } from '../../src/store/store-error.ts';
import { type Connection, openForReading } from '../../src/store/store-file.ts';
import { MAIN } from '../support/built-command.ts';
import { Random } from './mutate.ts';
import { expectTrue } from './target.ts';

const SAMPLES = new URL('../../samples/', import.meta.url).pathname;
/** Processes at once; every {@link CROWD_EVERY} rounds a crowd. */
const WRITERS = 3;
const CROWD = 8;
const CROWD_EVERY = 8;
/** Between two looks at the store while others write it. */
const READ_EVERY_MS = 40;
/** Runs after which a new store is begun. */
const MOST_RUNS = 10;
/** Rounds between two replays that nobody ends. */
const WHOLE_EVERY = 10;
/** One writer of so many makes the rows of what is stored. */
const ROWS_ONE_IN = 4;
/** More than the spool keeps in memory: the copy goes to a file. */
const SPOOLED_BYTES = 40 << 20;
const SIGNALS = ['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const STATUSES: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly ms: number;
  readonly err: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface KillTally {
  kills: number;
  rounds: number;
  committed: number;
  journals: number;
  /** Looks at the store while others wrote it. */
  readings: number;
}

/** Events whose rows are made are all there, the others have none. */
function checkRows(db: Connection, runId: number): void {
  const kinds = db
    .prepare(
      `SELECT relation, sum(events) AS events, max(has_rows) AS has_rows FROM event_type
       WHERE run_id = ? AND relation IS NOT NULL GROUP BY relation`,
    )
    .all(runId) as { relation: string; events: number; has_rows: number }[];
  for (const { relation, events, has_rows: made } of kinds) {
    const rows = db
      .prepare(`SELECT count(*) FROM "_ev_${relation}" WHERE id > ? AND id <= ?`)
      .pluck()
      .get(eventBase(runId), eventBase(runId + 1));
    expectTrue(rows === (made ? events : 0), `run ${runId} has ${String(rows)} rows of ${events} ${relation}`);
  }
}

/** What a run is, whatever its number in the store, and whether rows of its events are made. */
function digest(path: string, runId: number): string {
  const db = openForReading(path);
  try {
    db.exec('BEGIN');
    const hash = createHash('sha256');
    for (const sql of [
      'SELECT page_no, records, first_ns, last_ns, body FROM event_page WHERE run_id = ? ORDER BY page_no',
      'SELECT position, body FROM finding WHERE run_id = ? ORDER BY position',
      'SELECT kind, status, missing, note FROM assessment WHERE run_id = ? ORDER BY kind',
      'SELECT metric, label, bucket, count FROM histogram_bucket WHERE run_id = ? ORDER BY 1, 2, 3',
      'SELECT tid, state, cpu, start_ns, end_ns FROM task_state WHERE run_id = ? ORDER BY fact_no',
      'SELECT kind, count, first_text FROM import_issue WHERE run_id = ? ORDER BY rowid',
      'SELECT name, boot, kernel, thresholds, cpus, events, records, lost, first_ns, last_ns FROM run WHERE run_id = ?',
      'SELECT name, sum(events) FROM event_type WHERE run_id = ? GROUP BY name ORDER BY name',
    ])
      for (const row of db.prepare(sql).raw().iterate(runId) as IterableIterator<unknown[]>)
        for (const value of row) hash.update(value instanceof Uint8Array ? value : `${String(value)}\0`);
    checkRows(db, runId);
    return hash.digest('hex');
  } finally {
    db.close();
  }
}

class KillHarness {
  readonly folder = mkdtempSync(join(tmpdir(), 'quiesce-kill-'));
  readonly temporary = join(this.folder, 'tmp');
  readonly captures: readonly string[];
  readonly tally: KillTally = { kills: 0, rounds: 0, committed: 0, journals: 0, readings: 0 };
  readonly #random: Random;
  /** By name of the capture. */
  readonly #whole = new Map<string, string>();
  #longestMs = 0;
  #store = 0;

  constructor(seed: number, large: boolean) {
    this.#random = new Random(seed);
    mkdirSync(this.temporary);
    mkdirSync(join(this.folder, 'in'));
    const spooled = join(this.folder, 'in', 'spooled.dat.gz');
    if (large) {
      const dat = readFileSync(join(SAMPLES, 'nmi-storm.trace.dat'));
      writeFileSync(spooled, gzipSync(Buffer.concat([dat, Buffer.alloc(SPOOLED_BYTES)])));
    }
    this.captures = [
      join(SAMPLES, 'nmi-storm.dmesg.txt'),
      ...(large ? [join(SAMPLES, 'nmi-storm.trace.dat'), spooled] : []),
    ];
  }

  #replay(capture: string, db: string): Started {
    return this.#start(['replay', capture, '--db', db, '--name', nameOf(capture), '--quiet']);
  }

  #start(args: readonly string[]): Started {
    const startedMs = performance.now();
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TMPDIR: this.temporary },
    });
    let err = '';
    child.stderr?.on('data', (data: Buffer) => {
      err += data.toString();
    });
    return {
      child,
      ended: new Promise((resolve) =>
        child.on('close', (status, signal) => resolve({ status, signal, ms: performance.now() - startedMs, err })),
      ),
    };
  }

  /** Each capture as it is stored when nobody interferes, and how long that takes. */
  async prepare(): Promise<void> {
    for (const capture of this.captures) {
      const db = join(this.folder, 'whole.db');
      const { status, ms, err } = await this.#replay(capture, db).ended;
      expectTrue(status === 0, `a replay that nobody ends succeeds (${err})`);
      this.#whole.set(nameOf(capture), digest(db, 1));
      this.#longestMs = Math.max(this.#longestMs, ms);
      rmSync(db);
    }
  }

  get #db(): string {
    return join(this.folder, `r${this.#store}.db`);
  }

  async round(): Promise<void> {
    const db = this.#db;
    const before = this.#runs(db);
    const writers = this.tally.rounds % CROWD_EVERY === CROWD_EVERY - 1 ? CROWD : WRITERS;
    const all = Array.from({ length: writers }, () => {
      const signal = this.#random.pick(SIGNALS);
      const rows = before.length > 0 && this.#random.below(ROWS_ONE_IN) === 0;
      const { child, ended } = rows ? this.#start(['rows', db]) : this.#replay(this.#random.pick(this.captures), db);
      const afterMs = this.#random.below(Math.ceil(this.#longestMs * 1.5));
      const timer = setTimeout(() => {
        if (child.kill(signal)) this.tally.kills++;
      }, afterMs);
      return ended.then((how) => {
        clearTimeout(timer);
        const { status, signal: by, err } = how;
        // Before the handler is there, a signal ends the process as it does any other.
        const fine = status === 0 || by === signal || status === STATUSES[signal];
        expectTrue(fine, `${signal} ends with its status, not ${status ?? by}: ${err}`);
        return { ...how, stored: status === 0 && !rows };
      });
    });
    const done = Promise.all(all);
    const reading = this.#readMeanwhile(db, before, done);
    const ended = await done;
    await reading;
    this.tally.rounds++;
    if (existsSync(`${db}-journal`)) this.tally.journals++;
    const after = this.#runs(db);
    const succeeded = ended.filter(({ stored }) => stored).length;
    expectTrue(after.length >= before.length + succeeded, `${succeeded} replays said that they had stored their run`);
    expectTrue(
      before.every((run, i) => run === after[i]),
      'earlier runs are as they were',
    );
    this.tally.committed += after.length - before.length;
    this.#checkFolders(db);
    if (this.tally.rounds % WHOLE_EVERY === 0 || after.length > MOST_RUNS) await this.#wholeReplay(db, after.length);
    if (after.length > MOST_RUNS) {
      if (existsSync(db)) rmSync(db);
      this.#store++;
    }
  }

  /** A reader sees whole runs only, the earlier ones among them, at every moment. */
  async #readMeanwhile(db: string, before: readonly string[], done: Promise<unknown>): Promise<void> {
    let over = false;
    void done.finally(() => {
      over = true;
    });
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, READ_EVERY_MS));
      let seen: string[];
      try {
        seen = this.#runs(db);
      } catch (error) {
        // A writer that commits, or a journal that a killed one left, keeps readers out for that moment.
        if (error instanceof StoreLocked || isBusy(error)) continue;
        throw error;
      }
      this.tally.readings++;
      expectTrue(
        before.every((run, i) => run === seen[i]),
        'a reader sees the earlier runs as they were',
      );
    }
  }

  async #wholeReplay(db: string, runs: number): Promise<void> {
    const { status, err } = await this.#replay(this.captures[0], db).ended;
    expectTrue(status === 0, `the next replay works (${err})`);
    expectTrue(this.#runs(db).length === runs + 1, 'the next replay is stored');
    expectTrue(!existsSync(`${db}-journal`), 'no journal stays behind the next replay');
  }

  /** The runs of the store, each of which is one of the captures, whole. */
  #runs(db: string): string[] {
    if (!existsSync(db) || (statSync(db).size === 0 && !existsSync(`${db}-journal`))) return [];
    let open: ReturnType<typeof openForReading>;
    try {
      open = openForReading(db);
    } catch (error) {
      if (error instanceof Error && error.message.endsWith('is empty; ingest a capture first')) return [];
      throw error;
    }
    const found = open.prepare('SELECT run_id, name FROM run ORDER BY run_id').all() as {
      run_id: number;
      name: string;
    }[];
    const integrity = open.pragma('integrity_check', { simple: true });
    open.close();
    expectTrue(integrity === 'ok', `the store is sound: ${String(integrity)}`);
    return found.map(({ run_id, name }, i) => {
      expectTrue(run_id === i + 1, 'runs are numbered');
      const is = digest(db, run_id);
      expectTrue(is === this.#whole.get(name), `run ${run_id} (${name}) is as if nobody had interfered`);
      return `${name} ${is}`;
    });
  }

  #checkFolders(db: string): void {
    const left = readdirSync(this.temporary);
    expectTrue(left.length === 0, `no temporary file stays: ${left.join(', ')}`);
    // The journal of a store that is still empty goes with the next replay.
    const known = ['tmp', 'in', nameOf(db), `${nameOf(db)}-journal`];
    const stray = readdirSync(this.folder).filter((name) => !known.includes(name));
    expectTrue(stray.length === 0, `no other file is made: ${stray.join(', ')}`);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Database.SqliteError && /^SQLITE_(?:BUSY|CANTOPEN|READONLY_ROLLBACK)/.test(error.code);

function nameOf(capture: string): string {
  return capture.slice(capture.lastIndexOf('/') + 1);
}

/**
 * Ends processes at `points` random points.
 * @param large captures of every size, the spool in use; else small ones only
 * @throws Error when a promise is broken
 */
export async function killAtRandom(
  points: number,
  seed: number,
  large: boolean,
  onRound?: (tally: KillTally) => void,
): Promise<KillTally> {
  const harness = new KillHarness(seed, large);
  try {
    await harness.prepare();
    while (harness.tally.kills < points) {
      await harness.round();
      onRound?.(harness.tally);
    }
    return harness.tally;
  } finally {
    harness.close();
  }
}

/** `npm run fuzz -- --kill N`. @returns the exit status */
export async function killCampaign(points: number, seed: number): Promise<number> {
  const startedMs = performance.now();
  const line = ({ kills, rounds, committed, journals, readings }: KillTally): string =>
    `${kills} processes ended in ${rounds} rounds, ${committed} runs committed and whole, ${journals} journals rolled back, ${readings} readings meanwhile, ${((performance.now() - startedMs) / 1000).toFixed(0)} s`;
  const tally = await killAtRandom(points, seed, true, (so) => {
    if (so.rounds % 20 === 0) console.log(line(so));
  });
  console.log(`seed ${seed}: ${line(tally)}; no promise broken`);
  return 0;
}
