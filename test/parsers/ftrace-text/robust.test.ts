/** Damage: any bytes give events, counted issues or one clear refusal; chunk sizes do not matter; memory stays bounded. */
import { readdirSync, readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ftraceText } from '../../../parsers/ftrace-text/format.ts';
import { FORMATS } from '../../../parsers/index.ts';
import { describeParserContract, readCapture, readOrRefuse, readText } from '../../support/parser-contract.ts';

const fixtures = new URL('../../fixtures/ftrace-text/', import.meta.url);
const load = (name: string): Uint8Array => readFileSync(new URL(name, fixtures));
const encoder = new TextEncoder();

for (const name of readdirSync(fixtures)) {
  // One-byte chunks for one file of each layout: the others differ in payloads only.
  const oneByteChunks = /^(fgraph\.trace|nmistorm\.report|chain4lat\.latency|lost\.trace_pipe|rt\.trace)\.txt$/.test(
    name,
  );
  describeParserContract(name, ftraceText, () => load(name), { oneByteChunks, truncations: 7 });
}

describe('detection', () => {
  it('every fixture is claimed by ftrace text before any other format', () => {
    for (const name of readdirSync(fixtures)) {
      const first = FORMATS.find((format) => format.sniff(load(name).subarray(0, 65536)));
      expect(first?.id).toBe('ftrace-text');
    }
  });

  it('binaries and prose are not claimed', () => {
    const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46, 0x49, 0x46, 0, 1]);
    for (const bytes of [
      jpeg,
      encoder.encode('Dear all,\nplease find attached.\n'),
      new Uint8Array(0),
      encoder.encode('{"traceEvents":[]}'),
    ])
      expect(ftraceText.sniff(bytes)).toBe(false);
  });
});

describe('damaged input', () => {
  const samples = ['nmistorm.trace.txt', 'fgraph.trace.txt', 'chain4.report-R.txt', 'chain4lat.latency.txt'].map(load);

  it('arbitrary bytes never throw anything but CaptureError (O50)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 400 }),
        fc.integer({ min: 1, max: 50 }),
        async (bytes, chunkBytes) => {
          await readOrRefuse(ftraceText, bytes, chunkBytes);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('changed, repeated and missing bytes of real traces neither, and every line is accounted for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(samples.length - 1),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'repeat')), {
          minLength: 1,
          maxLength: 12,
        }),
        async (which, where, edits) => {
          const sample = samples[which];
          let bytes = Uint8Array.from(sample.subarray(where % sample.length, (where % sample.length) + 3000));
          for (const [at, value, how] of edits) {
            const position = at % Math.max(1, bytes.length);
            if (how === 'set') bytes[position] = value;
            else if (how === 'cut')
              bytes = Uint8Array.from([...bytes.subarray(0, position), ...bytes.subarray(position + value)]);
            else
              bytes = Uint8Array.from([
                ...bytes.subarray(0, position),
                ...bytes.subarray(Math.max(0, position - value)),
              ]);
          }
          const reading = await readOrRefuse(ftraceText, bytes);
          if (!reading) return;
          const lines = Buffer.from(bytes).toString('latin1').split('\n').length;
          const skipped = reading.issues.reduce(
            (sum, issue) => sum + (issue.kind === 'line-unreadable' ? issue.count : 0),
            0,
          );
          expect(skipped).toBeLessThanOrEqual(lines);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('a line of many megabytes is counted and skipped, and the trace goes on', async () => {
    const line = ' bash-1     [000] .....     1.000001: local_timer_entry: vector=236\n';
    const bytes = encoder.encode(`# tracer: nop\n${line}${'z'.repeat(5 << 20)}\n${line}`);
    const reading = await readCapture(ftraceText, bytes, 65536);
    expect(reading.events.length).toBe(2);
    expect(reading.issues).toMatchObject([{ kind: 'line-too-long', count: 1, first: { line: 3 } }]);
  });

  it('event names without end do not fill the dictionary with types', async () => {
    const lines = Array.from({ length: 9000 }, (_, i) => ` bash-${i} [000] ..... 1.000001: e${i}: x=1\n`).join('');
    const reading = await readText(ftraceText, lines);
    expect(reading.events.length).toBe(9000);
    expect(reading.types.length).toBeLessThan(8300);
  });

  it('keys without end stay within the fields that an event can have', async () => {
    const payload = Array.from({ length: 500 }, (_, i) => `k${i}=${i}`).join(' ');
    const reading = await readText(ftraceText, ` bash-1 [000] ..... 1.000001: foo: ${payload}\n`);
    expect(reading.types[0].fields.length).toBeLessThanOrEqual(64);
    expect(reading.events[0].fields.k10).toBe('10');
  });
});

describe('systrace and atrace', () => {
  const header =
    '# tracer: nop\n#\n#           TASK-PID    CPU#    TIMESTAMP  FUNCTION\n#              | |       |          |         |\n';
  const events = [0, 1, 2]
    .map((i) => `          atrace-14662 (14662) [000] ...1 50260.64757${i}: tracing_mark_write: B|1|it's "${i}"\n`)
    .join('');
  const expected = ['B|1|it\'s "0"', 'B|1|it\'s "1"', 'B|1|it\'s "2"'];
  const script = `<script>var lib = '${'a'.repeat(2 << 20)}';</script>\n`;

  it.each([
    [
      'trace-data sections, the process list first',
      `<!DOCTYPE html>\n<title>Android System Trace</title>\n${script}  <script class="trace-data" type="application/text">\nPROCESS DUMP\nUSER PID\nroot 1\n</script>\n  <script class="trace-data" type="application/text">\n${header}${events}  </script>\n</html>\n`,
    ],
    [
      'a section that begins on the line of its tag',
      `<html>\n<title>Android System Trace</title>\n<!-- BEGIN TRACE -->\n  <script class="trace-data">${header}${events}</script>\n<!-- END TRACE -->\n</html>\n`,
    ],
    [
      'a JavaScript string',
      `<!DOCTYPE HTML>\n<head>systrace\n${script}<script>\n  var linuxPerfData = "\\\n${(header + events).replaceAll('"', '\\"').replaceAll('\n', '\\n\\\n')}";\n</script></html>\n`,
    ],
  ])('%s', async (_, page) => {
    expect(ftraceText.sniff(encoder.encode(page).subarray(0, 65536))).toBe(true);
    const { events: rows, issues, facts } = await readText(ftraceText, page, 4096);
    expect(rows.map((row) => row.fields.buf)).toEqual(expected);
    expect(issues).toEqual([]);
    expect(facts.format).toBe('ftrace text (systrace)');
  });

  it('a page without a trace is not claimed', () => {
    expect(ftraceText.sniff(encoder.encode('<!DOCTYPE html>\n<html><body>hello</body></html>\n'))).toBe(false);
  });

  it('atrace -z: a zlib stream after TRACE:, whole and cut', async () => {
    const packed = Buffer.concat([
      encoder.encode('capturing trace... done\nTRACE:\n'),
      deflateSync(header + events.repeat(500)),
    ]);
    const whole = await readCapture(ftraceText, packed, 100);
    expect(whole.events.length).toBe(1500);
    const cut = await readCapture(ftraceText, packed.subarray(0, Math.floor(packed.length / 2)));
    expect(cut.events.length).toBeLessThan(1500);
    expect(cut.issues.map((issue) => issue.kind)).toEqual(['truncated']);
  });
});
