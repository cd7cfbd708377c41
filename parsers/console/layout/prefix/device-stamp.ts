/** What kernels of phones and boards add between printk's stamp and the text: CPU, task, and their number. */

export interface DeviceStamp {
  /** Characters that it takes. */
  readonly length: number;
  /** −1 when it is not shown. */
  readonly cpu: number;
  readonly tid: number;
}

interface Form {
  readonly pattern: RegExp;
  /** Number of the group that holds it. */
  readonly cpu?: number;
  readonly tid?: number;
}

/** In the order in which they are asked; the first match is taken. */
const FORMS: readonly Form[] = [
  // Samsung: ` [0:     khungtaskd:   35] text`, `I[0:     khungtaskd:   35] text`
  { pattern: /^ ?[A-Z]?\[(\d{1,3}): *[^\]]{1,40}?: *(\d{1,10})\] ?/, cpu: 1, tid: 2 },
  // MediaTek: `(0)[35:khungtaskd]text`, `-(1)[0:swapper/1]text`, `<0>.(2)[1:init] text`
  { pattern: /^ ?(?:<\d{1,2}>)?[-.]*\((\d{1,3})\)\[(\d{1,10}):[^\]]{1,40}\] ?/, cpu: 1, tid: 2 },
  // HiSilicon: `[pid:35,cpu0,khungtaskd]text`
  { pattern: /^ ?\[pid:(\d{1,10}),cpu(\d{1,3}),?[^\]]{0,40}\] ?/, cpu: 2, tid: 1 },
  // LG, HTC: `(CPU:0-pid:35:khungtaskd) text`
  { pattern: /^ ?\(CPU:(\d{1,3})-pid:(\d{1,10}):[^)]{1,40}\) ?/, cpu: 1, tid: 2 },
  // Spreadtrum: `c0    35 text`, `c0 text`
  { pattern: /^ ?c(\d{1,2}) +(?:(\d{1,10}) +)?/, cpu: 1, tid: 2 },
  { pattern: /^ ?\[c(\d{1,3})\] ?/, cpu: 1 },
];

/** @param text what follows the stamp */
export function deviceStamp(text: string): DeviceStamp | undefined {
  for (const { pattern, cpu, tid } of FORMS) {
    const match = pattern.exec(text);
    if (!match) continue;
    const number = (group: number | undefined): number =>
      group === undefined || match[group] === undefined ? -1 : Number(match[group]);
    return { length: match[0].length, cpu: number(cpu), tid: number(tid) };
  }
  return undefined;
}
