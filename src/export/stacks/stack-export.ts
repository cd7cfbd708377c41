/** A flame graph of one run of a store. */
import { Dictionary, RequestError } from '../../../schema/index.ts';
import { StoreReader } from '../../store/run-reader.ts';
import { readError } from '../../store/store-error.ts';
import { openForReading } from '../../store/store-file.ts';
import type { ExportSelection } from '../selection.ts';
import { storedTaskNames } from '../task-names.ts';
import type { StackMetric } from './stack-metrics.ts';
import type { WeightedStacks } from './weighted-stacks.ts';

export interface StacksOfRun {
  /** Name of the run. */
  readonly run: string;
  readonly stacks: WeightedStacks;
}

/**
 * @param run default: the latest
 * @throws StoreError, RequestError when the store holds no run
 */
export function stacksOfRun(
  path: string,
  run: number | undefined,
  selection: ExportSelection,
  metric: StackMetric,
): StacksOfRun {
  const db = openForReading(path);
  const reader = new StoreReader(path, db);
  try {
    const runId = run ?? reader.runIds().at(-1);
    if (runId === undefined) throw new RequestError(`${path}: holds no run; ingest a capture first`);
    const info = reader.runInfo(runId);
    const dictionary = new Dictionary();
    dictionary.apply(reader.dictionary(runId));
    const taskName = storedTaskNames(db, runId);
    const facts = { db, runId, info, findings: reader.findings(runId), selection, taskName };
    return {
      run: info.name,
      stacks: metric.collect({ facts, dictionary, batches: () => reader.batches(runId) }),
    };
  } catch (error) {
    throw readError(path, error);
  } finally {
    reader.close();
  }
}
