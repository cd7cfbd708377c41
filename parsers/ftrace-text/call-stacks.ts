/**
 * Function calls of the function_graph tracer as funcgraph_entry and funcgraph_exit events. The text names the function of a
 * closing brace only on request (funcgraph-tail), so the open calls are remembered by task and depth.
 */
import type { BatchWriter, EventType } from '../../schema/index.ts';
import type { DictionaryWriter } from '../dictionary-writer.ts';
import type { RecordHeader } from '../event-text/event-text.ts';
import type { GraphLine } from './graph-line.ts';

/** FTRACE_RETFUNC_DEPTH is 50; deeper ones of newer kernels lose only their names. */
const MAX_DEPTH = 128;
/** Tasks with open calls that are remembered. */
const MAX_TASKS = 16384;

const utf8 = new TextDecoder('utf-8');

export class CallStacks {
  readonly #dictionary: DictionaryWriter;
  readonly #open = new Map<number, Int32Array>();
  #entry: EventType | undefined;
  #exit: EventType | undefined;
  /** Field of the entry that holds the arguments, of the exit that holds the return value; −1 before the first one. */
  #argsField = -1;
  #returnField = -1;

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
  }

  enter(key: number, depth: number, func: number): void {
    if (depth >= MAX_DEPTH) return;
    let functions = this.#open.get(key);
    if (functions === undefined) {
      if (this.#open.size >= MAX_TASKS) this.#open.clear();
      functions = new Int32Array(MAX_DEPTH);
      this.#open.set(key, functions);
    }
    functions[depth] = func;
  }

  /** String id of the function open at that depth, 0 when its entry was not seen. */
  functionAt(key: number, depth: number): number {
    return depth < MAX_DEPTH ? (this.#open.get(key)?.[depth] ?? 0) : 0;
  }

  writeEntry(
    writer: BatchWriter,
    header: RecordHeader,
    func: number,
    depth: number,
    bytes: Uint8Array,
    argsStart: number,
    argsEnd: number,
  ): void {
    this.#entry ??= this.#dictionary.eventType('funcgraph_entry', 'tracepoint', 'ftrace', []);
    const typeId = this.#entry.typeId;
    if (argsStart < argsEnd && this.#argsField < 0)
      this.#argsField = this.#dictionary.addField(typeId, { name: 'args', type: 'str' });
    writer.begin(header.tsNs, header.cpu, header.tid, header.comm, typeId, header.flags, 0);
    writer.str(func);
    writer.int(depth);
    if (argsStart < argsEnd) writeTextAt(writer, 2, this.#argsField, utf8.decode(bytes.subarray(argsStart, argsEnd)));
    writer.end();
  }

  /** @param tsNs time of the return. */
  writeExit(
    writer: BatchWriter,
    header: RecordHeader,
    tsNs: number,
    func: number,
    graph: GraphLine,
    bytes: Uint8Array,
  ): void {
    this.#exit ??= this.#dictionary.eventType('funcgraph_exit', 'tracepoint', 'ftrace', []);
    const typeId = this.#exit.typeId;
    const hasReturn = graph.retStart < graph.retEnd;
    if (hasReturn && this.#returnField < 0)
      this.#returnField = this.#dictionary.addField(typeId, { name: 'retval', type: 'str' });
    writer.begin(tsNs, header.cpu, header.tid, header.comm, typeId, header.flags, 0);
    writer.str(func);
    if (graph.durationNs >= 0) writer.int(graph.durationNs);
    else writer.null();
    writer.int(graph.depth);
    if (hasReturn) writeTextAt(writer, 3, this.#returnField, utf8.decode(bytes.subarray(graph.retStart, graph.retEnd)));
    writer.end();
  }
}

/** Writes a text as the field of that index when `written` fields are there. */
function writeTextAt(writer: BatchWriter, written: number, field: number, text: string): void {
  for (let n = written; n < field; n++) writer.null();
  writer.text(text);
}
