/** docs/JSON.md, made from the types: every shape that `--json` prints, as it is declared. */
import { readFileSync } from 'node:fs';

const source = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The verbs, and where the shape of their answer is declared: the interface first, then what it is made of. */
const ANSWERS: readonly (readonly [verb: string, schema: string, shape: string])[] = [
  ['replay, ingest', 'quiesce.replay/2', 'ReplayResult'],
  ['explain', 'quiesce.explain/1', 'Explanation'],
  ['whatif', 'quiesce.whatif/1', 'WhatIfResult'],
  ['state', 'quiesce.state/1', 'StateResult'],
  ['compare, baseline check', 'quiesce.compare/1', 'CompareResult'],
  ['doctor', 'quiesce.doctor/1', 'DoctorResult'],
  ['hist', 'quiesce.hist/1', 'HistogramResult'],
  ['batch', 'quiesce.batch/1', 'BatchResult'],
  ['runs', 'quiesce.runs/1', 'RunsResult'],
  ['findings', 'quiesce.findings/1', 'AcrossResult'],
  ['plan', 'quiesce.plan/1', 'RecordingPlan'],
  ['fleet report', 'quiesce.fleet-report/1', 'FleetReportResult'],
  ['fleet gate', 'quiesce.fleet-gate/1', 'FleetGateResult'],
  ['rule', 'quiesce.rule/1', 'RuleResult'],
  ['formats', 'quiesce.formats/1', 'FormatsResult'],
];

const FILES = [
  'schema/answers/results.ts',
  'schema/answers/farm.ts',
  'schema/findings.ts',
  'schema/finding-kinds/wait.ts',
  'schema/finding-kinds/cpu.ts',
  'schema/finding-kinds/lock.ts',
  'schema/finding-kinds/index.ts',
  'schema/diagnostics.ts',
  'schema/profile.ts',
  'schema/answers/comparison.ts',
  'schema/answers/state.ts',
  'schema/answers/recording-plan.ts',
  'schema/fleet.ts',
  'src/query/explain.ts',
];

interface Declaration {
  readonly file: string;
  readonly text: string;
}

/** Exported interfaces and type aliases, with the comment above them. */
function declarations(): Map<string, Declaration> {
  const found = new Map<string, Declaration>();
  for (const file of FILES) {
    const pattern =
      /((?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?)export (?:interface|type) (\w+)[\s\S]*?\n?(?:^\}\n|;\n(?=\n|export|\/|$))/gm;
    for (const match of source(file).matchAll(pattern)) found.set(match[2], { file, text: match[0].trim() });
  }
  return found;
}

/** The shapes of all answers, each declared once, in the order in which they are first needed. */
export function jsonDocument(): string {
  const all = declarations();
  const shown = new Set<string>();
  const lines = [
    '# JSON of the command line',
    '',
    'Generated from the types by `test/cli/json-doc.test.ts`; `vitest -u` writes it anew. Times are nanoseconds on the timeline of the run.',
    'A key that is declared with `?` may be absent. Keys are added without a new number; a changed meaning raises it.',
    '',
    '| verb | `schema` | shape |',
    '|---|---|---|',
    ...ANSWERS.map(([verb, schema, shape]) => `| ${verb} | \`${schema}\` | \`${shape}\` |`),
    '',
  ];
  const show = (name: string): void => {
    const declaration = all.get(name);
    if (declaration === undefined || shown.has(name)) return;
    shown.add(name);
    lines.push(`### ${name}`, '', '```ts', declaration.text, '```', '');
    for (const [word] of declaration.text.matchAll(/\b[A-Z]\w+\b/g)) show(word);
  };
  for (const [verb, schema, shape] of ANSWERS) {
    lines.push(`## \`${schema}\`: ${verb}`, '');
    if (!all.has(shape)) throw new Error(`${shape} is declared in none of the files`);
    if (shown.has(shape)) lines.push(`See ${shape} above.`, '');
    else show(shape);
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

export { ANSWERS };
