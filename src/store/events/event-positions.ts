/** Where in a run an instant or an event is: positions of events, pages that hold them. */
import { type EventBatch, NO_CPU, NO_TID } from '../../../schema/index.ts';
import { quoted } from '../identifiers.ts';
import { anyPending } from '../rows/pending-rows.ts';
import type { Connection } from '../store-file.ts';
import { eventBase } from './event-id.ts';

/** A page of a run. */
export interface PagePosition {
  readonly pageNo: number;
  /** Position of its first event in the run. */
  readonly firstEvent: number;
}

/** Events of a CPU or of a task; all of them by default. */
export interface EventFilter {
  readonly cpu?: number;
  readonly tid?: number;
  readonly comm?: string;
}

export class EventPositions {
  readonly #db: Connection;
  readonly #base: number;
  readonly #runId: number;
  readonly #pageAt: (pageNo: number) => EventBatch | undefined;

  /** @param pageAt reads a page of the run; undefined behind the last one */
  constructor(db: Connection, runId: number, pageAt: (pageNo: number) => EventBatch | undefined) {
    this.#pageAt = pageAt;
    this.#db = db;
    this.#runId = runId;
    this.#base = eventBase(runId);
  }

  /** The first page that reaches beyond an instant; undefined when the run ends before. */
  pageBeyond(tsNs: number): PagePosition | undefined {
    return this.#page('last_ns > ? ORDER BY page_no', tsNs);
  }

  /** The page with an event; undefined before the first. */
  pageOf(event: number): PagePosition | undefined {
    return this.#page('first_event_id <= ? AND records > 0 ORDER BY page_no DESC', this.#base + event);
  }

  #page(where: string, value: number): PagePosition | undefined {
    const row = this.#db
      .prepare(`SELECT page_no, first_event_id FROM event_page WHERE run_id = ? AND ${where} LIMIT 1`)
      .raw()
      .get(this.#runId, value) as [number, number] | undefined;
    return row && { pageNo: row[0], firstEvent: row[1] - this.#base };
  }

  /** Names of events that the run has. */
  names(): string[] {
    return this.#db
      .prepare('SELECT DISTINCT name FROM event_type WHERE run_id = ? AND events > 0 ORDER BY name')
      .pluck()
      .all(this.#runId) as string[];
  }

  /**
   * The nearest event of that name (undefined: any) that passes the filter.
   * @param direction 1: after `event`, −1: before it
   * @returns its position, undefined when there is none
   */
  nearest(name: string | undefined, event: number, direction: 1 | -1, filter: EventFilter): number | undefined {
    return this.#hasRows(name)
      ? this.#nearestRow(name, event, direction, filter)
      : this.#nearestInPages(name, event, direction, filter);
  }

  /** The view of all events waits for those of every run. */
  #hasRows(name: string | undefined): boolean {
    if (!anyPending(this.#db)) return true;
    if (name === undefined) return false;
    return (
      this.#db
        .prepare('SELECT 1 FROM event_type WHERE run_id = ? AND name = ? AND has_rows = 0 LIMIT 1')
        .get(this.#runId, name) === undefined
    );
  }

  #nearestInPages(
    name: string | undefined,
    event: number,
    direction: 1 | -1,
    { cpu, tid, comm }: EventFilter,
  ): number | undefined {
    const types = this.#ids(
      'SELECT type_id - type_base FROM event_type JOIN run USING (run_id)',
      'event_type.name',
      name,
    );
    const comms = this.#ids(
      `SELECT string_id - string_base FROM string
       JOIN run ON string_id BETWEEN string_base AND
         coalesce((SELECT min(next.string_base) - 1 FROM run AS next WHERE next.run_id > run.run_id), 1 << 62)`,
      'text',
      comm,
    );
    const fits = (batch: EventBatch, i: number): boolean =>
      (types === undefined || types.has(batch.type[i])) &&
      (cpu === undefined || (batch.cpu[i] === cpu && cpu !== NO_CPU)) &&
      (tid === undefined || (batch.tid[i] === tid && tid !== NO_TID)) &&
      (comms === undefined || comms.has(batch.comm[i]));
    const first = this.pageOf(Math.max(event + direction, 1));
    for (let pageNo = first?.pageNo ?? 0; pageNo >= 0; pageNo += direction) {
      const batch = this.#pageAt(pageNo);
      if (batch === undefined) return undefined;
      // Position of the event in the page.
      const at = event - batch.firstEventId;
      if (direction > 0) {
        for (let i = Math.max(at + 1, 0); i < batch.length; i++) if (fits(batch, i)) return batch.firstEventId + i;
      } else {
        for (let i = Math.min(at, batch.length) - 1; i >= 0; i--) if (fits(batch, i)) return batch.firstEventId + i;
      }
    }
    return undefined;
  }

  /** Ids within the run. Undefined: any will do. */
  #ids(select: string, column: string, text: string | undefined): Set<number> | undefined {
    if (text === undefined) return undefined;
    return new Set(
      this.#db.prepare(`${select} WHERE run_id = ? AND ${column} = ?`).pluck().all(this.#runId, text) as number[],
    );
  }

  #nearestRow(name: string | undefined, event: number, direction: 1 | -1, filter: EventFilter): number | undefined {
    const source = this.#relation(name);
    const conditions = direction > 0 ? ['id > :from', 'id <= :to'] : ['id < :from', 'id > :to'];
    const values: Record<string, number | string> = {
      from: this.#base + event,
      to: direction > 0 ? eventBase(this.#runId + 1) : this.#base,
    };
    if (source.typeId !== undefined) conditions.push(`type_id = ${source.typeId}`);
    if (filter.cpu !== undefined) {
      conditions.push('cpu = :cpu');
      values.cpu = filter.cpu;
    }
    if (filter.tid !== undefined) {
      conditions.push('tid = :tid');
      values.tid = filter.tid;
    }
    if (filter.comm !== undefined) {
      // The view of all events shows names, the tables their string ids.
      conditions.push(
        source.table === 'event' ? 'comm = :comm' : 'comm IN (SELECT string_id FROM string WHERE text = :comm)',
      );
      values.comm = filter.comm;
    }
    const order = direction > 0 ? 'id' : 'id DESC';
    const id = this.#db
      .prepare(`SELECT id FROM ${quoted(source.table)} WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT 1`)
      .pluck()
      .get(values) as number | undefined;
    return id === undefined ? undefined : id - this.#base;
  }

  #relation(name: string | undefined): { readonly table: string; readonly typeId?: number } {
    if (name === undefined) return { table: 'event' };
    const relation = this.#db.prepare('SELECT relation FROM event_table WHERE event_name = ?').pluck().get(name) as
      | string
      | undefined;
    if (relation !== undefined) return { table: `_ev_${relation}` };
    const typeId = this.#db
      .prepare('SELECT type_id FROM event_type WHERE run_id = ? AND name = ? LIMIT 1')
      .pluck()
      .get(this.#runId, name) as number | undefined;
    return { table: '_other_event', typeId: typeId ?? -1 };
  }
}
