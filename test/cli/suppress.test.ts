/** Known issues: which findings a file suppresses, what is said of them, and what is wrong with a file. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding, ReplayResult, WhatIfResult } from '../../schema/index.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { parseSuppressions, SuppressionError, suppressionOf } from '../../src/report/replay/suppressions.ts';
import { quiesce } from '../support/command-line.ts';
import { temporaryFolder, writeFileIn } from '../support/temporary-folder.ts';

const sample = (name: string): string => new URL(`../../samples/${name}`, import.meta.url).pathname;
const folder = temporaryFolder();
afterAll(folder.remove);

let findings: readonly Finding[] = [];
beforeAll(async () => {
  for (const name of ['nmi-storm.trace.txt.zst', 'lock-cycle.trace.txt.zst', 'srcu-deadlock.trace.txt.zst']) {
    const result = await replayCaptures([sample(name)], { threads: 1 });
    findings = [...findings, ...result.findings];
  }
});

const parse = (...entries: unknown[]): ReturnType<typeof parseSuppressions> =>
  parseSuppressions(JSON.stringify({ suppressions: entries }), 'known.json');

/** Kinds of the findings that an entry suppresses, each once. */
function suppressed(entry: Record<string, unknown>): string[] {
  const list = parse({ reason: 'known', ...entry });
  return [...new Set(findings.filter((finding) => suppressionOf(finding, list)).map((finding) => finding.kind))].sort();
}

function file(name: string, content: unknown): string {
  return writeFileIn(folder.path, name, typeof content === 'string' ? content : JSON.stringify(content));
}

