/**
 * What a line must show before any grammar looks at it: how it begins, or a word that occurs in reports only. The words are searched for in the
 * bytes of a log; lines without any, outside of reports, are only stored.
 */
import { WordFinder } from '../text/word-finder.ts';

const SPACE = 0x20;
const TAB = 0x09;

/** How much a line deserves a look. */
export type LineLook = typeof NOTHING | typeof STATEMENT | typeof REPORT;
export const NOTHING = 0;
/** It states a setting, or is a report of one line. */
export const STATEMENT = 1;
/** It may belong to a report: lines around it may, too, and may be broken. */
export const REPORT = 2;

/** Beginnings of lines that a grammar reads outside of reports. */
const BEGINNINGS: readonly (readonly [LineLook, readonly string[]])[] = [
  [
    REPORT,
    [
      ...['INFO:', 'BUG:', 'WARNING:', '[ INFO:', '[ BUG:', '[ WARNING:'],
      ...['rcu: INFO:', 'rcu: rcu_', 'rcu_', 'rcu:\t', 'watchdog: ', 'NMI watchdog: ', 'NMI backtrace'],
      ...[
        'CPU: ',
        'Pid: ',
        'task:',
        'Task dump for',
        'Showing all locks',
        'Workqueue: ',
        'All QSes',
        'Tasks blocked on',
      ],
      ...['Kernel panic', 'kernel BUG', '------------[', 'UBSAN:', 'Oops', 'Internal error', 'Unable to handle'],
      ...[
        'general protection',
        'csd: ',
        'smp: csd: ',
        'sched: CPU ',
        'refcount_t:',
        'list_add',
        'list_del',
        'DEAD callback',
        'Out of memory',
      ],
      ...['possible ', 'inconsistent ', 'suspicious ', 'bad unlock', 'held lock', '=========='],
    ],
  ],
  [
    STATEMENT,
    [
      ...[
        'Linux version',
        'Tainted: ',
        'Not tainted',
        'perf: interrupt',
        'perf: samples',
        'perf interrupt',
        'perf samples',
      ],
      ...[
        'hrtimer: interrupt',
        'turning off the locking',
        'rcu: ',
        'RCU ',
        'Preemptible hierarchical',
        'Hierarchical RCU',
      ],
      ...[
        'SLUB: HW',
        'Lock dependency validator',
        'Command line:',
        'Kernel command line:',
        'x86/fpu: ',
        'BIOS-e820: ',
        'smpboot: ',
      ],
    ],
  ],
];

/** Words of reports wherever they stand in a line: those that the guard knows, and those that begin a report in the middle of a line. */
const WORDS = [
  ...[
    'detected stall',
    'detected expedited',
    'self-detected',
    'locked on level-',
    ' jiffies!',
    ' jiffies g',
    ' jiffies c',
  ],
  ...[
    ' jiffies,',
    ' jiffies)',
    ' jiffies s: ',
    'ticks this GP',
    'GPs behind',
    'All QSes seen',
    'kthread starved',
    'kthread timer',
  ],
  ...[
    'blocked for more',
    'blocked in I/O',
    "can't die for",
    'blocked on a ',
    'soft lockup',
    'softlockup',
    'ard LOCKUP',
    'ard lockup',
  ],
  ...['stuck for ', 'workqueue lockup', 'sleeping function called', 'while atomic'],
  ...[
    'possible circular',
    'possible recursive',
    'possible irq lock',
    'inversion dependency',
    'inconsistent lock',
    'inconsistent {',
    'nvalid wait context',
  ],
  ...[
    'unlock balance',
    'contention detected',
    'held lock freed',
    'locks held',
    'lock held',
    'lock was not taken',
    'lock order detected',
  ],
  ...[
    'RCU usage',
    'suspicious rcu',
    'trying to acquire',
    'trying to lock',
    'trying to release',
    'already holding',
    'non-static key',
  ],
  ...['CSD lock', 'Workqueue: rcu', ' held by ', 'backtrace for cpu'],
];

/** By their first characters. */
const byFirst = new Map<number, readonly (readonly [LineLook, string])[]>();
for (const [look, beginnings] of BEGINNINGS)
  for (const beginning of beginnings) {
    const first = beginning.charCodeAt(0);
    byFirst.set(first, [...(byFirst.get(first) ?? []), [look, beginning]]);
  }
const BY_FIRST = Array.from({ length: 128 }, (_, code) => byFirst.get(code));

/** Task lines of kernels before v5.10: `%-15.15s %c`, name and state, and the flags at their end. */
const STATE_COLUMN = 16;
const STATES = new Uint8Array(128);
for (const state of 'RSDTtXxKWPINZ') STATES[state.charCodeAt(0)] = 1;

function isOldTaskLine(text: string, at: number): boolean {
  if (text.length <= at + STATE_COLUMN || text.charCodeAt(at + STATE_COLUMN - 1) !== SPACE) return false;
  const state = text.charCodeAt(at + STATE_COLUMN);
  return state < 128 && STATES[state] === 1 && text.includes(' 0x', at);
}

/** What the beginning of a line, without its indentation, promises. */
export function beginningLook(text: string): LineLook {
  let at = 0;
  let code = text.charCodeAt(0);
  while (code === SPACE || code === TAB) code = text.charCodeAt(++at);
  if (isOldTaskLine(text, at)) return REPORT;
  const beginnings = code < 128 ? BY_FIRST[code] : undefined;
  if (!beginnings) return NOTHING;
  for (const [look, beginning] of beginnings) if (text.startsWith(beginning, at)) return look;
  return NOTHING;
}

export const wordFinder = (): WordFinder => new WordFinder(WORDS);
