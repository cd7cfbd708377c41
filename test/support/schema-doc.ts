/** docs/SCHEMA.md, made from the comments of the store's SQL, with a drawing and joins that a test runs. */
import { readFileSync } from 'node:fs';

const FILES = ['0001-store.sql', '0002-rows.sql', '0003-facts.sql'].map((file) =>
  readFileSync(new URL(`../../schema/migrations/${file}`, import.meta.url), 'utf8'),
);

/** Notes of columns that a later version added: by table and column. */
const ADDED = new Map(
  FILES.flatMap((sql) =>
    [...sql.matchAll(/^ALTER TABLE (\w+) ADD COLUMN (\w+).*; -- (.*)$/gm)].map(
      ([, table, column, note]) => [`${table}.${column}`, note] as const,
    ),
  ),
);

/** What a view of the same name shows in words. */
const AS_STORED = 'As stored.';

interface Relation {
  readonly kind: 'table' | 'view';
  readonly name: string;
  readonly doc: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly doc: string }[];
}

/** Columns of the relations as SQLite declares them: by name. */
export type DeclaredColumns = (relation: string) => readonly { readonly name: string; readonly type: string }[];

/** The relations with the comment above each, as the last file has them, in the order in which they first appeared. */
function relations(declared: DeclaredColumns): Relation[] {
  const found = new Map<string, Relation>();
  for (const match of FILES.join('\n').matchAll(/((?:^--.*\n)+)CREATE (TABLE|VIEW) (\w+)([\s\S]*?);\n/gm)) {
    const [, comment, kind, name, body] = match;
    const notes = new Map<string, string>();
    for (const [, line, note] of body.matchAll(/^(.*?)\s+-- (.*)$/gm)) {
      const column = /AS ("?\w+"?),?\s*$/.exec(line)?.[1] ?? /^\s*(?:SELECT )?(?:\w+\.)?("?\w+"?)/.exec(line)?.[1];
      if (column !== undefined) notes.set(column.replaceAll('"', ''), note);
    }
    found.set(name, {
      kind: kind === 'TABLE' ? 'table' : 'view',
      name,
      doc: comment.replace(/^-- ?/gm, '').trim().split('\n\n').at(-1)?.replaceAll('\n', ' ') ?? '',
      columns: declared(name).map((column) => ({
        ...column,
        doc: notes.get(column.name) ?? ADDED.get(`${name}.${column.name}`) ?? '',
      })),
    });
  }
  return [...found.values()].filter(({ doc }) => doc !== AS_STORED);
}

const DRAWING = `
run ─┬─ run_label                      labels: kernel, commit, job, url
     ├─ capture, cpu_span, import_issue, lost_event      what was recorded, and what is missing
     ├─ event_type ── event_field      kinds of events and their fields, event_count their numbers
     │     └─ "sched_switch", "lock_acquire", …   a view per kind; event: the common columns of all
     │            └─ stack_id ── stack ── frame
     ├─ domain ─── grace_period ── rcu_blocker        sync_wait ── sync_wait_phase     srcu_reader      callback
     ├─ lock_class ──┬─ lock_hold      facts have the numbers: domain_id, class_id, tid, cpu
     │               ├─ lock_wait
     │               └─ lock_edge
     ├─ thread ─── task_state          work_item          wait_edge
     ├─ cpu ────── context_span        span: everything that lasts, in one shape
     ├─ root_cause ── finding ──┬─ finding_evidence ── event.id
     │                          └─ chain_link
     ├─ assessment                     could this run decide a kind of finding
     └─ histogram ── histogram_bucket  latencies: those of several runs merge by adding counts
`;

