/**
 * What every parser must do, whatever its format: the same events however the bytes arrive, nothing but CaptureError on damage, and
 * batches whose indices are sound. `describeParserContract` is called once per sample.
 */
import { describe, expect, it } from 'vitest';
import { DictionaryWriter } from '../../parsers/dictionary-writer.ts';
import type { CaptureFacts, TraceFormat } from '../../parsers/format.ts';
import { bufferSource } from '../../parsers/source.ts';
import {
  CaptureError,
  DiagnosticSink,
  Dictionary,
  type EventBatch,
  EventCursor,
  type EventType,
  type ImportIssue,
} from '../../schema/index.ts';
import { positionsOf } from './field-positions.ts';

/** One event as tests look at it. Field values: strings, exact decimal text of numbers, null. */
export interface EventRow {
  readonly tsNs: number;
  readonly cpu: number;
  readonly tid: number;
  readonly comm: string;
  readonly name: string;
  readonly shape: EventType['shape'];
  readonly flags: number;
  /** Function names, innermost first. */
  readonly stack: readonly string[];
  readonly fields: Readonly<Record<string, string | null>>;
}

export interface CaptureReading {
  readonly events: readonly EventRow[];
  readonly types: readonly EventType[];
  readonly facts: CaptureFacts;
  readonly issues: readonly ImportIssue[];
  readonly dictionary: Dictionary;
}

export function emptyFacts(): CaptureFacts {
  return { format: '', cpus: 0, lost: 0, profile: {}, baseNs: 0n, timeUnit: 'ns' };
}

/** Parses a capture in memory. @param chunkBytes size of the pieces in which the parser gets it. */
export async function readCapture(
  format: TraceFormat,
  bytes: Uint8Array,
  chunkBytes: number = Math.max(1, bytes.length),
): Promise<CaptureReading> {
  const diagnostics = new DiagnosticSink('sample');
  const facts = emptyFacts();
  const dictionary = new Dictionary();
  const events: EventRow[] = [];
  const context = { dictionary: new DictionaryWriter(), diagnostics, facts, options: {} };
  for await (const batch of format.parse(bufferSource(bytes, 'sample', chunkBytes), context)) {
    dictionary.apply(batch.delta);
    checkBatch(batch, dictionary);
    const cursor = new EventCursor(batch, dictionary.strings);
    for (cursor.index = 0; cursor.index < batch.length; cursor.index++) events.push(row(cursor, dictionary));
  }
  return { events, types: dictionary.types, facts, issues: [...diagnostics.issues.values()], dictionary };
}

/** The same for text. */
export function readText(format: TraceFormat, text: string, chunkBytes?: number): Promise<CaptureReading> {
  return readCapture(format, new TextEncoder().encode(text), chunkBytes);
}

function row(cursor: EventCursor, dictionary: Dictionary): EventRow {
  const type = dictionary.types[cursor.typeId];
  const fields: Record<string, string | null> = {};
  for (const [field, position] of positionsOf(type)) {
    const key = cursor.key(position);
    fields[field.name] = !cursor.has(position) ? null : typeof key === 'bigint' ? String(key) : cursor.text(position);
  }
  return {
    tsNs: cursor.tsNs,
    cpu: cursor.cpu,
    tid: cursor.tid,
    comm: dictionary.string(cursor.comm),
    name: type.name,
    shape: type.shape,
    flags: cursor.flags,
    stack: dictionary.stackSymbols(cursor.stack),
    fields,
  };
}

/** `expect` per cell would take longer than the parsing. */
function check(ok: boolean, what: string): void {
  if (!ok) expect.fail(what);
}

/** Every index of a batch points to something that the deltas so far have defined. */
function checkBatch(batch: EventBatch, dictionary: Dictionary): void {
  check(batch.length <= batch.capacity, 'more events than the batch holds');
  const limits = [Infinity, Infinity, dictionary.strings.length, batch.wideCount, batch.texts.length, Infinity];
  let cell = 0;
  for (let i = 0; i < batch.length; i++) {
    const type = dictionary.types[batch.type[i]];
    check(Number.isSafeInteger(batch.tsNs[i]), `event ${i}: time ${batch.tsNs[i]}`);
    check(type !== undefined, `event ${i}: no type ${batch.type[i]}`);
    check(batch.comm[i] < dictionary.strings.length, `event ${i}: no task name ${batch.comm[i]}`);
    check(batch.stack[i] < dictionary.stackCount, `event ${i}: no stack ${batch.stack[i]}`);
    check(batch.cellEnd[i] >= cell, `event ${i}: cells end before they begin`);
    check(batch.cellEnd[i] - cell <= type.fields.length, `event ${i}: more cells than ${type.name} has fields`);
    for (; cell < batch.cellEnd[i]; cell++)
      check(batch.cellValue[cell] < limits[batch.cellTag[cell]], `event ${i}: cell ${cell} points nowhere`);
  }
}

export interface ContractOptions {
  /** Cut points of the truncation test; each is a whole parse. */
  readonly truncations?: number;
  /** One-byte chunks are for small samples. */
  readonly oneByteChunks?: boolean;
}

/** Truncated and whole captures give the same events up to the cut; the last ones may differ. */
const EVENTS_AT_THE_CUT = 3;

export function describeParserContract(
  name: string,
  format: TraceFormat,
  load: () => Uint8Array,
  options: ContractOptions = {},
): void {
  describe(`parser contract: ${name}`, () => {
    it('is claimed by its format from the first bytes', () => {
      expect(format.sniff(load().subarray(0, 65536))).toBe(true);
    });

    it('gives the same events, facts and issues whatever the size of the chunks', async () => {
      const bytes = load();
      const whole = await readCapture(format, bytes);
      expect(whole.events.length).toBeGreaterThan(0);
      for (const chunkBytes of [...((options.oneByteChunks ?? bytes.length < 40_000) ? [1] : []), 100, 997]) {
        const pieces = await readCapture(format, bytes, chunkBytes);
        expect(pieces.events).toEqual(whole.events);
        expect(pieces.facts).toEqual(whole.facts);
        expect(pieces.issues).toEqual(whole.issues);
      }
    });

    it('reads what is there of a truncated capture, or refuses it with one line', async () => {
      const bytes = load();
      const whole = await readCapture(format, bytes);
      const cuts = options.truncations ?? 17;
      for (let cut = 1; cut <= cuts; cut++) {
        const part = await readOrRefuse(format, bytes.subarray(0, Math.floor((bytes.length * cut) / (cuts + 1))));
        if (part === undefined) continue;
        const sure = Math.max(0, part.events.length - EVENTS_AT_THE_CUT);
        expect(part.events.slice(0, sure).map(identity)).toEqual(whole.events.slice(0, sure).map(identity));
      }
    });
  });
}

function identity(event: EventRow): string {
  return `${event.tsNs} ${event.cpu} ${event.tid} ${event.name}`;
}

/** Parses damaged bytes: a reading, or undefined when the parser refused them with CaptureError. Anything else it throws fails the test. */
export async function readOrRefuse(
  format: TraceFormat,
  bytes: Uint8Array,
  chunkBytes?: number,
): Promise<CaptureReading | undefined> {
  try {
    return await readCapture(format, bytes, chunkBytes);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    expect(error.message).not.toContain('\n');
    return undefined;
  }
}
