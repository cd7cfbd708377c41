/** Makes rows of events that are in pages alone: decodes the pages of a run and writes the rows of the kinds that are wanted. */
import { Dictionary, type EventBatch, type EventType } from '../../../schema/index.ts';
import { eventBase } from '../events/event-id.ts';
import type { EventRelations } from '../events/event-relations.ts';
import { EventWriter } from '../events/event-writer.ts';
import { StoreReader } from '../run-reader.ts';
import type { Connection } from '../store-file.ts';
import type { PendingType } from './pending-rows.ts';

/** For a progress bar: events of the pages that have been read, and of all that will be. */
export interface FillProgress {
  readonly readEvents: number;
  readonly totalEvents: number;
}

/** Events of a run by their positions, both included. */
export interface EventSpan {
  readonly first: number;
  readonly last: number;
}

export class RowFiller {
  readonly #db: Connection;
  readonly #reader: StoreReader;
  readonly #relations: EventRelations;

  /** @param db connection on which the tables can be written: those of the file, or temporary ones of the same names */
  constructor(db: Connection, path: string, relations: EventRelations) {
    this.#db = db;
    this.#reader = new StoreReader(path, db);
    this.#relations = relations;
  }

  /** @param types what is wanted, of any runs */
  fill(types: readonly PendingType[], onProgress?: (progress: FillProgress) => void): void {
    const byRun = new Map<number, PendingType[]>();
    for (const type of types) byRun.set(type.runId, [...(byRun.get(type.runId) ?? []), type]);
    const records = new Map([...byRun.keys()].map((runId) => [runId, this.#reader.settings(runId).records]));
    const totalEvents = [...records.values()].reduce((sum, count) => sum + count, 0);
    let before = 0;
    for (const [runId, wanted] of byRun) {
      const writer = this.#writer(runId, wanted);
      for (const batch of this.#reader.batches(runId)) {
        writer.append(batch);
        onProgress?.({ readEvents: before + batch.firstEventId + batch.length - 1, totalEvents });
      }
      writer.flush();
      before += records.get(runId) ?? 0;
    }
  }

  /** Of one run, the events of some spans only. @param spans in any order; what two of them have in common is written once */
  fillSpans(runId: number, wanted: readonly PendingType[], spans: readonly EventSpan[]): void {
    const writer = this.#writer(runId, wanted);
    const positions = this.#reader.positions(runId);
    const pageAt = this.#reader.pageReader(runId);
    let pageNo = -1;
    let batch: EventBatch | undefined;
    let done = 0;
    for (const { first, last } of [...spans].sort((a, b) => a.first - b.first)) {
      let next = positions.pageOf(Math.max(first, done + 1))?.pageNo;
      while (next !== undefined) {
        if (next !== pageNo) batch = pageAt(next);
        pageNo = next;
        if (batch === undefined) break;
        const end = batch.firstEventId + batch.length;
        const from = Math.max(first, done + 1, batch.firstEventId);
        const to = Math.min(last + 1, end);
        if (from < to) {
          writer.append(batch, from - batch.firstEventId, to - batch.firstEventId);
          done = to - 1;
        }
        next = last < end ? undefined : pageNo + 1;
      }
    }
    writer.flush();
  }

  #writer(runId: number, wanted: readonly PendingType[]): EventWriter {
    const delta = this.#reader.dictionary(runId);
    const dictionary = new Dictionary();
    dictionary.apply(delta);
    const bases = this.#reader.dictionaryBases(runId);
    const views = this.#relations.byView();
    const wantedTypes = new Map(
      wanted.map(({ typeId, relation }) => [typeId - bases.type, relation === null ? undefined : views.get(relation)]),
    );
    const writer = new EventWriter(
      this.#db,
      this.#relations,
      { event: eventBase(runId), ...bases },
      dictionary.strings,
      {
        relation: (type: EventType) => wantedTypes.get(type.typeId),
        writes: ({ typeId }: EventType) => wantedTypes.has(typeId),
      },
    );
    for (const type of delta.types) writer.define(type);
    return writer;
  }
}
