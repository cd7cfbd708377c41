/** The line that heads a task dump, in the forms of all kernels (kernel/sched/core.c sched_show_task). */

export interface TaskLine {
  readonly comm: string;
  readonly tid: number;
  /** State letter. */
  readonly state: string;
}

/**
 *     task:kworker/0:1     state:D stack:0     pid:9     tgid:9     ppid:2      flags:0x00004000
 *     task:syz-executor.0  state:R  running task     stack:24880 pid:17688 ppid: 13379 flags:0x00004000
 *     syz-executor5   D23584 10045   3045 0x00000004
 *     syz-executor1   R  running task        0  7464   1210 0x00000003
 *     kworker/0:0     R running task on cpu   0     0     4      2 0x00000008 584683503973
 *     kworker/u4:0    D    0   437      2 0x90000000 2136304260817
 *     init            D ffff88008ad8f5b0     0  2293      1 0x00000000
 */
export function parseTaskLine(text: string): TaskLine | undefined {
  if (text.startsWith('task:')) {
    const match = /^task:(.{1,64}?)\s+state:(\S)(?:\s+running task)?\s.*?\bpid:\s*(\d{1,10})\b/.exec(text);
    return match ? { comm: match[1], state: match[2], tid: Number(match[3]) } : undefined;
  }
  // The flags end the line: a cheap look before the slow pattern.
  if (!text.includes(' 0x')) return undefined;
  const match =
    /^(\S.{0,62}?) +([RSDTtXxKWPINZ])(?: +running(?: task)?(?: on cpu +\d+)?| [0-9a-f]{8,16})? *\d+ +(\d{1,10}) +\d+ 0x[0-9a-f]{8}/.exec(
      text,
    );
  return match ? { comm: match[1], state: match[2], tid: Number(match[3]) } : undefined;
}
