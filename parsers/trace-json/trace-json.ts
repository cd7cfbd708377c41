/** JSON traces: `perf data convert --to-json`, and the Chrome trace format of Chrome, Perfetto and others. */
import { CaptureError, type EventBatch } from '../../schema/index.ts';
import type { ParseContext, TraceFormat } from '../format.ts';
import type { ByteSource } from '../source.ts';
import { EventOutput } from './event-output.ts';
import { JsonError, JsonStream } from './json-stream.ts';
import { TraceVisitor } from './trace-visitor.ts';

export const traceJson: TraceFormat = {
  id: 'trace-json',
  title: 'JSON trace',
  details: 'perf data convert --to-json; Chrome and Perfetto JSON, as an array or with traceEvents, ftrace text inside',
  sniff,
  parse,
};

const latin1 = new TextDecoder('latin1');
const KEYS = /"(traceEvents|systemTraceEvents|linux-perf-json-version)"\s*:/;
/** First event of a bare array. */
const ARRAY_OF_EVENTS = /^\[\s*\{[^[\]]*"ph"\s*:\s*"/;

function sniff(head: Uint8Array): boolean {
  const text = latin1
    .decode(head)
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  if (text.startsWith('{')) return KEYS.test(text);
  return ARRAY_OF_EVENTS.test(text);
}

async function* parse(source: ByteSource, context: ParseContext): AsyncGenerator<EventBatch> {
  context.facts.format = 'JSON trace';
  const output = new EventOutput(context);
  const visitor = new TraceVisitor(output);
  const json = new JsonStream(visitor);
  let error: unknown;
  try {
    for await (const chunk of source.chunks()) {
      for (const _ of json.write(chunk)) {
        visitor.byte = json.consumedBytes;
        while (output.ready.length > 0) yield output.ready.shift() as EventBatch;
      }
    }
    json.end();
  } catch (caught) {
    error = caught;
  }
  visitor.finish();
  if (error !== undefined) judgeError(error, source, context, visitor, json);
  context.facts.format = visitor.isPerf ? 'perf data convert JSON' : 'Chrome JSON trace';
  if (visitor.isPerf) context.facts.clock = 'perf';
  yield* output.ready;
}

/**
 * Damage ends the reading; what came before it counts. An array of events may lack its end: the format allows that, so that a
 * program can stop writing at any time.
 * @throws CaptureError when there was no event before the damage
 */
function judgeError(
  error: unknown,
  source: ByteSource,
  context: ParseContext,
  visitor: TraceVisitor,
  json: JsonStream,
): void {
  const isDamage = error instanceof JsonError || error instanceof CaptureError;
  if (!isDamage) throw error;
  const reason = (error as Error).message;
  if (visitor.count === 0) {
    throw error instanceof CaptureError ? error : new CaptureError(`${source.name}: ${reason}; no event before it`);
  }
  const isOpenEnd = visitor.isEventArray && json.depth === 1 && !visitor.isInsideEvent && isAtEnd(error, json);
  if (!isOpenEnd) context.diagnostics.report('truncated', { byte: json.consumedBytes }, reason);
}

/** Whether the text was taken in whole, and only its end is missing. */
function isAtEnd(error: unknown, json: JsonStream): boolean {
  return error instanceof JsonError && error.byte === json.consumedBytes && json.ended;
}
