/** Where in a run an instant or an event is: positions of events, pages that hold them. */

import { quoted } from '../identifiers.ts';
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

  constructor(db: Connection, runId: number) {
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
