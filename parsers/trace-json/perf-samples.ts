/**
 * Samples of `perf data convert --to-json` (tools/perf/util/data-convert-json.c). perf 6.1 writes no event name and no fields:
 *
 *     {"timestamp": 1013720463463, "pid": 23371, "tid": 23371, "cpu": 0, "comm": "perf",
 *      "callchain": [{"ip": "0xffffffff813ad60a", "symbol": "update_se", "dso": "[kernel.kallsyms]"}, …]}
 *
 * Later versions add the fields of tracepoints under their own names.
 */
import { type EventField, NO_CPU, NO_TID } from '../../schema/index.ts';
import { moduleName } from '../perf-data/symbols/module-name.ts';
import type { EventOutput } from './event-output.ts';
import { decimalToInteger, isObject, type JsonObject, type JsonValue, jsonText } from './json-value.ts';

export const PERF_EXACT_KEYS: ReadonlySet<string> = new Set(['timestamp']);

const PREFIX_KEYS = new Set(['timestamp', 'pid', 'tid', 'cpu', 'comm', 'callchain']);
const MAX_FIELDS = 64;
const UNKNOWN = '[unknown]';

export class PerfSamples {
  count = 0;
  readonly #output: EventOutput;
  readonly #fieldIndex = new Map<string, number>();
  #lastNs = 0;

  constructor(output: EventOutput) {
    this.#output = output;
  }

  /** The `headers` object in front of the samples. */
  readHeaders(headers: JsonObject): void {
    const { facts } = this.#output.context;
    const { hostname, arch } = headers;
    const release = headers['os-release'];
    const online = headers['nrcpus-online'];
    const available = headers['nrcpus-avail'];
    if (typeof hostname === 'string') facts.hostname = hostname;
    if (typeof release === 'string') facts.profile.release = release;
    if (typeof arch === 'string') facts.profile.x86 = /^(x86_64|i[3-6]86)$/.test(arch);
    if (typeof online === 'number' && online > 0 && online < NO_CPU) facts.cpus = Math.max(facts.cpus, online);
    if (typeof available === 'number' && available > 0 && available < NO_CPU) facts.profile.possibleCpus = available;
  }

  /** @param byte where the sample stands, for diagnostics */
  add(sample: JsonObject, byte: number): void {
    const { context, writer } = this.#output;
    const { dictionary, diagnostics, facts } = context;
    const time = typeof sample.timestamp === 'string' ? decimalToInteger(sample.timestamp, 0) : undefined;
    const tsNs = (time === undefined ? undefined : this.#output.relative(time)) ?? this.#lastNs;
    if (tsNs < this.#lastNs) diagnostics.report('time-backwards', { byte }, `${tsNs} ns`);
    else this.#lastNs = tsNs;
    const cpu = typeof sample.cpu === 'number' && sample.cpu >= 0 && sample.cpu < NO_CPU ? sample.cpu : NO_CPU;
    if (cpu !== NO_CPU && cpu >= facts.cpus) facts.cpus = cpu + 1;
    const tid = typeof sample.tid === 'number' ? sample.tid : NO_TID;
    const comm = typeof sample.comm === 'string' ? dictionary.string(sample.comm) : 0;
    const { typeId } = dictionary.eventType('sample', 'sample', 'perf', []);
    const extra = Object.keys(sample).filter((key) => !PREFIX_KEYS.has(key));
    for (const key of extra) this.#field(typeId, key);
    const stack = this.#stack(sample.callchain);
    writer.begin(tsNs, cpu, tid, comm, typeId, 0, stack);
    for (const key of this.#fieldIndex.keys()) this.#cell(sample[key]);
    writer.end();
    this.count++;
    this.#output.rotate();
  }

  /** Declares a field that no sample had before. */
  #field(typeId: number, key: string): void {
    if (this.#fieldIndex.has(key) || this.#fieldIndex.size >= MAX_FIELDS) return;
    const field: EventField = { name: key, type: 'str' };
    this.#fieldIndex.set(key, this.#output.context.dictionary.addField(typeId, field));
  }

  #cell(value: JsonValue | undefined): void {
    const { writer, context } = this.#output;
    if (value === undefined || value === null) writer.null();
    else if (typeof value === 'number' && Number.isSafeInteger(value)) writer.int(value);
    else if (typeof value === 'number') writer.real(value);
    else if (typeof value === 'bigint') writer.bigint(value);
    else if (typeof value === 'string' && value.length <= 64) writer.str(context.dictionary.string(value));
    else writer.text(typeof value === 'string' ? value : jsonText(value));
  }

  #stack(chain: JsonValue | undefined): number {
    if (!Array.isArray(chain)) return 0;
    const { dictionary } = this.#output.context;
    const frames: number[] = [];
    for (const entry of chain) {
      if (!isObject(entry)) continue;
      const ip = typeof entry.ip === 'string' ? entry.ip : '';
      const object = typeof entry.dso === 'string' ? entry.dso : '';
      const isKernel = /^0x[89a-f][0-9a-f]{15}$/.test(ip);
      const module = object === '' ? (isKernel ? '' : 'unknown') : moduleName(object);
      const symbol = typeof entry.symbol === 'string' ? entry.symbol : isKernel ? ip : UNKNOWN;
      frames.push(dictionary.frame(dictionary.string(symbol), -1, module === '' ? 0 : dictionary.string(module)));
    }
    return dictionary.stack(frames);
  }
}
