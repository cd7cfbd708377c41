/** Every command line that help and docs/NUMBERS.md show about numbers runs, on recordings of this repository, and answers. */
import { copyFileSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quiesce } from '../support/command-line.ts';
import { buildStore } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HEALTHY = 'healthy.trace.txt.zst';
const folder = temporaryFolder();
const sample = (name: string) => new URL(`../../samples/${name}`, import.meta.url).pathname;

/** The files that the command lines name. */
beforeAll(async () => {
  await buildStore(
    join(folder.path, 'lab.db'),
    Array.from({ length: 6 }, () => HEALTHY),
  );
  await buildStore(join(folder.path, 'quiesce.db'), ['nmi-storm.trace.txt.zst', 'lock-cycle.trace.txt.zst']);
  await buildStore(join(folder.path, 'base.db'), [HEALTHY]);
  for (const name of ['head.db', 'patched.db']) copyFileSync(join(folder.path, 'base.db'), join(folder.path, name));
  const captures = ['trace', 'base', 'patched', ...[1, 2, 3].flatMap((n) => [`base${n}`, `patched${n}`, `boot${n}`])];
  for (const name of captures) symlinkSync(sample(HEALTHY), join(folder.path, `${name}.dat`));
  for (const name of ['baseline.json', 'rcu-baseline.json'])
    await quiesce('baseline', 'save', join(folder.path, 'base.db'), '-o', join(folder.path, name));
});
afterAll(() => folder.remove());

/** `quiesce query quiesce.db "SELECT 1"      what it does` → arguments. Undefined for lines that are no command of quiesce. */
function argumentsOf(line: string): string[] | undefined {
  const command = /^\s*quiesce (.*?)(?:\s{3,}.*|\s+[>|].*)?$/.exec(line)?.[1];
  if (command === undefined) return undefined;
  const words = [...command.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
  // Files are those of this test.
  return words.map((word) =>
    /^[\w-]+\.(db|dat|json|xml|sarif|svg|pftrace)(#\d+)?$/.test(word) ? join(folder.path, word) : word,
  );
}

async function helpOf(...command: string[]): Promise<string[]> {
  const { out } = await quiesce(...command, '--help');
  return out.slice(out.indexOf('Examples:')).split('\n');
}

/** Runs a command line and looks at what every answer has. */
async function checkLine(line: string): Promise<void> {
  const args = argumentsOf(line) as string[];
  const { status, out, err } = await quiesce(...args);
  // 1: something regressed, where the line asks for it.
  expect([line, err.replace(/^.*: \d+ runs?, [\d,]+ bytes\n$/s, ''), [0, 1].includes(status)]).toEqual([
    line,
    '',
    true,
  ]);
  const output = args[args.indexOf('-o') + 1];
  if (args.includes('-o')) expect(existsSync(output)).toBe(true);
  const answer = args.includes('-o') ? readFileSync(output, 'utf8') : out;
  expect(answer.length).toBeGreaterThan(20);
  if (args.includes('json') || args.includes('--json')) expect(() => JSON.parse(answer)).not.toThrow();
  if (args.includes('junit')) expect(answer).toMatch(/^<\?xml[\s\S]*<\/testsuites>\n$/);
  if (args.includes('sarif')) expect(JSON.parse(answer)).toMatchObject({ version: '2.1.0' });
  if (args.includes('csv')) expect(answer).toMatch(/^[\w,]+\n/);
}

describe('the examples of', () => {
  it.each([
    [['query']],
    [['hist']],
    [['compare']],
    [['baseline', 'save']],
    [['baseline', 'check']],
    [['export']],
    [['plan']],
  ])('quiesce %j --help run and answer', async (command) => {
    const lines = (await helpOf(...command)).filter((line) => argumentsOf(line) !== undefined);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect(argumentsOf(line)?.slice(0, command.length)).toEqual(command);
      await checkLine(line);
    }
  });
});

describe('docs/NUMBERS.md', () => {
  const text = readFileSync(new URL('../../docs/NUMBERS.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```\n([\s\S]*?)```/g)].flatMap(([, block]) => block.split('\n'));

  it('shows commands that run and answer', async () => {
    const lines = blocks.filter((line) => {
      const args = argumentsOf(line);
      // A bare `query DB` opens a shell, which test/cli/query-shell.test.ts tests.
      return args !== undefined && !(args[0] === 'query' && args.length === 2);
    });
    expect(lines.length).toBeGreaterThan(12);
    for (const line of lines) await checkLine(line);
  });

  it('names files that are there', () => {
    for (const [, path] of text.matchAll(/`((?:src|schema|test|bench)\/[\w./-]+\.\w+)`/g))
      expect([path, existsSync(new URL(`../../${path}`, import.meta.url))]).toEqual([path, true]);
    const read = blocks.find((line) => line.startsWith('sqlite3 '));
    expect(existsSync(new URL(`../../${/\.read (\S+)'/.exec(read ?? '')?.[1]}`, import.meta.url))).toBe(true);
  });

  it('has the numbers that the code has', async () => {
    const { DEFAULT_ALPHA, DEFAULT_THRESHOLD, FEWEST_BLOCKS, FEWEST_SAMPLES } = await import(
      '../../src/compare/metric-verdict.ts'
    );
    expect(text).toContain(`\`--alpha\`, ${DEFAULT_ALPHA}`);
    expect(text).toContain(`\`--threshold\`, ${DEFAULT_THRESHOLD * 100} %`);
    expect(text).toContain(`fewer than ${FEWEST_SAMPLES} samples or ${FEWEST_BLOCKS} independent stretches`);
    const { METRIC_NAMES } = await import('../../schema/index.ts');
    for (const metric of METRIC_NAMES) expect(text).toContain(`\`${metric}\``);
  });
});
