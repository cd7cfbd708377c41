/** Asks Perfetto's trace_processor about a trace, in a process of its own: it keeps a gigabyte for itself and never gives it back. */
import { execFileSync } from 'node:child_process';
// @ts-expect-error plain JavaScript, which runs without a build
import { engineIsThere } from './place.mjs';

/** Tests that need the engine are skipped, by this name, where it has not been fetched. */
export const ENGINE_IS_THERE: boolean = engineIsThere();
export const WITH_ENGINE = ENGINE_IS_THERE
  ? 'in trace_processor'
  : 'in trace_processor (skipped: npm run fetch:trace-processor brings it)';

export type EngineRow = Readonly<Record<string, string | number | null>>;

const MOST_ANSWER_BYTES = 2 ** 30;

/** Rows of each statement. Integers beyond 2^53 are strings. */
export function askTraceProcessor(path: string, statements: readonly string[]): EngineRow[][] {
  const engine = new URL('./engine.mjs', import.meta.url).pathname;
  const answer = execFileSync(process.execPath, [engine, path], {
    input: JSON.stringify(statements),
    encoding: 'utf8',
    maxBuffer: MOST_ANSWER_BYTES,
  });
  return answer
    .trimEnd()
    .split('\n')
    .map((rows) => JSON.parse(rows) as EngineRow[]);
}
