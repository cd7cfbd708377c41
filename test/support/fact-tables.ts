/** The tables of facts as SQL, from their rows in schema/facts: what schema/migrations/0003-facts.sql spells. */
import { readFileSync } from 'node:fs';
import { domainColumn, FACTS, type FactRow, sqlName } from '../../schema/index.ts';

const ROWS: readonly (readonly [string, FactRow])[] = Object.entries(FACTS);

/** Facts that the store numbers; those with a key of their own are as 0001-store.sql has them. */
const NUMBERED = ROWS.filter(([, { key }]) => key === undefined);

/** The layout before: the columns of its tables, by table. */
const BEFORE = new Map(
  [
    ...readFileSync(new URL('../../schema/migrations/0001-store.sql', import.meta.url), 'utf8').matchAll(
      /^CREATE TABLE (\w+) \(\n([\s\S]*?)\n\)/gm,
    ),
  ].map(([, table, body]) => [table, new Set([...body.matchAll(/^ {2}(\w+)/gm)].map(([, column]) => column))] as const),
);

type Cell = readonly [name: string, type: string, doc: string];

/** Columns, their types and docs, aligned. */
function columnLines(cells: readonly Cell[]): string[] {
  const nameWidth = Math.max(...cells.map(([name]) => name.length));
  const typeWidth = Math.max(...cells.map(([, type]) => type.length)) + 1;
  return cells.map(([name, type, doc]) => {
    const definition = `  ${name.padEnd(nameWidth)} ${`${type},`.padEnd(typeWidth)}`;
    return (doc === '' ? definition : `${definition} -- ${doc}`).trimEnd();
  });
}

/** The name of a domain, of a row `f`. */
const DOMAIN_NAME =
  'CAST((SELECT name FROM domain AS d WHERE d.run_id = f.run_id AND d.domain_id = f.domain_id) AS TEXT)';

function tableSql(name: string, row: FactRow): string {
  const columns = Object.entries(row.columns);
  const fact = sqlName(name);
  const domain = domainColumn(row);
  const shown = (doc: string): string => (domain === undefined ? doc : '');
  const cells: Cell[] = [
    ['run_id', 'INTEGER NOT NULL REFERENCES run', ''],
    ['fact_no', 'INTEGER NOT NULL', shown('number within the run')],
    ...columns.map(([column, { holds, nullable, doc }]): Cell => {
      if (column === domain) return ['domain_id', 'INTEGER NOT NULL', ''];
      const type = `${holds === 'text' ? 'TEXT' : 'INTEGER'}${nullable ? '' : ' NOT NULL'}`;
      return [sqlName(column), type, shown(doc)];
    }),
  ];
  const table = domain === undefined ? fact : `_${fact}`;
  const old = domain === undefined ? `_old_${fact}` : fact;
  const before = BEFORE.get(fact);
  const values = columns.map(([column, { holds, nullable }]) => {
    const value = sqlName(column);
    if (!before?.has(value)) return nullable ? 'NULL' : holds === 'text' ? "''" : '0';
    if (column !== domain) return value;
    return `(SELECT domain_id FROM domain AS d WHERE d.run_id = f.run_id AND d.name = f.${value})`;
  });
  const copied = [
    `INSERT INTO ${table}`,
    `SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY rowid), ${values.join(', ')} FROM ${old} AS f;`,
    `DROP TABLE ${old};`,
  ];
  const head = domain === undefined ? `-- ${row.doc}` : '-- As stored.';
  return [
    ...(before && domain === undefined ? [`ALTER TABLE ${fact} RENAME TO ${old};\n`] : []),
    head,
    `CREATE TABLE ${table} (`,
    ...columnLines(cells),
    '  PRIMARY KEY (run_id, fact_no)',
    ') WITHOUT ROWID;',
    ...(before ? copied : []),
    ...(domain === undefined ? [] : ['', viewSql(fact, row, domain)]),
  ].join('\n');
}

function viewSql(fact: string, { doc, columns }: FactRow, domain: string): string {
  const cells: (readonly [expression: string, doc: string])[] = [
    ['run_id', ''],
    ['fact_no', 'number within the run'],
    ...Object.entries(columns).map(
      ([column, { doc }]) =>
        [column === domain ? `${DOMAIN_NAME} AS ${sqlName(column)}` : sqlName(column), doc] as const,
    ),
    ['domain_id', 'number of that name in domain'],
  ];
  const width = Math.max(...cells.map(([expression]) => (expression.includes(' AS ') ? 0 : expression.length))) + 1;
  const lines = cells.map(([expression, doc], i) => {
    const comma = i < cells.length - 1 ? ',' : '';
    const line = `${i === 0 ? 'SELECT ' : '       '}${`${expression}${comma}`.padEnd(width)}`;
    return (doc === '' ? line : `${line} -- ${doc}`).trimEnd();
  });
  return [`-- ${doc}`, `CREATE VIEW ${fact} AS`, ...lines, `FROM _${fact} AS f;`].join('\n');
}

/** The names that the facts had as texts. */
function domainsSql(): string {
  const from = NUMBERED.flatMap(([name, row]) => {
    const domain = domainColumn(row);
    return domain === undefined || !BEFORE.has(sqlName(name))
      ? []
      : [`SELECT run_id, ${sqlName(domain)} AS name FROM ${sqlName(name)}`];
  });
  return `INSERT INTO domain (run_id, domain_id, name)
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY name), name FROM (
  ${from.join('\n  UNION ')}
);`;
}

/** The part of the file that follows from the rows. */
export function factTablesSql(): string {
  return [domainsSql(), ...NUMBERED.map(([name, row]) => tableSql(name, row))].join('\n\n');
}
