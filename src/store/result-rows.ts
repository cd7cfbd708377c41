/** Findings, assessments, histograms and import issues of a run in their tables. */
import {
  CTX_BH_OFF,
  CTX_IRQS_KNOWN,
  CTX_IRQS_OFF,
  CTX_KNOWN,
  CTX_NEED_RESCHED,
  DIAGNOSTICS,
  formatContextFlags,
  type ImportIssue,
  identityOf,
  innermostContext,
  METRIC_TABLES,
  migrateDepth,
  preemptDepth,
  type RootCause,
} from '../../schema/index.ts';
import { bucketHigh, bucketLow } from '../histogram/log-linear.ts';
import { RowInserter } from './row-inserter.ts';
import type { RunResults } from './run-summary.ts';
import type { Connection } from './store-file.ts';

/** Metrics of which the models do not count what is open at the end. */
const OPEN_IN_FACTS: ReadonlySet<string> = new Set(['lock-hold', 'lock-wait']);

export class ResultRows {
  readonly #db: Connection;
  readonly #runId: number;
  readonly #eventBase: number;

  constructor(db: Connection, runId: number, eventBase: number) {
    this.#db = db;
    this.#runId = runId;
    this.#eventBase = eventBase;
  }

  #inserter(table: string, columns: string): RowInserter {
    return new RowInserter(this.#db, table, columns.split(' '), [['run_id', String(this.#runId)]]);
  }

  write(results: RunResults): void {
    this.#writeFindings(results);
    const assessments = this.#inserter('assessment', 'kind status missing note');
    for (const a of results.assessments) assessments.row(a.kind, a.status, JSON.stringify(a.missing), a.note);
    assessments.flush();
    this.#writeHistograms(results);
    this.#countOpen();
  }

  /** @returns of each finding, the position of its root: findings are in the order of the roots */
  #writeRoots(roots: readonly RootCause[], identities: readonly string[]): number[] {
    const rows = this.#inserter('root_cause', 'position root_id kind severity identity title findings');
    const rootOf: number[] = [];
    roots.forEach(({ id, kind, severity, title, findings }, index) => {
      rows.row(index + 1, id, kind, severity, identities[rootOf.length], title, findings.length);
      for (const _ of findings) rootOf.push(index + 1);
    });
    rows.flush();
    return rootOf;
  }

  #writeFindings({ findings, roots }: RunResults): void {
    const rows = this.#inserter(
      'finding',
      'position finding_id kind severity confidence title start_ns end_ns identity root body',
    );
    const evidence = this.#inserter(
      'finding_evidence',
      'finding_id finding position event_id line role to_event_id events cpu tid',
    );
    const links = this.#inserter(
      'chain_link',
      'finding_id finding position kind name tid cpu blame_ns note parent rule event_id line closes',
    );
    const identities = findings.map(identityOf);
    const rootOf = this.#writeRoots(roots, identities);
    findings.forEach((f, index) => {
      const position = index + 1;
      const { id, kind, severity, confidence, title, start_ns, end_ns } = f;
      rows.row(
        position,
        id,
        kind,
        severity,
        confidence,
        title,
        start_ns,
        end_ns,
        identities[index],
        rootOf[index],
        JSON.stringify(f),
      );
      f.evidence.forEach((e, i) => {
        if ('line' in e) {
          evidence.row(f.id, position, i + 1, null, e.line, e.role, null, null, null, null);
          return;
        }
        const { range } = e;
        const to = range ? this.#eventBase + range.to : null;
        const names = range?.events ? JSON.stringify(range.events) : null;
        evidence.row(
          f.id,
          position,
          i + 1,
          this.#eventBase + e.event,
          null,
          e.role,
          to,
          names,
          range?.cpu ?? null,
          range?.tid ?? null,
        );
      });
      if ('chain' in f)
        f.chain?.forEach((link, i) => {
          const { kind, name, tid, cpu, blame_ns, note, parent, rule, event, line, closes } = link;
          const waiter = parent === undefined ? null : parent + 1;
          const shownBy = event === undefined ? null : this.#eventBase + event;
          const closing = closes ? 1 : null;
          links.row(f.id, position, i + 1, kind, name, tid, cpu, blame_ns, note, waiter, rule, shownBy, line, closing);
        });
    });
    for (const table of [rows, evidence, links]) table.flush();
  }

  #writeHistograms(results: RunResults): void {
    const rows = this.#inserter('histogram', 'metric label count open_count min_ns max_ns sum_ns');
    const buckets = this.#inserter('histogram_bucket', 'metric label bucket low_ns high_ns count');
    for (const h of results.histograms) {
      rows.row(h.metric, h.label, h.count, h.openCount, h.min, h.max, h.sum);
      for (let i = 0; i < h.buckets.length; i += 2) {
        const bucket = h.buckets[i];
        buckets.row(h.metric, h.label, bucket, bucketLow(bucket), bucketHigh(bucket), h.buckets[i + 1]);
      }
    }
    rows.flush();
    buckets.flush();
  }

  /** Intervals without an end are in no bucket. The models count them, except where only the facts tell. */
  #countOpen(): void {
    for (const m of METRIC_TABLES) {
      if (!OPEN_IN_FACTS.has(m.metric)) continue;
      this.#db
        .prepare(
          `INSERT INTO histogram (run_id, metric, label, count, open_count, sum_ns)
           SELECT f.run_id, ?, coalesce(${m.labelSql}, ''), 0, count(*), 0 FROM ${m.from} AS f
           WHERE f.run_id = ? AND ${m.where} AND ${m.end} IS NULL
           GROUP BY 3
           ON CONFLICT (run_id, metric, label) DO UPDATE SET open_count = excluded.open_count`,
        )
        .run(m.metric, this.#runId);
    }
  }

  static writeIssues(db: Connection, runId: number, issues: readonly ImportIssue[]): void {
    const columns = ['capture', 'kind', 'severity', 'count', 'first_line', 'first_byte', 'first_text'];
    const rows = new RowInserter(db, 'import_issue', columns, [['run_id', String(runId)]]);
    for (const { capture, kind, count, first } of issues)
      rows.row(
        capture,
        kind,
        DIAGNOSTICS[kind].severity,
        count,
        'line' in first ? first.line : null,
        'byte' in first ? first.byte : null,
        first.text,
      );
    rows.flush();
  }

  /** @param seen 1 for each packed value that occurs. */
  static writeFlags(db: Connection, seen: Uint8Array): void {
    const insert = db.prepare(
      'INSERT OR IGNORE INTO context_flags (flags, text, context, irqs_off, bh_off, need_resched, preempt_depth, migrate_depth) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    );
    seen.forEach((used, flags) => {
      if (!used) return;
      const known = (flags & CTX_KNOWN) !== 0;
      const bit = (mask: number) => (flags & mask ? 1 : 0);
      insert.run(
        flags,
        known ? formatContextFlags(flags) : null,
        known ? innermostContext(flags) : null,
        known && flags & CTX_IRQS_KNOWN ? bit(CTX_IRQS_OFF) : null,
        known ? bit(CTX_BH_OFF) : null,
        known ? bit(CTX_NEED_RESCHED) : null,
        known ? preemptDepth(flags) : null,
        known ? migrateDepth(flags) : null,
      );
    });
  }
}
