/** Boots in the records of a journal: each names its own. */

const BOOT_ID = /^[0-9a-f]{32}$/;
/** A journal keeps fewer. */
const MAX_BOOTS = 4096;

export class JournalBoots {
  readonly #seen = new Set<string>();

  /**
   * The line that journalctl prints between boots, when a record is the first of another one; `_BOOT_ID` tells them apart where times do not: the second
   * boot's log may begin later than the first one's ended.
   * @param fields of a record, by name
   */
  markBefore(fields: ReadonlyMap<string, unknown>): string | undefined {
    const id = String(fields.get('_BOOT_ID'));
    if (!BOOT_ID.test(id) || this.#seen.has(id) || this.#seen.size === MAX_BOOTS) return undefined;
    this.#seen.add(id);
    return this.#seen.size === 1 ? undefined : `-- Boot ${id} --`;
  }
}
