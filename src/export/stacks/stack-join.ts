/** The stacks with which something began, joined to facts that begin there. Both come in the order of time: what waits is of two pages. */
import type { Dictionary, EventBatch } from '../../../schema/index.ts';

export interface StackedFact {
  readonly startNs: number;
  readonly tid: number;
}

const keyOf = (tid: number, tsNs: number): string => `${tid} ${tsNs}`;

/**
 * @param tidOf the task at which an event begins something; −1: it does not
 * @returns each fact with the id of its stack, 0 when none was recorded
 */
export function* withStacks<Fact extends StackedFact>(
  batches: Iterable<EventBatch>,
  dictionary: Dictionary,
  tidOf: (batch: EventBatch, index: number) => number,
  facts: Iterator<Fact>,
): Generator<readonly [Fact, number]> {
  const stackType = dictionary.types.findIndex((type) => type?.name === 'kernel_stack');
  /** Latest event of each CPU: a record of a stack belongs to the one before it (E0.8). */
  const latest = new Map<number, string>();
  let older = new Map<string, number>();
  let boundaryNs = Number.NEGATIVE_INFINITY;
  let next = facts.next();
  for (const batch of batches) {
    const newer = new Map<string, number>();
    for (let i = 0; i < batch.length; i++) {
      const cpu = batch.cpu[i];
      const stack = batch.stack[i];
      if (batch.type[i] === stackType) {
        const key = latest.get(cpu);
        if (key !== undefined) (older.has(key) ? older : newer).set(key, stack);
        latest.delete(cpu);
        continue;
      }
      const tid = tidOf(batch, i);
      latest.delete(cpu);
      if (tid < 0) continue;
      const key = keyOf(tid, batch.tsNs[i]);
      newer.set(key, stack);
      latest.set(cpu, key);
    }
    for (; !next.done && next.value.startNs <= boundaryNs; next = facts.next())
      yield [next.value, older.get(keyOf(next.value.tid, next.value.startNs)) ?? 0];
    if (batch.length > 0) boundaryNs = batch.tsNs[batch.length - 1];
    older = newer;
  }
  for (; !next.done; next = facts.next()) yield [next.value, older.get(keyOf(next.value.tid, next.value.startNs)) ?? 0];
}
