/** Lock classes by name; the name's string id finds the class without touching the text. */
import type { EventCursor, FieldPosition } from '../../../../schema/index.ts';
import { PRINTK_LOCKS } from '../../knowledge/lock/names.ts';
import { LockClass } from './class.ts';

/** Classes beyond this number share the last one, which stays out of the graph: no kernel has that many (MAX_LOCKDEP_KEYS is 8192). */
export const MAX_CLASSES = 65535;
const OVERFLOW_NAME = '(more lock names than any kernel has)';

export class LockClassTable {
  readonly classes: LockClass[] = [];
  /** Called once for each class. */
  readonly newClassListeners: ((cls: LockClass) => void)[] = [];
  readonly #byName = new Map<string, LockClass>();
  /** Class number + 1 by string id. */
  #byStringId = new Int32Array(1 << 12);

  /** The class of the lock that an event names in this field. */
  of(event: EventCursor, field: FieldPosition<'str'>): LockClass {
    const stringId = event.str(field);
    if (stringId > 0 && stringId < this.#byStringId.length) {
      const known = this.#byStringId[stringId];
      if (known > 0) return this.classes[known - 1];
    }
    const found = this.named(event.text(field));
    if (stringId > 0) {
      if (stringId >= this.#byStringId.length) {
        const grown = new Int32Array(Math.max(this.#byStringId.length * 2, stringId + 1));
        grown.set(this.#byStringId);
        this.#byStringId = grown;
      }
      this.#byStringId[stringId] = found.classId + 1;
    }
    return found;
  }

  /** The class of that name, made on first use. */
  named(name: string): LockClass {
    const known = this.#byName.get(name);
    if (known) return known;
    if (this.classes.length >= MAX_CLASSES && name !== OVERFLOW_NAME) return this.named(OVERFLOW_NAME);
    const made = new LockClass(this.classes.length, name, PRINTK_LOCKS.has(name));
    this.classes.push(made);
    this.#byName.set(name, made);
    for (const listener of this.newClassListeners) listener(made);
    return made;
  }

  find(name: string): LockClass | undefined {
    return this.#byName.get(name);
  }
}
