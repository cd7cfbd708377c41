/** The query library as text: the list by groups, and one query explained. */
import { QUERY_GROUPS } from '../query/named-catalog.ts';
import type { NamedQuery } from '../query/named-query.ts';
import { PLAIN, type Style } from './text/style.ts';
import { wrap } from './text/text-format.ts';

const WIDTH = 100;

/** Names and titles, grouped. */
export function queryListText(queries: readonly NamedQuery[], style: Style = PLAIN): string {
  const nameWidth = Math.max(...queries.map(({ name }) => name.length)) + 2;
  const lines: string[] = [];
  for (const [group, title] of Object.entries(QUERY_GROUPS)) {
    const members = queries.filter((query) => query.group === group);
    if (members.length === 0) continue;
    lines.push(style.bold(title));
    for (const query of members)
      lines.push(
        ...wrap(query.title, WIDTH - nameWidth - 2).map(
          (line, i) => `  ${(i === 0 ? query.name : '').padEnd(nameWidth)}${line}`,
        ),
      );
    lines.push('');
  }
  return lines.join('\n');
}

/** Everything that the comment of the query says, how to run it, and the statement. */
export function queryDescription(query: NamedQuery, style: Style = PLAIN): string {
  const lines = [style.bold(query.name), ...wrap(query.title, WIDTH)];
  for (const remark of query.remarks === '' ? [] : query.remarks.split('\n')) lines.push('', ...wrap(remark, WIDTH));
  if (query.parameters.length > 0) {
    lines.push('', style.bold('Parameters'));
    const width = Math.max(...query.parameters.map(({ name }) => name.length)) + 2;
    for (const { name, type, description } of query.parameters)
      lines.push(`  ${name.padEnd(width)}${type.padEnd(8)}${description}`);
  }
  lines.push('', style.bold('Columns'));
  const width = Math.max(...query.columns.map(({ name }) => name.length)) + 2;
  for (const { name, description } of query.columns) lines.push(`  ${name.padEnd(width)}${description}`);
  if (query.needs.length > 0) lines.push('', `needs events: ${query.needs.join(', ')}`);
  if (query.cost !== '') lines.push('', `cost: ${query.cost}`);
  const [example] = query.parameters;
  const param = example ? ` --param ${example.name}=…` : '';
  lines.push('', `quiesce query DB --named ${query.name}${param}`);
  lines.push(style.dim(`in the sqlite3 shell: .read of the file src/query/sql/${query.group}/${query.name}.sql`));
  if (example) lines.push(style.dim(`                      parameters before it: .param set :${example.name} …`));
  lines.push('', statementOf(query.sql).trimEnd(), '');
  return lines.join('\n');
}

/** The statement without the comment at its head. */
function statementOf(sql: string): string {
  return sql.replace(/^(--.*\n)+/, '');
}

/** Schema `quiesce.queries/1`. */
export function queryListJson(queries: readonly NamedQuery[]): unknown {
  return { schema: 'quiesce.queries/1', queries };
}
