/** TAP version 14, as prove(1) and KernelCI's kselftest parsers read it: the cases of a run, one line each. */
import { type RunVerdicts, suitesOf, type TestCase } from './cases.ts';

/** @param known identities of other runs */
export function tapOfRuns(runs: readonly RunVerdicts[], known: Iterable<string> = []): string {
  const identities = [...known];
  const several = runs.length > 1;
  const cases = runs.flatMap((run) =>
    suitesOf(run, identities).flatMap((suite) =>
      suite.cases.map((one) => ({ one, name: several ? `${run.name}: ${one.name}` : one.name })),
    ),
  );
  return [
    'TAP version 14',
    `1..${cases.length}`,
    ...cases.flatMap(({ one, name }, i) => lines(one, name, i + 1)),
    '',
  ].join('\n');
}

function lines({ outcome }: TestCase, name: string, number: number): string[] {
  const description = name.replace(/[\\#]/g, '\\$&').replace(/\s+/g, ' ');
  switch (outcome.state) {
    case 'passed':
      return [`ok ${number} - ${description}`];
    case 'skipped':
      return [`ok ${number} - ${description} # SKIP ${outcome.message.replace(/\s+/g, ' ')}`];
    case 'failed':
      return [
        `not ok ${number} - ${description}`,
        '  ---',
        // JSON is YAML.
        `  message: ${JSON.stringify(outcome.message)}`,
        `  text: ${JSON.stringify(outcome.text)}`,
        '  ...',
      ];
  }
}
