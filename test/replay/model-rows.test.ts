/** Rows of the models: what they say of snapshots is so. */
import type { Runtime } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { ReplayEngine } from '../../src/replay/engine.ts';
import { instantOf } from '../../src/replay/instant/instant.ts';
import type { ModelRow, Models } from '../../src/replay/model/models.ts';
import { loadLiveState, saveLiveState } from '../../src/replay/snapshot/live-state.ts';
import { batchesOf, type EventLog, readLog } from '../support/event-log.ts';
import { collectedFacts } from '../support/replay-capture.ts';

const SAMPLES = ['preempted-reader.trace.txt.zst', 'srcu-deadlock.trace.txt.zst', 'lock-cycle.trace.txt.zst'];
const BATCH = 3000;

const newEngine = (): ReplayEngine => new ReplayEngine({ facts: collectedFacts() });
const nameOf = ({ model }: ModelRow): string => model.constructor.name;

/** The engine, noting which models are looked at. */
function watched(engine: ReplayEngine, read: Set<unknown>): ReplayEngine {
  const models = new Proxy(engine.models, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      read.add(value);
      return value;
    },
  });
  return { world: engine.world, models } as unknown as ReplayEngine;
}

/** Fields of a model, private ones too, that hold something: `#open Map(2)`. */
async function holdings(session: Session, model: unknown): Promise<string[]> {
  const holder = globalThis as { heldModel?: unknown };
  holder.heldModel = model;
  const { result } = await session.post('Runtime.evaluate', { expression: 'globalThis.heldModel' });
  const shown = await session.post('Runtime.getProperties', {
    objectId: result.objectId as string,
    ownProperties: true,
  });
  delete holder.heldModel;
  // Not in the types of Node: private fields are a part of the protocol all the same.
  const { privateProperties = [] } = shown as {
    privateProperties?: Pick<Runtime.PropertyDescriptor, 'name' | 'value'>[];
  };
  return [...shown.result, ...privateProperties]
    .filter(({ value }) => /^(Map|Set|Array|\w+Array)\([1-9]/.test(value?.description ?? ''))
    .map(({ name, value }) => `${name} ${value?.description}`);
}

describe('a row of src/replay/model/models.ts', () => {
  let logs: EventLog[];

  beforeAll(async () => {
    logs = await Promise.all(
      SAMPLES.map((name) => readLog(new URL(`../../samples/${name}`, import.meta.url).pathname)),
    );
  });

  it('names a part of the snapshot, and every part has a row', () => {
    const engine = newEngine();
    const parts = new Set(
      engine.models.rows.map(({ snapshot }) => snapshot).filter((part) => typeof part === 'string'),
    );
    parts.delete('stateless');
    const saved = Object.entries(saveLiveState(engine)).filter(([, value]) => typeof value === 'object');
    expect([...parts].sort()).toEqual(
      saved
        .map(([name]) => name)
        .filter((name) => name !== 'profile')
        .sort(),
    );
  });

  it('is there for every model that others can ask', () => {
    const { rows, order, ...models }: Models = newEngine().models;
    expect(order).toEqual(rows.map(({ model }) => model));
    expect(Object.values(models).filter((model) => 'subscribe' in model && !order.includes(model))).toEqual([]);
  });

  it('keeps what is shown of an instant, and what a snapshot reads and writes', () => {
    const shown = new Set<unknown>();
    for (const log of logs) {
      const engine = newEngine();
      for (const batch of batchesOf(log, [BATCH])) {
        engine.step(batch);
        instantOf(watched(engine, shown), engine.world.nowNs);
      }
      expect(shown.size).toBeGreaterThan(5);
      const kept = engine.models.rows.filter(
        ({ snapshot }) => typeof snapshot === 'string' && snapshot !== 'stateless',
      );
      const notKept = engine.models.rows.filter((row) => shown.has(row.model) && !kept.includes(row));
      expect(notKept.map(nameOf)).toEqual([]);

      const written = new Set<unknown>();
      saveLiveState(watched(engine, written));
      expect(kept.filter(({ model }) => !written.has(model)).map(nameOf)).toEqual([]);
      shown.clear();
    }
  });

  it('says stateless only of what holds nothing from event to event', async () => {
    const session = new Session();
    session.connect();
    let held = 0;
    for (const log of logs) {
      const engine = newEngine();
      for (const batch of batchesOf(log, [BATCH])) {
        engine.step(batch);
        for (const row of engine.models.rows) {
          const holds = await holdings(session, row.model);
          held += holds.length;
          if (row.snapshot === 'stateless') expect(holds.map((what) => `${nameOf(row)} holds ${what}`)).toEqual([]);
        }
      }
    }
    session.disconnect();
    // The inspector does see what the others hold.
    expect(held).toBeGreaterThan(100);
  });

  it('with a reason gives one', () => {
    for (const { snapshot } of newEngine().models.rows)
      if (typeof snapshot === 'object') expect(snapshot.leftOut.length).toBeGreaterThan(20);
  });
});

describe('a snapshot', () => {
  it('is loaded into every model whose row says so', () => {
    const saved = saveLiveState(newEngine());
    const loaded = new Set<unknown>();
    const engine = newEngine();
    const other = watched(engine, loaded);
    Object.assign(other, { resume: () => undefined });
    loadLiveState(other, saved, []);
    const kept = engine.models.rows.filter(({ snapshot }) => typeof snapshot === 'string' && snapshot !== 'stateless');
    expect(kept.filter(({ model }) => !loaded.has(model)).map(nameOf)).toEqual([]);
  });
});
