/** docs/LIBRARY.md: its examples run against the package as it is delivered, print what the manual shows, and have types. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const REPOSITORY = new URL('../..', import.meta.url).pathname;
const MANUAL = readFileSync(join(REPOSITORY, 'docs/LIBRARY.md'), 'utf8');
const EXAMPLES = [...MANUAL.matchAll(/## ([^\n]+)\n\n```ts\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/g)].map(
  ([, title, code, printed]) => ({ title, code, printed }),
);
const folder = temporaryFolder();

/** A project that has installed the package. Examples after the first use the store that it makes. */
beforeAll(() => {
  if (!existsSync(join(REPOSITORY, 'dist/src/index.js'))) throw new Error('dist/ is not built: npm run build');
  mkdirSync(join(folder.path, 'node_modules'));
  symlinkSync(REPOSITORY, join(folder.path, 'node_modules/quiesce'));
  symlinkSync(join(REPOSITORY, 'samples'), join(folder.path, 'samples'));
});
afterAll(() => folder.remove());

describe('the examples of docs/LIBRARY.md', () => {
  it('are all that the manual has', () => {
    expect(EXAMPLES.length).toBeGreaterThan(5);
    expect(EXAMPLES.length).toBe(MANUAL.split('```ts\n').length - 1);
  });

  it.each(EXAMPLES)('print what the manual shows: $title', ({ code, printed }) => {
    const file = join(folder.path, 'example.mjs');
    writeFileSync(file, code);
    const out = execFileSync(process.execPath, [file], {
      cwd: folder.path,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    expect(out).toBe(printed);
  });

  it('are correct TypeScript', () => {
    const files = EXAMPLES.map(({ code }, i) => {
      const file = join(folder.path, `example-${i}.mts`);
      writeFileSync(file, code);
      return file;
    });
    const program = ts.createProgram(files, {
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      // The declarations are made from these sources.
      paths: { quiesce: [join(REPOSITORY, 'src/index.ts')] },
      allowImportingTsExtensions: true,
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
      types: ['node'],
      typeRoots: [join(REPOSITORY, 'node_modules/@types')],
    });
    const problems = ts
      .getPreEmitDiagnostics(program)
      .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
    expect(problems).toEqual([]);
  });
});

describe('the package', () => {
  it('exports what the manual names, and nothing else', async () => {
    const exported = Object.keys(await import('../../src/index.ts'));
    const unnamed = exported.filter((name) => !new RegExp(`\\b${name}\\b`).test(MANUAL));
    expect(unnamed).toEqual([]);
  });

  it('has one door', () => {
    const { exports } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
      exports: Record<string, unknown>;
    };
    expect(Object.keys(exports)).toEqual(['.', './package.json']);
  });
});
