/** Variants that users write: the documented format, its errors, and what the command line makes of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { WhatIfResult } from '../../../schema/index.ts';
import { combineVariants, type Variant, VariantError } from '../../../src/replay/what-if/operator.ts';
import { parseVariant } from '../../../src/replay/what-if/variant-file.ts';
import { resolveVariant, VARIANTS } from '../../../src/replay/what-if/variants.ts';
import { StoreReader } from '../../../src/store/run-reader.ts';
import { openForWriting } from '../../../src/store/store-file.ts';
import { quiesce } from '../../support/command-line.ts';
import { buildStore } from '../../support/sample-store.ts';
import { temporaryFolder, writeFileIn } from '../../support/temporary-folder.ts';

const MANUAL = readFileSync(new URL('../../../docs/WHAT-IF.md', import.meta.url), 'utf8');
const CYCLE = new URL('../../../samples/lock-cycle.trace.txt.zst', import.meta.url).pathname;
const folder = temporaryFolder();
afterAll(folder.remove);

function file(name: string, content: string): string {
  return writeFileIn(folder.path, name, content);
}

const parse = (...operators: unknown[]): Variant =>
  parseVariant(JSON.stringify({ name: 'mine', operators }), 'mine.json');

describe('a variant file', () => {
  it('is as the manual shows it, and changes what it says', async () => {
    const example = /```json\n([\s\S]*?)```/.exec(MANUAL)?.[1] ?? '';
    const variant = parseVariant(example, 'WHAT-IF.md');
    expect(variant).toMatchObject({ name: 'srcu-second-pool', operators: { length: 3 } });
    const path = file('example.json', example);
    const { status, out } = await quiesce('whatif', CYCLE, '--json', '--variant', path);
    expect(status).toBe(0);
    const [result] = (JSON.parse(out) as WhatIfResult).variants;
    expect(result).toMatchObject({ name: 'srcu-second-pool', no_op: false, cleared: { length: 1 } });
    expect(result.cleared[0]).toMatch(/^lock-inversion-/);
  });

  it('may be joined with others', async () => {
    const path = file(
      'raw.json',
      JSON.stringify({ name: 'raw', operators: [{ op: 'set-wait-type', classes: 'srcu', type: 'spin' }] }),
    );
    const { out } = await quiesce('whatif', CYCLE, '--json', '--variant', `srcu-irq-work+${path}`);
    expect((JSON.parse(out) as WhatIfResult).variants[0].name).toBe('srcu-irq-work+raw');
  });

  it('may do nothing: that is the identity', () => {
    expect(parseVariant('{"name": "nothing", "operators": []}', 'x')).toEqual({
      name: 'nothing',
      title: 'nothing',
      operators: [],
    });
  });

  it.each([
    ['{', /^mine\.json: not JSON: /],
    ['[1]', /^mine\.json: an object expected, with name, title and operators$/],
    ['null', /an object expected/],
    ['{"name": "a", "operators": [], "operator": 1}', /unknown key "operator"; known are name, title, operators/],
    ['{"operators": []}', /"name" must be lower-case letters, digits and dashes/],
    ['{"name": "A b", "operators": []}', /"name" must be/],
    ['{"name": "a", "title": 3, "operators": []}', /"title" must be a text/],
    ['{"name": "a"}', /"operators" must be a list/],
    ['{"name": "a", "operators": [[]]}', /operators\[0\]: an object with "op" expected/],
    [
      '{"name": "a", "operators": [{"op": "drop"}]}',
      /operators\[0\]: unknown op "drop"; known are set-wait-type, drop-edge/,
    ],
    ['{"name": "a", "operators": [{"op": "toString"}]}', /unknown op "toString"/],
    ['{"name": "a", "operators": [{}]}', /unknown op undefined/],
  ])('%s is refused', (text, message) => {
    expect(() => parseVariant(text, 'mine.json')).toThrow(message);
    expect(() => parseVariant(text, 'mine.json')).toThrow(VariantError);
  });

  it.each([
    [{ op: 'drop-edge', from: 'a' }, /"to" must be a regular expression/],
    [{ op: 'drop-edge', from: '(', to: 'a' }, /"from" is no regular expression: /],
    [{ op: 'drop-edge', from: '', to: 'a' }, /"from" must be a regular expression/],
    [
      { op: 'drop-edge', from: 'a', to: 'b', frame: 'c' },
      /unknown field "frame" of drop-edge; known are from, to, frames/,
    ],
    [{ op: 'drop-edge', from: 'a', to: 'b', frames: 3 }, /"frames" must be a regular expression/],
    [{ op: 'add-edge', from: 'a', to: '', because: 'x' }, /"to" must be the name of a lock class/],
    [{ op: 'add-edge', from: 'a', to: 'b' }, /"because" must be a text/],
    [{ op: 'set-wait-type', classes: 'a', type: 'raw' }, /"type" must be one of spin, config, sleep/],
    [{ op: 'set-api-locks', api: 'a', because: 'x' }, /"drop" or "add" expected/],
    [{ op: 'scale-context', context: 'user', factor: 1 }, /"context" must be one of nmi, hardirq, softirq/],
    [{ op: 'scale-context', context: 'nmi', factor: 2 }, /"factor" must be a number from 0 to 1/],
    [{ op: 'scale-context', context: 'nmi', factor: '0' }, /"factor" must be a number from 0 to 1/],
    [{ op: 'scale-context', context: 'nmi', factor: 0, cpu: 1.5 }, /"cpu" must be the number of a CPU/],
    [{ op: 'insert-wait', domains: '.', minMs: -1, maxMs: 1, because: 'x' }, /"minMs" must be a number of at least 0/],
    [{ op: 'insert-wait', domains: '.', minMs: 2, maxMs: 1, because: 'x' }, /"maxMs" must not be below "minMs"/],
    [{ op: 'replace-srcu-wait', how: 'fast' }, /"how" must be one of async, polled/],
    [{ op: 'set-srcu-flavor', domains: '.', flavor: 'fast' }, /"flavor" must be one of normal/],
    [{ op: 'srcu-to-rcu' }, /"domains" must be a regular expression/],
    [{ op: 'expedite', now: true }, /unknown field "now" of expedite; it has none/],
    [{ op: 'remove-wait', sites: [] }, /"sites" must be a regular expression/],
    [{ op: 'remove-lock-wait' }, /"frames" must be a regular expression/],
    [
      { op: 'set-profile', field: 'hz', value: true },
      /"field" must be one of rt, rawLockNesting, preemptRcu, proveRcu/,
    ],
    [{ op: 'set-profile', field: 'rt', value: 1 }, /"value" must be true or false/],
  ])('%j is refused', (operator, message) => {
    expect(() => parse({ op: 'expedite' }, operator)).toThrow(message);
    expect(() => parse({ op: 'expedite' }, operator)).toThrow(/^mine\.json: operators\[1\]/);
  });

  it('the manual names every operator and every variant', () => {
    const ops = new Set(VARIANTS.flatMap(({ operators }) => operators.map(({ op }) => op)));
    for (const op of ops) expect(MANUAL).toContain(`| \`${op}\` |`);
    for (const { name, id } of VARIANTS) {
      expect(MANUAL).toContain(`\`${name}\``);
      expect(MANUAL).toContain(id as string);
    }
    // The named ones are written in the same form.
    for (const { name, title, operators } of VARIANTS)
      expect(parseVariant(JSON.stringify({ name, title, operators }), name)).toEqual({ name, title, operators });
  });
});

describe('names', () => {
  it('combine with +', () => {
    const both = resolveVariant('srcu-raw-locks+srcu-irq-work');
    const [raw, irq] = ['srcu-raw-locks', 'srcu-irq-work'].map((name) => resolveVariant(name));
    expect(both.operators).toEqual([...raw.operators, ...irq.operators]);
    expect(combineVariants('one', [raw])).toBe(raw);
  });

  it('that are unknown are an error with the nearest one', async () => {
    expect(() => resolveVariant('irq-work')).toThrow('unknown variant "irq-work"; did you mean "srcu-irq-work"?');
    expect(() => resolveVariant('')).toThrow('unknown variant ""');
    const { status, err, out } = await quiesce('whatif', CYCLE, '--variant', 'nothing-like-it');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/unknown variant "nothing-like-it" \(known: identity, /);
    expect((await quiesce('whatif', CYCLE, '--variant', '/no/such.json')).status).toBe(2);
  });

  it('--list gives them', async () => {
    const { out } = await quiesce('whatif', '--list');
    expect(out.split('\n').filter((line) => line !== '')).toHaveLength(VARIANTS.length);
    expect(out).toMatch(/^srcu-irq-work +SRCU starts its grace period from irq_work/m);
  });
});

describe('quiesce whatif', () => {
  it('prints a matrix of at most 100 columns, with no-ops named', async () => {
    const { out, status } = await quiesce('whatif', CYCLE);
    expect(status).toBe(0);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(out).toMatch(/^lock-inversion lab_srcu_srcu_usage\.lock .*=/m);
    expect(out).toMatch(/no-op, nothing in this recording that the change would touch: identity, bpf-defer/);
  });

  it('keeps the results of a stored run, once each', async () => {
    const db = await buildStore(join(folder.path, 'kept.db'), ['lock-cycle.trace.txt.zst']);
    for (let i = 0; i < 2; i++)
      expect((await quiesce('whatif', db, '--variant', 'srcu-irq-work', '--variant', 'identity')).status).toBe(0);
    const rows = (): unknown[] => {
      const store = openForWriting(db, false);
      const kept = store.db.prepare('SELECT run_id, variant, no_op, body FROM variant_result ORDER BY variant').all();
      store.abort();
      return kept;
    };
    expect(rows()).toMatchObject([
      { run_id: 1, variant: 'identity', no_op: 1 },
      { run_id: 1, variant: 'srcu-irq-work', no_op: 0 },
    ]);
    const answer = JSON.parse(
      (await quiesce('whatif', db, '--variant', 'srcu-irq-work', '--json')).out,
    ) as WhatIfResult;
    expect(JSON.parse((rows()[1] as { body: string }).body)).toEqual(answer.variants[0]);
    // Under other settings it is not this run's result.
    await quiesce('whatif', db, '--variant', 'preempt-rt', '--blocked-sync', '5s');
    expect(rows()).toHaveLength(2);
    const reader = new StoreReader(db);
    expect(answer.baseline).toEqual(reader.findings(1));
    reader.close();
  });
});
