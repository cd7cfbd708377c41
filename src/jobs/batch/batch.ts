/** Many captures into one store: processes that replay, one writer, nothing done twice. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashCaptures, hashOfRun } from '../../ingest/content-hash.ts';
import { beginBatch, endBatch } from '../../store/runs/batch-mark.ts';
import { mergeStore } from '../../store/runs/merge.ts';
import { runsWithContent } from '../../store/runs/run-list.ts';
import { StoreError } from '../../store/store-error.ts';
import { type Connection, openForWriting, type WaitOptions, whenUnlocked } from '../../store/store-file.ts';
import type { BatchItem } from './batch-items.ts';
import type { ItemSettings, ItemVerdict } from './replay-item.ts';
import { newReplayer, type Replayer } from './replayer.ts';

/** What became of an item. */
export type ItemOutcome =
  | { readonly kind: 'stored'; readonly runs: readonly number[]; readonly verdict: ItemVerdict }
  /** The store has these bytes already. */
  | { readonly kind: 'present'; readonly runs: readonly number[] }
  | { readonly kind: 'failed'; readonly message: string };

export interface BatchOptions extends ItemSettings, WaitOptions {
  readonly db: string;
  /** Processes that replay. */
  readonly jobs: number;
  /** Of every run, beside its own. */
  readonly labels: Readonly<Record<string, string>>;
  /** Called as items end, in whichever order. */
  readonly onItem: (item: BatchItem, outcome: ItemOutcome) => void;
}

/**
 * Each item is in the store whole or not at all; what is there already by the hash of its captures is passed over, so that a batch that was
 * ended goes on where it was. A capture that cannot be read ends nothing.
 * @returns number below which runs were in the store before the batch; one that goes on keeps that of its beginning
 * @throws StoreError when the store cannot be written, AbortError; what was stored before stays
 */
export async function runBatch(items: readonly BatchItem[], options: BatchOptions): Promise<number> {
  // Made, or found to be writable, before anything is read; from here on it can be read at any time.
  const fromRun = await written(options, beginBatch);
  const folder = mkdtempSync(join(tmpdir(), 'quiesce-batch-'));
  const replayers = Array.from({ length: Math.min(options.jobs, items.length) }, newReplayer);
  const end = (): Promise<unknown> => Promise.all(replayers.map((replayer) => replayer.close()));
  options.signal?.addEventListener('abort', end, { once: true });
  const writer = new Writer(options);
  const waiting = items.values();
  let failed = false;
  const work = async (replayer: Replayer, number: number): Promise<void> => {
    for (const item of waiting) {
      if (failed) return;
      options.signal?.throwIfAborted();
      try {
        const outcome = await outcomeOf(item, join(folder, `${number}.db`), replayer, writer, options);
        // Another one has failed for good, and this one was ended for it.
        if (failed) return;
        options.onItem(item, outcome);
      } catch (error) {
        failed = true;
        void end();
        throw error;
      }
    }
  };
  try {
    const ended = await Promise.allSettled(replayers.map(work));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  } finally {
    options.signal?.removeEventListener('abort', end);
    await end();
    rmSync(folder, { recursive: true, force: true });
  }
  await written(options, endBatch);
  return fromRun;
}

/** A small change of the store, by a transaction of its own. */
async function written<T>(options: BatchOptions, change: (db: Connection) => T): Promise<T> {
  const store = await whenUnlocked(options.db, options, () => openForWriting(options.db, false));
  try {
    const result = change(store.db);
    await whenUnlocked(options.db, options, () => store.commit());
    return result;
  } catch (error) {
    store.abort();
    throw error;
  }
}

async function outcomeOf(
  item: BatchItem,
  temporary: string,
  replayer: Replayer,
  writer: Writer,
  { db, keep, rows, profile, thresholds, kallsymsPath, labels, signal }: BatchOptions,
): Promise<ItemOutcome> {
  let captures: readonly string[];
  try {
    captures = await item.captures();
  } catch (error) {
    return { kind: 'failed', message: (error as Error).message };
  }
  const hash = hashOfRun(await hashCaptures(captures));
  const present = hash !== undefined ? runsWithContent(db, hash) : [];
  if (present.length > 0) return { kind: 'present', runs: present };
  const answer = await replayer.replay({
    captures,
    name: item.name,
    labels: { ...labels, ...item.labels },
    db: temporary,
    keep,
    ...(rows && { rows }),
    ...(profile && { profile }),
    ...(thresholds && { thresholds }),
    ...(kallsymsPath !== undefined && { kallsymsPath }),
  });
  signal?.throwIfAborted();
  try {
    if (answer.kind === 'failed') {
      if (answer.fatal) throw new StoreError(answer.message);
      return { kind: 'failed', message: answer.message };
    }
    const merged = await writer.merge(temporary);
    const runs = merged.map(({ to }) => to);
    return merged.some(({ added }) => added)
      ? { kind: 'stored', runs, verdict: answer.verdict }
      : { kind: 'present', runs };
  } finally {
    for (const path of [temporary, `${temporary}-journal`]) rmSync(path, { force: true });
  }
}

/** The one that writes: one run after another. */
class Writer {
  readonly #options: BatchOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  merge(from: string): ReturnType<typeof mergeStore> {
    const { db, waitMs, signal, onWait } = this.#options;
    const next = this.#last.then(() =>
      mergeStore(db, from, {
        ...(waitMs !== undefined && { waitMs }),
        ...(signal && { signal }),
        ...(onWait && { onWait }),
      }),
    );
    // Whoever asked hears of a failure; the next one is not concerned.
    this.#last = next.catch(() => undefined);
    return next;
  }
}
