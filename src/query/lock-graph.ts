/** The lock classes of a run's findings and their surroundings: which was acquired while which was held, with who did it first. */
import { readError } from '../store/store-error.ts';
import { openForReading } from '../store/store-file.ts';

export interface LockNode {
  readonly name: string;
  readonly waitType: string | undefined;
  /** lockdep's usage characters. */
  readonly usage: string | undefined;
}

export interface LockEdge {
  readonly from: string;
  readonly to: string;
  readonly dependency: string;
  readonly count: number;
  readonly context: string;
  /** Of the first witness; the events are positions in the run. */
  readonly task: string | undefined;
  readonly heldEvent: number | undefined;
  readonly acquireEvent: number | undefined;
}

export interface LockGraph {
  readonly nodes: readonly LockNode[];
  readonly edges: readonly LockEdge[];
}

/** Edges to and from classes that no finding names, those seen most often. */
const MORE_EDGES = 12;
const EVENT_POSITIONS = 2 ** 36;

type EdgeRow = readonly [
  from: string,
  to: string,
  dependency: string,
  count: number,
  context: string,
  tid: number | null,
  comm: string | null,
  heldEvent: number | null,
  acquireEvent: number | null,
];

/**
 * The order of the classes around some classes.
 * @param names of lock classes; edges between them come first
 * @throws StoreError
 */
export function lockGraph(path: string, runId: number, names: readonly string[]): LockGraph {
  if (names.length === 0) return { nodes: [], edges: [] };
  const db = openForReading(path);
  try {
    const found = db
      .prepare(
        `SELECT a.name, b.name, e.dependency, e.count, e.context, e.tid,
                (SELECT comm FROM task_state AS s WHERE s.run_id = e.run_id AND s.tid = e.tid LIMIT 1),
                e.held_event, e.acquire_event
         FROM lock_edge AS e
         JOIN lock_class AS a ON a.run_id = e.run_id AND a.class_id = e.from_class
         JOIN lock_class AS b ON b.run_id = e.run_id AND b.class_id = e.to_class
         WHERE e.run_id = :run AND (a.name IN (SELECT value FROM json_each(:names)) OR b.name IN (SELECT value FROM json_each(:names)))
         ORDER BY e.count DESC`,
      )
      .raw()
      .all({ run: runId, names: JSON.stringify(names) }) as EdgeRow[];
    const edges = chosenEdges(found.map(edgeOf), new Set(names));
    const shown = [...new Set([...names, ...edges.flatMap(({ from, to }) => [from, to])])];
    const classes = db
      .prepare(
        'SELECT name, wait_type AS waitType, usage FROM lock_class WHERE run_id = :run AND name IN (SELECT value FROM json_each(:names))',
      )
      .all({ run: runId, names: JSON.stringify(shown) }) as {
      name: string;
      waitType: string | null;
      usage: string | null;
    }[];
    const known = new Map(classes.map((row) => [row.name, row] as const));
    return {
      nodes: shown.map((name) => ({
        name,
        waitType: known.get(name)?.waitType ?? undefined,
        usage: known.get(name)?.usage ?? undefined,
      })),
      edges,
    };
  } catch (error) {
    throw readError(path, error);
  } finally {
    db.close();
  }
}

function edgeOf([from, to, dependency, count, context, tid, comm, heldEvent, acquireEvent]: EdgeRow): LockEdge {
  return {
    from,
    to,
    dependency,
    count,
    context,
    task: tid === null ? undefined : `${comm ?? '<...>'}:${tid}`,
    heldEvent: heldEvent === null ? undefined : heldEvent % EVENT_POSITIONS,
    acquireEvent: acquireEvent === null ? undefined : acquireEvent % EVENT_POSITIONS,
  };
}

/** All between the classes, and of the others the most frequent. */
function chosenEdges(edges: readonly LockEdge[], names: ReadonlySet<string>): LockEdge[] {
  const inside = edges.filter(({ from, to }) => names.has(from) && names.has(to));
  const around = edges.filter((edge) => !inside.includes(edge) && edge.from !== edge.to);
  return [...inside, ...around.slice(0, MORE_EDGES)];
}
