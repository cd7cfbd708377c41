/** The manual page, completion, the first steps, and docs/JSON.md say what the program does. */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { packageVersion } from '../../schema/index.ts';
import { COMPLETION_SHELLS } from '../../src/cli/completion.ts';
import { wholeProgram } from '../../src/cli/program.ts';
import { quiesce } from '../support/command-line.ts';
import { helpAfter } from '../support/help-text.ts';
import { ANSWERS, jsonDocument } from '../support/json-doc.ts';
import { manualPage } from '../support/manual.ts';

const sample = new URL('../../samples/nmi-storm.trace.dat', import.meta.url).pathname;

describe('quiesce without arguments', () => {
  it('shows three commands that most people want', async () => {
    const { status, out } = await quiesce();
    expect(status).toBe(0);
    expect(out.match(/^ {2}quiesce \w+/gm)).toEqual(['  quiesce replay', '  quiesce explain', '  quiesce plan']);
  });
});

describe('the manual page', () => {
  it('is the one in docs/man, and has every verb and option', async () => {
    const program = await wholeProgram();
    const page = manualPage(program, packageVersion(), helpAfter);
    await expect(page).toMatchFileSnapshot('../../docs/man/quiesce.1');
    for (const { long } of program.commands.flatMap((command) => command.options))
      if (long) expect(page).toContain(long.replaceAll('-', '\\-'));
  });
});

describe('completion', () => {
  it.each(COMPLETION_SHELLS)('for %s knows every verb', async (shell) => {
    const { status, out } = await quiesce('completion', shell);
    expect(status).toBe(0);
    for (const command of (await wholeProgram()).commands) expect(out).toContain(command.name());
    if (shell === 'bash') expect(spawnSync('bash', ['-n'], { input: out }).status).toBe(0);
  });

  it('completes verbs, options and values in bash', async () => {
    const { out } = await quiesce('completion', 'bash');
    const complete = (...words: string[]): string =>
      spawnSync('bash', {
        input: `${out}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _quiesce; echo "\${COMPREPLY[@]}"`,
        encoding: 'utf8',
      }).stdout.trim();
    expect(complete('quiesce', 'repl')).toBe('replay');
    expect(complete('quiesce', 'replay', '--fail')).toBe('--fail-on');
    expect(complete('quiesce', 'explain', '--format', 'm')).toBe('mail md');
  });
});

describe('docs/JSON.md', () => {
  it('declares the shapes of the answers', async () => {
    await expect(jsonDocument()).toMatchFileSnapshot('../../docs/JSON.md');
  });

  it('names the schemas that the verbs print', async () => {
    const schemaOf = async (...args: string[]): Promise<string> => JSON.parse((await quiesce(...args)).out).schema;
    const declared = ANSWERS.map(([, schema]) => schema);
    for (const [verb, ...args] of [
      ['replay', sample, '--db', ':memory:', '--json'],
      ['explain', sample, 'rcu-stall', '--json'],
      ['state', sample, '--at', '36.7', '--json'],
      ['hist', sample, 'rcu-gp', '--json'],
      ['plan', '--any-kernel', '--json'],
      ['rule', '--json'],
      ['formats', '--json'],
      ['doctor', sample, '--json'],
    ])
      expect(declared).toContain(await schemaOf(verb, ...args));
  });
});
