// One trial in a process of its own, run by plain node: no loader takes part in what is measured.
//   node bench/trial.mjs CASE INPUT DB  →  one line of JSON on standard output
// Times and memory are those of the work, start-up of node not counted.
import { closeSync, createReadStream, openSync, rmSync, writeSync } from 'node:fs';

const [name, input, db] = process.argv.slice(2);
const { ingest, openStore, replay } = await import('../dist/src/index.js');
const { RunStream } = await import('../dist/src/ingest/run-stream.js');

/** Parts of the work, for cases that tell them apart. */
const parts = [];
/** What reading the clock twice takes. */
const CLOCK_NS = 60;

/** What is measured. Each returns the number of records (of queries, for `query`) that it went through. */
const CASES = {
  // Reads the file four times and looks at every byte: what this machine can do at this moment. Baselines are ratios to it.
  async yardstick() {
    let lines = 0;
    let hash = 0;
    for (let pass = 0; pass < 4; pass++)
      for await (const chunk of createReadStream(input, { highWaterMark: 1 << 20 }))
        for (let i = 0; i < chunk.length; i++) {
          const byte = chunk[i];
          if (byte === 10) lines++;
          hash = Math.imul(hash ^ byte, 0x01000193);
        }
    return lines + (hash & 0);
  },
  // The parser alone, in this thread.
  async parse() {
    const stream = await RunStream.open([input]);
    let records = 0;
    for await (const batch of stream.batches()) records += batch.length;
    await stream.close();
    return records;
  },
  async store() {
    return (await ingest(input, { db })).import.events;
  },
  // Models without a store.
  async models() {
    return (await replay(input)).import.events;
  },
  async whole() {
    return (await replay(input, { db })).import.events;
  },
  async replay() {
    return (await replay(db)).import.events;
  },
  // Every query of the library that this store can answer, with its defaults; the slowest goes to standard error.
  async query() {
    const { namedQueries, runNamedQuery } = await import('../dist/src/query/named-catalog.js');
    const { QueryConnection } = await import('../dist/src/query/user-sql.js');
    const connection = new QueryConnection(db);
    let answered = 0;
    let slowest = { name: '', ms: 0 };
    for (const query of namedQueries()) {
      if (query.needs.some((view) => !connection.hasRelation(view))) continue;
      const start = performance.now();
      for (const _ of runNamedQuery(connection, query.name).rows);
      const ms = performance.now() - start;
      if (ms > slowest.ms) slowest = { name: query.name, ms };
      answered++;
    }
    connection.close();
    console.error(`slowest query: ${slowest.name}, ${slowest.ms.toFixed(0)} ms`);
    return answered;
  },
  // A Perfetto trace of the whole run; its size goes to standard error.
  async export() {
    const { exportRun } = await import('../dist/src/export/run-export.js');
    const { EVERYTHING } = await import('../dist/src/export/selection.js');
    const { PerfettoTarget } = await import('../dist/src/export/perfetto/perfetto-target.js');
    const file = openSync(`${db}.pftrace`, 'w');
    let bytes = 0;
    const target = new PerfettoTarget((chunk) => {
      bytes += writeSync(file, chunk);
    });
    const { events } = exportRun(db, undefined, EVERYTHING, target);
    closeSync(file);
    rmSync(`${db}.pftrace`);
    console.error(`perfetto trace: ${(bytes / 1e6).toFixed(1)} MB, ${(bytes / events).toFixed(0)} bytes per event`);
    return events;
  },
  async whatif() {
    const { runCommandLine } = await import('../dist/src/cli/program.js');
    const status = await runCommandLine(['whatif', db, '--quiet', '--json'], {
      out: () => undefined,
      err: () => undefined,
      colour: false,
      terminal: false,
    });
    if (status !== 0) throw new Error(`whatif ended with ${status}`);
    return eventsOf(db);
  },
  // Models without a store, each of them timed: what one mechanism costs. Timing itself costs, so only the shares count.
  async 'per-model'() {
    const { ReplayEngine } = await import('../dist/src/replay/engine.js');
    const nothing = () => undefined;
    const facts = new Proxy({}, { get: () => nothing });
    const engine = new ReplayEngine({ facts });
    for (const model of engine.models.order) timeModel(model);
    const stream = await RunStream.open([input]);
    let records = 0;
    for await (const batch of stream.batches()) {
      batch.firstEventId = records + 1;
      records += batch.length;
      engine.step(batch);
    }
    await stream.close();
    const start = process.hrtime.bigint();
    engine.finish();
    parts.push({ name: 'detectors', events: records, ns: Number(process.hrtime.bigint() - start) });
    return records;
  },
};

/** Wraps the handlers of a model with a clock. */
function timeModel(model) {
  const part = { name: model.constructor.name.replace(/Model$/, ''), events: 0, ns: 0 };
  parts.push(part);
  const subscribe = model.subscribe.bind(model);
  const timed = (handler) => (event) => {
    const start = process.hrtime.bigint();
    handler(event);
    part.events++;
    part.ns += Math.max(0, Number(process.hrtime.bigint() - start) - CLOCK_NS);
  };
  model.subscribe = (type) => {
    const handler = subscribe(type);
    if (handler === undefined) return undefined;
    if (typeof handler === 'function') return timed(handler);
    return { field: handler.field, of: (name) => handler.of(name) && timed(handler.of(name)) };
  };
}

function eventsOf(path) {
  const store = openStore(path);
  const { events } = store.run(1);
  store.close();
  return events;
}

const run = CASES[name];
if (run === undefined) throw new Error(`unknown case ${name}; cases: ${Object.keys(CASES).join(', ')}`);
if (name === 'store' || name === 'whole') rmSync(db, { force: true });
if (name === 'replay') openStore(db).close();

const before = process.resourceUsage();
const start = process.hrtime.bigint();
const events = await run();
const wallNs = Number(process.hrtime.bigint() - start);
const after = process.resourceUsage();
const cpuNs = (after.userCPUTime - before.userCPUTime + after.systemCPUTime - before.systemCPUTime) * 1000;
console.log(JSON.stringify({ events, wallNs, cpuNs, peakBytes: after.maxRSS * 1024, parts }));