/** Joins that are asked for again and again. */
export const JOINS: readonly (readonly [title: string, sql: string])[] = [
  [
    'Findings with the labels of their runs',
    `SELECT r.run_id, l.value AS kernel, f.severity, f.title
FROM finding AS f JOIN run AS r USING (run_id) LEFT JOIN run_label AS l ON l.run_id = r.run_id AND l.key = 'kernel'
ORDER BY r.run_id, f.position`,
  ],
  [
    'A problem over all runs: first and last seen',
    `SELECT f.identity, count(DISTINCT f.run_id) AS runs, min(r.ingested_at) AS first_seen, max(r.ingested_at) AS last_seen
FROM finding AS f JOIN run AS r USING (run_id) GROUP BY f.identity ORDER BY runs DESC`,
  ],
  [
    'The events that prove a finding',
    `SELECT e.role, v.ts_ns, v.cpu, v.comm, v.name
FROM finding_evidence AS e JOIN event AS v ON v.id = e.event_id
WHERE e.run_id = 1 AND e.finding = 1 ORDER BY e.position`,
  ],
  [
    'Grace periods and who held them up',
    `SELECT g.flavor, g.gp_seq, g.end_ns - g.start_ns AS length_ns, b.cpu, b.comm, b.cause
FROM grace_period AS g JOIN rcu_blocker AS b ON b.run_id = g.run_id AND b.flavor = g.flavor AND b.gp_seq = g.gp_seq
ORDER BY length_ns DESC LIMIT 10`,
  ],
  [
    'Calls that wait, phase by phase',
    `SELECT w.api, w.comm, p.phase, p.end_ns - p.start_ns AS length_ns
FROM sync_wait AS w JOIN sync_wait_phase AS p ON p.run_id = w.run_id AND p.tid = w.tid AND p.wait_ns = w.start_ns
ORDER BY w.start_ns, p.start_ns`,
  ],
  [
    'The longest lock holds by class and task',
    `SELECT c.name, t.comm, max(h.end_ns - h.start_ns) AS longest_ns
FROM lock_hold AS h JOIN lock_class AS c USING (run_id, class_id) LEFT JOIN thread AS t USING (run_id, tid)
GROUP BY c.name, t.comm ORDER BY longest_ns DESC LIMIT 10`,
  ],
  [
    'What a CPU did while it held a grace period up',
    `SELECT b.cpu, s.kind, s.name, sum(min(s.start_ns + s.dur_ns, b.end_ns) - max(s.start_ns, b.start_ns)) AS spent_ns
FROM rcu_blocker AS b JOIN span AS s ON s.run_id = b.run_id AND s.cpu = b.cpu
  AND s.kind IN ('nmi', 'hardirq', 'softirq', 'running') AND s.start_ns < b.end_ns AND s.start_ns + s.dur_ns > b.start_ns
GROUP BY b.cpu, s.kind, s.name ORDER BY spent_ns DESC LIMIT 10`,
  ],
  [
    'Stacks of the events that have one',
    `SELECT v.ts_ns, v.name, s.depth, s.symbol
FROM event AS v JOIN stack AS s USING (stack_id) WHERE v.run_id = 1 ORDER BY v.id, s.depth LIMIT 20`,
  ],
  [
    'Percentiles over runs: buckets add up',
    `SELECT metric, high_ns, sum(count) AS n, sum(sum(count)) OVER (PARTITION BY metric ORDER BY high_ns) AS up_to_here
FROM histogram_bucket GROUP BY metric, high_ns ORDER BY metric, high_ns`,
  ],
  [
    'Runs that could not have shown a stall',
    `SELECT r.run_id, r.name, a.missing
FROM run AS r JOIN assessment AS a USING (run_id) WHERE a.kind = 'rcu-stall' AND a.status <> 'assessed'`,
  ],
];

export function schemaDoc(declared: DeclaredColumns): string {
  const intro = /^-- Conventions\n([\s\S]*?)\n\n/m.exec(FILES[0])?.[1].replace(/^-- ?/gm, '') ?? '';
  const parts = [
    '# The store as tables',
    "One SQLite file, any number of runs. Any program that reads SQLite reads it: `sqlite3`, Python, DuckDB (`ATTACH 'farm.db' (TYPE sqlite)`). This page is\nmade from the comments of schema/migrations by `npm test -- test/docs/schema -u`.",
    `## Conventions\n\n\`\`\`\n${intro}\n\`\`\``,
    `## Drawing\n\n\`\`\`${DRAWING}\`\`\``,
    `## Ten joins\n\n${JOINS.map(([title, sql]) => `${title}:\n\n\`\`\`sql\n${sql};\n\`\`\``).join('\n\n')}`,
    '## Tables and views',
    ...relations(declared).map(relationText),
  ];
  return `${parts.join('\n\n')}\n`;
}

function relationText({ kind, name, doc, columns }: Relation): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const rows = columns.map((column) => `| \`${column.name}\` | ${column.type} | ${cell(column.doc)} |`);
  return `### \`${name}\`${kind === 'view' ? ' (view)' : ''}\n\n${doc}\n\n| column | type | |\n|---|---|---|\n${rows.join('\n')}`;
}
