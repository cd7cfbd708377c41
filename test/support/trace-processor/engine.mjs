/**
 * Perfetto's trace_processor (the WebAssembly build of v55.3, Apache-2.0) in plain Node: loads a trace and answers SQL.
 *
 *   node test/support/trace-processor/engine.mjs run.pftrace "SELECT name, dur FROM slice LIMIT 5" …
 *   node test/support/trace-processor/engine.mjs run.pftrace < statements.json      an array of statements
 *
 * Prints one JSON array of rows per statement; integers beyond 2^53 are strings. fetch.mjs brings the files of the engine.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { engineFolder } from './place.mjs';

const CHUNK_BYTES = 32 * 2 ** 20;
const POLL_MS = 20;

/** What the glue for a browser's worker needs to run here. */
const EDITS = [
  ['this.useMemory64 = hasMemory64Support();', 'this.useMemory64 = false;'],
  ['locateFile: (s) => s,', 'locateFile: (s) => s, wasmBinary: globalThis.engineBytes,'],
  [
    'const wasmBridge = new wasm_bridge_1.WasmBridge();',
    'const wasmBridge = new wasm_bridge_1.WasmBridge(); globalThis.engineBridge = wasmBridge;',
  ],
];

async function startEngine() {
  const global = (name, value) =>
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  const folder = engineFolder();
  global('self', globalThis);
  global('WorkerGlobalScope', () => undefined);
  global('location', { href: `${pathToFileURL(folder).href}/` });
  global('engineBytes', new Uint8Array(readFileSync(`${folder}/trace_processor.wasm`)));
  // The engine's own messages are no answers.
  console.log = () => undefined;
  console.warn = () => undefined;
  let glue = readFileSync(`${folder}/engine_bundle.node.js`, 'utf8');
  for (const [found, wanted] of EDITS) {
    if (!glue.includes(found)) throw new Error(`the engine is another one: it lacks "${found}"`);
    glue = glue.replace(found, wanted);
  }
  vm.runInThisContext(glue);
  const { EngineBase } = await import(pathToFileURL(`${folder}/engine.mjs`).href);
  const { port1, port2 } = new MessageChannel();
  const bridge = globalThis.engineBridge;
  bridge.initialize(port1);
  class Engine extends EngineBase {
    id = 'trace_processor';
    mode = 'WASM';
    rpcSendRequestBytes(bytes) {
      port2.postMessage(bytes);
    }
  }
  const engine = new Engine();
  port2.onmessage = ({ data }) => engine.onRpcResponseBytes(data);
  while (bridge.reqBufferAddr === 0) await setTimeout(POLL_MS);
  return engine;
}

async function load(engine, path) {
  const file = openSync(path, 'r');
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk))
    await engine.parse(chunk.slice(0, read));
  closeSync(file);
  await engine.notifyEof();
}

function plain(value) {
  if (typeof value !== 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

async function rowsOf(engine, sql) {
  const result = await engine.query(sql);
  const columns = result.columns();
  const rows = [];
  for (const row = result.iter({}); row.valid(); row.next())
    rows.push(Object.fromEntries(columns.map((column) => [column, plain(row.get(column))])));
  return rows;
}

const [path, ...given] = process.argv.slice(2);
const statements = given.length > 0 ? given : JSON.parse(readFileSync(0, 'utf8'));
const engine = await startEngine();
await load(engine, path);
const answers = [];
for (const sql of statements) answers.push(await rowsOf(engine, sql));
process.stdout.write(`${answers.map((rows) => JSON.stringify(rows)).join('\n')}\n`, () => process.exit(0));
