/** `Showing all locks held in the system:` and held lists outside other reports (kernel/locking/lockdep.c debug_show_all_locks). */
import type { LogTask } from '../../schema/index.ts';
import { HeldListReader } from './held-list.ts';
import { parseHeldHeader } from './lock-text.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

const MAX_LISTS = 2048;

/** A builder when the line begins such a list. */
export function openHeldLocks(text: string): HeldLocksBuilder | undefined {
  if (text.startsWith('Showing all locks held in the system')) return new HeldLocksBuilder(true);
  const held = parseHeldHeader(text);
  if (!held) return undefined;
  const builder = new HeldLocksBuilder(false);
  builder.list(held.task);
  return builder;
}

export class HeldLocksBuilder implements ReportBuilder {
  readonly family = 'held';
  readonly #all: boolean;
  readonly #lists: { task: LogTask; reader: HeldListReader }[] = [];
  #done = false;

  constructor(all: boolean) {
    this.#all = all;
  }

  get done(): boolean {
    return this.#done;
  }

  suspend(): void {
    // Holds no stack.
  }

  list(task: LogTask): void {
    if (this.#lists.length < MAX_LISTS) this.#lists.push({ task, reader: new HeldListReader() });
  }

  accept({ text }: LogLine): boolean {
    // 5.x printed an empty line between the list and the line of `=` that ends it.
    if (/^\s*$/.test(text)) return true;
    if (/^={10,}\s*$/.test(text)) {
      this.#done = true;
      return true;
    }
    const held = parseHeldHeader(text);
    if (held) {
      this.list(held.task);
      return true;
    }
    if (this.#lists.at(-1)?.reader.accept(text)) return true;
    return this.#all && this.#lists.length === 0 && /^\s*$/.test(text);
  }

  finish(): ReportBody {
    return { kind: 'held-locks', tasks: this.#lists.map(({ task, reader }) => ({ task, locks: reader.locks })) };
  }
}
