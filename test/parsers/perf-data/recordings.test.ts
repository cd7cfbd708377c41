import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DictionaryWriter } from '../../../parsers/dictionary-writer.ts';
import type { TraceFormat } from '../../../parsers/format.ts';
import { detectFormat } from '../../../parsers/index.ts';
import { perfData } from '../../../parsers/perf-data/perf-data.ts';
import { perfScript } from '../../../parsers/perf-script/perf-script.ts';
import { bufferSource } from '../../../parsers/source.ts';
import { DiagnosticSink, Dictionary, EventCursor } from '../../../schema/index.ts';
import { positionsOf } from '../../support/field-positions.ts';
import { describeParserContract, emptyFacts } from '../../support/parser-contract.ts';

const fixtureUrl = (name: string) => new URL(`../../fixtures/perf/${name}`, import.meta.url);
const fixture = (name: string) => gunzipSync(readFileSync(fixtureUrl(name)));

interface PlainEvent {
  readonly tsNs: number;
  readonly cpu: number;
  readonly tid: number;
  readonly comm: string;
  readonly name: string;
  readonly system: string;
  readonly shape: string;
  readonly fields: Record<string, string>;
  readonly stack: string[];
}

async function read(format: TraceFormat, bytes: Uint8Array): Promise<PlainEvent[]> {
  const dictionary = new Dictionary();
  const events: PlainEvent[] = [];
  const kallsymsPath = fileURLToPath(fixtureUrl('kallsyms.txt'));
  const diagnostics = new DiagnosticSink('fixture');
  const context = { dictionary: new DictionaryWriter(), diagnostics, facts: emptyFacts(), options: { kallsymsPath } };
  for await (const batch of format.parse(bufferSource(bytes), context)) {
    dictionary.apply(batch.delta);
    const cursor = new EventCursor(batch, dictionary.strings);
    for (cursor.index = 0; cursor.index < batch.length; cursor.index++) {
      const type = dictionary.types[cursor.typeId];
      const { name, system, shape } = type;
      const shown = positionsOf(type).filter(([, position]) => cursor.has(position));
      events.push({
        tsNs: cursor.tsNs,
        cpu: cursor.cpu,
        tid: cursor.tid,
        comm: dictionary.string(cursor.comm),
        name,
        system,
        shape,
        fields: Object.fromEntries(shown.map(([field, position]) => [field.name, cursor.text(position)])),
        stack: dictionary.stackFrames(cursor.stack).map((frame) => dictionary.formatFrame(frame)),
      });
    }
  }
  expect([...diagnostics.issues.keys()]).toEqual([]);
  return events;
}

/** What the two forms of one recording do not share. */
function comparable(event: PlainEvent): PlainEvent {
  const fields = { ...event.fields };
  // The text shows a place for samples without call chain only; booleans are words there.
  if (event.shape === 'sample') delete fields.ip;
  if (event.name === 'sched_process_exit')
    fields.group_dead = fields.group_dead?.replace('true', '1').replace('false', '0');
  // perf opens the files of user frames; we know the name of the object only, as perf does for stripped ones.
  // Nor does the text tell the sizes of functions.
  const stack = event.stack.map((frame) =>
    (/ \[.*\]$/.test(frame) ? frame.replace(/^.* \[/, '[unknown] [') : frame).replace(
      /(\+0x[0-9a-f]+)\/0x[0-9a-f]+/,
      '$1',
    ),
  );
  return { ...event, fields, stack };
}

const RECORDINGS = ['callgraph', 'per-event', 'compressed', 'pipe', 'cpu-clock'];

describe('perf.data and the text that perf script makes of it', () => {
  it.each(RECORDINGS)('agree in every event, field and frame: %s', async (name) => {
    const binary = await read(perfData, fixture(`${name}.perf.data.gz`));
    const text = await read(perfScript, fixture(`${name}.script.txt.gz`));
    expect(binary.length).toBeGreaterThan(10);
    expect(binary.map(comparable)).toEqual(text.map(comparable));
  });

  it('attach no stack to events that were recorded without, though the text ends with a place', async () => {
    const events = await read(perfData, fixture('per-event.perf.data.gz'));
    const withStack = new Set(events.filter((event) => event.stack.length > 0).map((event) => event.name));
    expect([...withStack]).toEqual(['sched_switch']);
  });

  it.each(RECORDINGS)('are told apart by their content: %s', async (name) => {
    expect((await detectFormat(bufferSource(fixture(`${name}.perf.data.gz`)))).id).toBe('perf-data');
    expect((await detectFormat(bufferSource(fixture(`${name}.script.txt.gz`)))).id).toBe('perf-script');
  });
});

for (const name of RECORDINGS) {
  // A file keeps its event formats behind the samples: cut short, it has other events (perf-data-robust.test.ts).
  const isPipe = name === 'pipe';
  const binary = { truncations: isPipe ? 9 : 0, oneByteChunks: isPipe };
  describeParserContract(name, perfData, () => fixture(`${name}.perf.data.gz`), binary);
  const text = { truncations: 5, oneByteChunks: name === 'cpu-clock' };
  describeParserContract(`${name} text`, perfScript, () => fixture(`${name}.script.txt.gz`), text);
}
