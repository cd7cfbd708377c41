/** Perfetto traces of the samples, as Perfetto's own engine reads them, against what the store says. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { openStore, type Store } from '../../src/jobs/store.ts';
import { quiesce } from '../support/command-line.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  askTraceProcessor,
  ENGINE_IS_THERE,
  type EngineRow,
  WITH_ENGINE,
} from '../support/trace-processor/trace-processor.ts';
import { SLICE_SOURCES, schedRows, sortedLines, stateRows } from '../support/viewer-rows.ts';

const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  'nmi-storm': ['nmi-storm.trace.txt.zst', 'nmi-storm.dmesg.txt'],
  'nmi-storm of trace-cmd': ['nmi-storm.trace.dat'],
  'lock-cycle': ['lock-cycle.trace.txt.zst'],
  'lock-cycle of perf': ['lock-cycle.perf-script.txt.zst'],
  'srcu-deadlock': ['srcu-deadlock.trace.txt.zst'],
  'preempted-reader': ['preempted-reader.trace.txt.zst'],
  'wait-context-rt': ['wait-context-rt.trace.txt.zst'],
  healthy: ['healthy.trace.txt.zst'],
};

const STATEMENTS = {
  problems: `SELECT name, value FROM stats WHERE value != 0 AND severity IN ('error', 'data_loss')`,
  slices: `SELECT coalesce(category, '') AS category, ts, dur, name FROM slice WHERE track_id IN
           (SELECT id FROM track WHERE type LIKE 'global%')`,
  sched: `SELECT cpu, tid, ts, dur, priority AS prio, end_state FROM sched JOIN thread USING (utid)`,
  states: `SELECT tid, ts, dur, state FROM thread_state JOIN thread USING (utid)`,
  events: `SELECT name, count(*) AS events FROM ftrace_event GROUP BY name`,
  names: `SELECT tid, name FROM thread WHERE tid != 0`,
  findings: `SELECT extract_arg(arg_set_id, 'debug.id') AS id, extract_arg(arg_set_id, 'debug.kind') AS kind,
             extract_arg(arg_set_id, 'debug.severity') AS severity, extract_arg(arg_set_id, 'debug.text') AS text,
             extract_arg(arg_set_id, 'debug.evidence_count') AS evidence, extract_arg(arg_set_id, 'debug.evidence[0]') AS first
             FROM slice WHERE category = 'finding'`,
  links: `SELECT extract_arg(a.arg_set_id, 'debug.finding') AS finding, a.ts, extract_arg(a.arg_set_id, 'debug.position') AS parent,
          extract_arg(b.arg_set_id, 'debug.position') AS position, b.name, extract_arg(b.arg_set_id, 'debug.blame_ns') AS blame_ns
          FROM flow JOIN slice AS a ON a.id = slice_out JOIN slice AS b ON b.id = slice_in
          WHERE a.category = 'chain' AND b.category = 'chain'`,
  holds: `SELECT ts, extract_arg(arg_set_id, 'debug.tid') AS tid, extract_arg(arg_set_id, 'debug.cpu') AS cpu
          FROM slice WHERE category = 'lock-hold'`,
} as const;

type Answers = Readonly<Record<keyof typeof STATEMENTS, EngineRow[]>>;

describe.skipIf(!ENGINE_IS_THERE).each(Object.entries(SAMPLES))(`%s ${WITH_ENGINE}`, (name, captures) => {
  const folder = temporaryFolder();
  const trace = join(folder.path, 'run.pftrace');
  let store: Store;
  let answers: Answers;

  beforeAll(async () => {
    const db = join(folder.path, 'run.db');
    await replayCaptures(
      captures.map((capture) => new URL(`../../samples/${capture}`, import.meta.url).pathname),
      { db, threads: 1 },
    );
    expect(await quiesce('export', db, '--format', 'perfetto', '-o', trace)).toMatchObject({ status: 0, err: '' });
    store = openStore(db);
    const rows = askTraceProcessor(trace, Object.values(STATEMENTS));
    answers = Object.fromEntries(Object.keys(STATEMENTS).map((key, i) => [key, rows[i]])) as unknown as Answers;
  }, 300_000);
  afterAll(() => {
    store?.close();
    folder.remove();
  });

  it('is read without an error and without a loss', () => {
    expect(answers.problems).toEqual([]);
  });

  it('has every fact as a slice of its time', () => {
    const columns = ['ts', 'dur', 'name'];
    for (const [category, sql] of Object.entries(SLICE_SOURCES)) {
      const found = sortedLines(
        answers.slices.filter((row) => row.category === category),
        columns,
      );
      expect({ [category]: found }).toEqual({ [category]: sortedLines(store.query(sql), columns) });
    }
  });

  it('gives findings their ids, texts and evidence', () => {
    const wanted = store
      .findings()
      .map(({ id, kind, severity, evidence }) => ({ id, kind, severity, evidence: evidence.length }));
    expect(sortedLines(answers.findings, ['id', 'kind', 'severity', 'evidence'])).toEqual(
      sortedLines(wanted, ['id', 'kind', 'severity', 'evidence']),
    );
    for (const { id, text, first, evidence } of answers.findings) {
      expect(text).toContain(id);
      if (evidence !== 0) expect(first).toMatch(/^(event|line) \d+/);
    }
  });

  it('leads along every link of every chain', () => {
    const links = store.query(`
      SELECT l.finding_id AS finding, f.start_ns AS ts, l.parent, l.position, l.name || coalesce(', ' || l.note, '') AS name, l.blame_ns
      FROM chain_link AS l JOIN finding AS f ON f.run_id = l.run_id AND f.position = l.finding
      WHERE l.parent IS NOT NULL`);
    const columns = ['finding', 'ts', 'parent', 'position', 'name', 'blame_ns'];
    expect(sortedLines(answers.links, columns)).toEqual(sortedLines(links, columns));
  });

  it('has the scheduling of each CPU', () => {
    const has = [...store.query(`SELECT 1 FROM event_type WHERE name = 'sched_switch'`)].length > 0;
    const columns = ['cpu', 'tid', 'ts', 'dur', 'prio', 'end_state'];
    expect(sortedLines(answers.sched, columns)).toEqual(has ? sortedLines(schedRows(store), columns) : []);
  });

  it('has the states of each task', () => {
    const events = store.events({ names: ['sched_switch', 'sched_waking'] });
    const columns = ['tid', 'ts', 'dur', 'state'];
    expect(sortedLines(answers.states, columns)).toEqual(sortedLines(stateRows(events), columns));
  });

  it('has every event', () => {
    const wanted = store.query(
      `SELECT name, sum(events) AS events FROM event_type WHERE events > 0 AND name != 'quiesce_lost' GROUP BY name`,
    );
    const all = sortedLines(answers.events, ['name', 'events']);
    const ofLog = name === 'nmi-storm' ? /^console / : /^$/;
    expect(all.filter((line) => !ofLog.test(line))).toEqual(
      sortedLines(wanted, ['name', 'events']).filter((line) => !ofLog.test(line)),
    );
  });

  it('knows the names of tasks', () => {
    const named = new Map(answers.names.map(({ tid, name: comm }) => [tid, String(comm)]));
    const tasks = store.query(`SELECT tid, max(comm) AS comm FROM event
                               WHERE tid > 0 AND comm != '<...>' GROUP BY tid HAVING count(DISTINCT comm) = 1`);
    // A task that has just been forked is still called as its parent in perf's records, and by its own name in those of the scheduler.
    const switched = new Map<number, Set<string>>();
    for (const { fields } of store.events({ names: ['sched_switch'] }))
      for (const side of ['prev', 'next']) {
        const tid = Number(fields[`${side}_pid`]);
        switched.set(tid, (switched.get(tid) ?? new Set()).add(String(fields[`${side}_comm`])));
      }
    for (const row of tasks) {
      const { tid, comm } = row as { tid: number; comm: string };
      const known = named.get(tid) ?? '';
      // perf cuts what the events of the scheduler show whole, and the other way round (kworker/0:0-events).
      const alike = [comm, ...(switched.get(tid) ?? [])].some(
        (other) => known.startsWith(other) || other.startsWith(known),
      );
      expect([tid, known, alike, known !== '']).toEqual([tid, known, true, true]);
    }
  });

  it('says who holds a lock, and where', () => {
    const columns = ['ts', 'tid', 'cpu'];
    expect(sortedLines(answers.holds, columns)).toEqual(
      sortedLines(store.query('SELECT start_ns AS ts, tid, cpu FROM lock_hold'), columns),
    );
  });
});
