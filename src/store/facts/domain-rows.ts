/** The domains of a run: RCU flavours and srcu_structs, which facts name by their numbers. */
import type { RunResults } from '../run-summary.ts';
import type { Connection } from '../store-file.ts';

export class DomainRows {
  readonly #ids = new Map<string, number>();

  /** Number of a domain within the run. */
  idOf(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#ids.size + 1;
      this.#ids.set(name, id);
    }
    return id;
  }

  /**
   * Writes the names, when all facts are written.
   * @param renames from the name that facts were emitted under to the one that later events told
   * @param tables whose `domain_id` refers to them
   */
  write(db: Connection, runId: number, renames: RunResults['renames'], tables: readonly string[]): void {
    const better = new Map(renames);
    const insert = db.prepare('INSERT INTO domain (run_id, domain_id, name) VALUES (?, ?, ?)');
    const written = new Map<string, number>();
    for (const [told, id] of this.#ids) {
      const name = better.get(told) ?? told;
      const same = written.get(name);
      if (same === undefined) {
        insert.run(runId, id, name);
        written.set(name, id);
      }
      // Its facts came under both names.
      else
        for (const table of tables)
          db.prepare(`UPDATE ${table} SET domain_id = ? WHERE run_id = ? AND domain_id = ?`).run(same, runId, id);
    }
  }
}
