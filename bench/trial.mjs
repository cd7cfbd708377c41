// One trial in a process of its own, run by plain node: no loader takes part in what is measured.
//   node bench/trial.mjs CASE INPUT DB  →  one line of JSON on standard output
// Times and memory are those of the work, start-up of node not counted.
import { rmSync } from 'node:fs';

const [name, input, db] = process.argv.slice(2);
const { replayCaptures, replayStore, openStore, IN_MEMORY } = await import('../dist/src/index.js');
const { RunStream } = await import('../dist/src/ingest/run-stream.js');

/** What is measured. Each returns the number of records that it went through. */
const CASES = {
  // The parser alone, in this thread.
  async parse() {
    const stream = await RunStream.open([input]);
    let records = 0;
    for await (const batch of stream.batches()) records += batch.length;
    await stream.close();
    return records;
  },
  async store() {
    return (await replayCaptures([input], { db, replay: false })).import.events;
  },
  // Models without a store.
  async models() {
    return (await replayCaptures([input], { db: IN_MEMORY })).import.events;
  },
  async whole() {
    return (await replayCaptures([input], { db })).import.events;
  },
  async replay() {
    return (await replayStore(db)).import.events;
  },
};

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
console.log(JSON.stringify({ events, wallNs, cpuNs, peakBytes: after.maxRSS * 1024 }));
