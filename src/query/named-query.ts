/**
 * A documented query: an .sql file of src/query/sql whose first comment says what it answers. The same file can be pasted into the
 * sqlite3 shell: parameters that are not set are NULL, and the statement itself holds the defaults.
 *
 * ```sql
 * -- The longest grace periods, RCU and SRCU, and who held them up.
 * --
 * -- Parameters
 * --   :limit        number  rows (default 20)
 * -- Columns
 * --   duration_ns   ns: start to end
 * -- Needs
 * --   sched_waking
 * -- Cost
 * --   scans task_state
 * SELECT …;
 * ```
 */

export interface QueryParameter {
  /** Without the colon. */
  readonly name: string;
  readonly type: 'number' | 'text';
  readonly description: string;
}

export interface QueryColumn {
  readonly name: string;
  /** Begins with the unit where there is one: `ns: start to end`. */
  readonly description: string;
}

export interface NamedQuery {
  /** `longest-grace-periods` */
  readonly name: string;
  /** Folder: `grace-periods`. */
  readonly group: string;
  /** What it answers, one sentence. */
  readonly title: string;
  /** Further sentences, '' when there are none. */
  readonly remarks: string;
  readonly parameters: readonly QueryParameter[];
  readonly columns: readonly QueryColumn[];
  /** Event views without which it has no answer. */
  readonly needs: readonly string[];
  /** What it reads when that grows with the number of events, '' otherwise. */
  readonly cost: string;
  /** The whole file. */
  readonly sql: string;
}

const SECTIONS = ['Parameters', 'Columns', 'Needs', 'Cost'] as const;
type Section = (typeof SECTIONS)[number];

/**
 * Reads the comment at the head of an .sql file.
 * @throws Error naming the query and what its comment lacks
 */
export function parseNamedQuery(group: string, name: string, sql: string): NamedQuery {
  const fail = (problem: string): never => {
    throw new Error(`query ${group}/${name}: ${problem}`);
  };
  const { prose, sections } = readHeader(sql);
  const paragraphs = prose.join('\n').split(/\n{2,}/);
  const parameters = (sections.get('Parameters') ?? []).map((line): QueryParameter => {
    const [, parameter, type, description] = /^:(\w+) +(number|text) +(.+)$/.exec(line) ?? fail(`parameter '${line}'`);
    return { name: parameter, type: type as QueryParameter['type'], description };
  });
  const columns = (sections.get('Columns') ?? []).map((line): QueryColumn => {
    const [, column, description] = /^(\w+) +(.+)$/.exec(line) ?? fail(`column '${line}'`);
    return { name: column, description };
  });
  if (columns.length === 0) fail('no columns are described');
  if (!prose[0]) fail('it does not say what it answers');
  return {
    name,
    group,
    title: oneLine(paragraphs[0]),
    remarks: paragraphs.slice(1).map(oneLine).join('\n').trim(),
    parameters,
    columns,
    needs: (sections.get('Needs') ?? []).flatMap((line) => line.split(/\s+/)),
    cost: (sections.get('Cost') ?? []).join(' '),
    sql,
  };
}

function readHeader(sql: string): { prose: string[]; sections: Map<Section, string[]> } {
  const prose: string[] = [];
  const sections = new Map<Section, string[]>();
  let lines = prose;
  for (const line of sql.split('\n')) {
    if (!line.startsWith('--')) break;
    const text = line.slice(2).trim();
    const section = SECTIONS.find((title) => title === text);
    if (section !== undefined) {
      lines = [];
      sections.set(section, lines);
    } else if (lines === prose || text !== '') lines.push(text);
  }
  return { prose, sections };
}

function oneLine(paragraph: string): string {
  return paragraph.replace(/\n/g, ' ').trim();
}