describe('an entry', () => {
  it('selects by kind, locks, functions, domains, tasks and id', () => {
    expect(suppressed({ kind: 'rcu-stall' })).toEqual(['rcu-stall']);
    expect(suppressed({ kind: ['rcu-stall', 'nmi-storm'] })).toEqual(['nmi-storm', 'rcu-stall']);
    expect(suppressed({ locks: ['&pool->lock', '&rq->__lock'] })).toEqual(['lock-inversion']);
    expect(suppressed({ locks: 'lab_srcu*' })).toEqual(['lock-inversion', 'wait-context']);
    expect(suppressed({ functions: 'synchronize_rcu' })).toContain('blocked-sync');
    expect(suppressed({ domains: 'rcu_preempt' })).toContain('rcu-stall');
    expect(suppressed({ tasks: 'lab_rd*' })).toContain('deadlock');
    const { id, kind } = findings[0];
    expect(suppressed({ id })).toEqual([kind]);
  });

  it('needs all of its fields, and all of its locks', () => {
    expect(suppressed({ kind: 'rcu-stall', tasks: 'nobody' })).toEqual([]);
    expect(suppressed({ locks: ['&pool->lock', 'no_such_lock'] })).toEqual([]);
  });

  it('takes * for any characters and everything else for itself', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
        const finding = { ...findings[0], kind: 'hung-task', task: `${a}${b}${c}`, chain: [] } as unknown as Finding;
        const literal = (text: string): string => (text.includes('*') ? '' : text);
        const pattern = `${literal(a)}*${literal(c)}`;
        if (literal(a) === a && literal(c) === c)
          expect(suppressionOf(finding, [{ reason: 'r', tasks: [pattern] }])).toBeDefined();
        if (!`${a}${b}${c}`.includes('x') && !pattern.includes('**'))
          expect(suppressionOf(finding, [{ reason: 'r', tasks: [`${pattern}x`] }])).toBeUndefined();
      }),
    );
  });

  it('is not slow for any pattern', () => {
    const finding = { ...findings[0], kind: 'hung-task', task: 'a'.repeat(5000), chain: [] } as unknown as Finding;
    const started = performance.now();
    expect(suppressionOf(finding, [{ reason: 'r', tasks: [`${'a*'.repeat(2000)}b`] }])).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('a file', () => {
  it.each([
    ['{', /^known\.json: not JSON: /],
    ['[]', /^known\.json: an object with a list "suppressions" expected$/],
    ['{"suppressions": {}}', /an object with a list "suppressions" expected/],
    ['{"suppressions": [], "more": 1}', /unknown key "more"/],
    ['{"suppressions": [1]}', /suppressions\[0\]: an object expected/],
    ['{"suppressions": [{"kind": "rcu-stall"}]}', /suppressions\[0\]: "reason" must say why/],
    ['{"suppressions": [{"reason": " ", "id": "x"}]}', /"reason" must say why/],
    ['{"suppressions": [{"reason": "r"}]}', /would suppress everything; give one of id, identity, kind, locks/],
    [
      '{"suppressions": [{"reason": "r", "id": "x"}, {"reason": "r", "lock": "x"}]}',
      /suppressions\[1\]: unknown field "lock"/,
    ],
    ['{"suppressions": [{"reason": "r", "locks": []}]}', /"locks" must be a text, or a list of texts/],
    ['{"suppressions": [{"reason": "r", "tasks": 7}]}', /"tasks" must be a text, or a list of texts/],
    [
      '{"suppressions": [{"reason": "r", "kind": "rcu-stal"}]}',
      /"rcu-stal" is no kind of finding; known are lock-inversion/,
    ],
  ])('%s is refused', (text, message) => {
    expect(() => parseSuppressions(text, 'known.json')).toThrow(message);
    expect(() => parseSuppressions(text, 'known.json')).toThrow(SuppressionError);
  });

  it('the example of the manual is a good one', () => {
    const manual = readFileSync(new URL('../../docs/SUPPRESS.md', import.meta.url), 'utf8');
    const example = /```json\n([\s\S]*?)```/.exec(manual)?.[1] ?? '';
    const entries = parseSuppressions(example, 'SUPPRESS.md');
    expect(entries).toHaveLength(2);
    expect(findings.filter((finding) => suppressionOf(finding, entries)).map((finding) => finding.kind)).toEqual(
      expect.arrayContaining(['lock-inversion', 'blocked-sync', 'hung-task']),
    );
  });
});

describe('quiesce replay --suppress', () => {
  const cycle = { suppressions: [{ reason: 'known since 7.0-rc4', kind: 'lock-inversion' }] };

  it('counts what it leaves out, and gives the reason', async () => {
    const known = file('cycle.json', cycle);
    const { status, out } = await quiesce(
      'replay',
      sample('lock-cycle.trace.txt.zst'),
      '--db',
      ':memory:',
      '--suppress',
      known,
      '--fail-on',
      'error',
    );
    expect(status).toBe(0);
    expect(out).not.toMatch(/error: lock-inversion/);
    expect(out).toMatch(/1 finding suppressed:\n {2}- lock-inversion-[0-9a-f]{8}: known since 7\.0-rc4/);
    expect(
      (await quiesce('replay', sample('lock-cycle.trace.txt.zst'), '--db', ':memory:', '--fail-on', 'error')).status,
    ).toBe(1);
  });

  it('lists it apart in JSON, shows it on demand, and never fails for it', async () => {
    const known = file('cycle.json', cycle);
    const json = async (...more: string[]): Promise<{ status: number; result: ReplayResult }> => {
      const { status, out } = await quiesce(
        'replay',
        sample('lock-cycle.trace.txt.zst'),
        '--db',
        ':memory:',
        '--json',
        '--suppress',
        known,
        '--fail-on',
        'error',
        ...more,
      );
      return { status, result: JSON.parse(out) as ReplayResult };
    };
    const hidden = await json();
    expect(hidden.result.findings.map((finding) => finding.kind)).not.toContain('lock-inversion');
    expect(hidden.result.suppressed).toMatchObject([{ kind: 'lock-inversion', reason: 'known since 7.0-rc4' }]);
    const shown = await json('--show-suppressed');
    const finding = shown.result.findings.find(({ kind }) => kind === 'lock-inversion');
    expect(finding?.notes.at(-1)?.text).toBe('suppressed: known since 7.0-rc4');
    expect(shown.result.suppressed).toEqual(hidden.result.suppressed);
    expect([hidden.status, shown.status]).toEqual([0, 0]);
  });

  it('takes several files, and what it does not have to say is not there', async () => {
    const one = file('one.json', { suppressions: [{ reason: 'a', kind: 'wait-context' }] });
    const two = file('two.json', cycle);
    const { out } = await quiesce(
      'replay',
      sample('lock-cycle.trace.txt.zst'),
      '--db',
      ':memory:',
      '--json',
      '--suppress',
      one,
      '--suppress',
      two,
    );
    expect(new Set((JSON.parse(out) as ReplayResult).suppressed?.map(({ reason }) => reason))).toEqual(
      new Set(['a', 'known since 7.0-rc4']),
    );
    const plain = await quiesce('replay', sample('lock-cycle.trace.txt.zst'), '--db', ':memory:', '--json');
    expect(JSON.parse(plain.out)).not.toHaveProperty('suppressed');
  });

  it('refuses a bad file before it reads a capture', async () => {
    const bad = file('bad.json', { suppressions: [{ reason: 'r' }] });
    const { status, err, out } = await quiesce('replay', 'no-such-capture', '--suppress', bad);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain('would suppress everything');
    expect((await quiesce('replay', 'no-such-capture', '--suppress', '/no/such/file')).status).toBe(2);
  });

  it('quiesce whatif leaves them out of its matrix', async () => {
    const known = file('cycle.json', cycle);
    const args = ['whatif', sample('lock-cycle.trace.txt.zst'), '--variant', 'srcu-irq-work', '--suppress', known];
    const result = JSON.parse((await quiesce(...args, '--json')).out) as WhatIfResult;
    const [{ id }] = result.suppressed ?? [];
    expect(result.baseline.map((finding) => finding.id)).not.toContain(id);
    expect(result.variants[0].cleared).not.toContain(id);
    expect((await quiesce(...args)).out).toContain('1 finding suppressed:');
    const shown = JSON.parse((await quiesce(...args, '--json', '--show-suppressed')).out) as WhatIfResult;
    expect(shown.variants[0].cleared).toContain(id);
  });
});
