/** `Showing all locks held in the system:` and held lists outside other reports (kernel/locking/lockdep.c debug_show_all_locks). */
import type { LogTask } from '../../../schema/index.ts';
import { HeldListReader } from '../text/held-list.ts';
import { parseHeldHeader } from '../text/lock-text.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

const MAX_LISTS = 2048;

const HASH = 0x23;
const OPEN_PAREN = 0x28;

/** A builder when the line begins such a list. */
export function openHeldLocks(text: string): HeldLocksBuilder | undefined {
  if (text.startsWith('Showing all locks held in the system')) return new HeldLocksBuilder();
  const held = parseHeldHeader(text);
  if (!held) return undefined;
  const builder = new HeldLocksBuilder();
  builder.list(held.task);
  return builder;
}

export class HeldLocksBuilder implements ReportBuilder {
  readonly family = 'held';
  readonly #lists: { task: LogTask; reader: HeldListReader }[] = [];
  #done = false;

  get done(): boolean {
    return this.#done;
  }

  suspend(): void {
    // Holds no stack.
  }

  list(task: LogTask): void {
    if (this.#lists.length < MAX_LISTS) this.#lists.push({ task, reader: new HeldListReader() });
  }

  accept({ text, frame }: LogLine): boolean {
    const list = this.#lists.at(-1)?.reader;
    switch (text.charCodeAt(0)) {
      case 0x3d: // =
        if (!/^={10,}\s*$/.test(text)) return false;
        this.#done = true;
        return true;
      case HASH:
      case OPEN_PAREN:
        return list?.accept(text) ?? false;
      default: {
        // Frames of whatever follows are no locks, but for the places of old kernels (`[<ffffffff81055862>] vcpu_load+0x22/0x70`).
        if (frame !== undefined && !text.startsWith('[<')) return false;
        const held = parseHeldHeader(text);
        if (!held) return list?.accept(text) ?? false;
        this.list(held.task);
        return true;
      }
    }
  }

  finish(): ReportBody {
    return { kind: 'held-locks', tasks: this.#lists.map(({ task, reader }) => ({ task, locks: reader.locks })) };
  }
}
