/** Ids and sentinels. A number says its unit in its own name (`startNs`, `sizeBytes`, `share`). */

/** Index into the dictionary's strings; 0 is the empty string. */
export type StringId = number;

/** Index into the dictionary's stacks; 0 is "no stack recorded". */
export type StackId = number;

/** CPU number for records that belong to none (a log line without `printk.caller`). */
export const NO_CPU = 0xffff;

/** More lost events than any recorder can count in a year: such a number is damage. */
export const MOST_LOST = 2 ** 40;

/** A number of lost events as a capture tells it; 0, unknown, where no recorder can have counted it. */
export function plausibleLoss(count: number): number {
  return count > 0 && count <= MOST_LOST ? count : 0;
}

/** Task number for records that belong to none. */
export const NO_TID = -1;
