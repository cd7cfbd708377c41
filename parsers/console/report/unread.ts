/**
 * The guard: words that occur in kernel reports only. A line that holds some and that no grammar has read is counted, so that a report in a form
 * that is not known is never missed in silence.
 */
import type { LogReportKind } from '../../../schema/index.ts';

const LOCKDEP_KINDS: readonly LogReportKind[] = [
  'lockdep-circular',
  'lockdep-irq-order',
  'lockdep-irq-inversion',
  'lockdep-irq-state',
  'lockdep-recursion',
  'lockdep-wait-context',
  'lockdep-misuse',
];

interface Fragment {
  readonly words: RegExp;
  /** Reports that consist of such lines. */
  readonly about: readonly LogReportKind[];
}

const FRAGMENTS: readonly Fragment[] = [
  {
    words: /\btask \S.{0,40}:\d+ blocked (?:in I\/O wait )?for more than|blocked for more than \d+ seconds/,
    about: ['hung-task'],
  },
  { words: /\bINFO: task \S.{0,60}:\d+ (?:blocked|is blocked|can't die)\b/, about: ['hung-task'] },
  {
    words:
      /\bINFO: rcu_?\S* (?:self-)?detected|\bdetected (?:expedited )?stalls? on (?:CPU|tasks)|\bself-detected stall on CPU|\b[Tt]asks blocked on level-\d|\(detected by \d+, t=\d+|\bt=\d+ jiffies|kthread starved for \d+ jiffies|\(\d+ ticks this GP\)/,
    about: ['rcu-stall'],
  },
  { words: /\bAll QSes seen, last |timer wakeup didn't happen for \d+ jiffies/, about: ['rcu-stall'] },
  { words: /\bsoft lockup - CPU#\d|softlockup: hung tasks/, about: ['soft-lockup'] },
  { words: /\bhard LOCKUP\b/i, about: ['hard-lockup'] },
  { words: /\bnon-responsive CSD lock\b/, about: ['csd-lock'] },
  { words: /\bstuck for \d+s!/, about: ['soft-lockup', 'workqueue-lockup'] },
  { words: /\bBUG: workqueue lockup\b/, about: ['workqueue-lockup'] },
  { words: /\bBUG: (?:sleeping function called|scheduling while atomic)/, about: ['sleep-in-atomic'] },
  {
    words:
      /\bpossible (?:circular|recursive) locking|lock inversion dependency detected|\b(?:inconsistent lock state|Invalid wait context)\b|\binconsistent \{[A-Z-]+\} -> \{|\block order detected|\bsuspicious RCU usage|\bsuspicious rcu_dereference|is trying to (?:acquire|release) lock|but task is already holding lock/i,
    about: LOCKDEP_KINDS,
  },
  {
    words: /\b(?:bad unlock balance|held lock freed|still has locks held|lock held when returning to user)/,
    about: ['lockdep-misuse'],
  },
  { words: /\b\d+ locks? held by \S.{0,40}\/\d+/, about: LOCKDEP_KINDS },
  { words: /\bWorkqueue: rcu_gp (?:process_srcu|sync_rcu_exp)/, about: ['hung-task', 'rcu-stall'] },
];

/** A cheap look: lines without any of these hold no fragment. */
const MAY_HOLD =
  /blocked|stall|CSD lock|stuck for|jiffies|LOCKUP|lockup|ticks this GP|QSes|atomic|sleeping function|lock(?:s|ing)? |RCU usage|rcu_deref|inconsistent \{|Workqueue: rcu|wait context|softlockup/i;

/** Reports that the text is part of, as far as its words tell; undefined when they tell nothing. */
export function looksLikeReport(text: string): readonly LogReportKind[] | undefined {
  if (!MAY_HOLD.test(text)) return undefined;
  for (const { words, about } of FRAGMENTS) if (words.test(text)) return about;
  return undefined;
}

/** Headlines of reports that are about something else than RCU, locks and stalls, and the name that they go by. */
const NOT_JUDGED: readonly (readonly [RegExp, string])[] = [
  [/^BUG: (KASAN: [\w-]+|KCSAN: [\w-]+|KFENCE: [\w -]+|KMSAN: [\w-]+)/, ''],
  [/^UBSAN: ([\w-]+)/, 'UBSAN: '],
  [
    /^BUG: (unable to handle .{0,60}|kernel NULL pointer dereference|Bad page \w+|Bad rss-counter|using \w+\(\) in preemptible)/,
    '',
  ],
  [/^BUG: ((?:spinlock|rwlock) (?:recursion|lockup|bad magic|already unlocked|wrong|trylock|cpu recursion))/, ''],
  [/^(kernel BUG at \S+|general protection fault|Oops|Internal error|Unable to handle kernel .{0,60})/, ''],
  [/^(?:------------\[ cut here )?(WARNING: (?:CPU: \d+ PID: \d+ )?at \S+)(?!\S| rcu_check_gp_start_stall)/, ''],
  [/^(refcount_t: \S.{0,60}|list_(?:add|del) corruption|DEAD callback error)/, ''],
  [/^(Out of memory: Killed process|Kernel panic - not syncing)/, ''],
];

/** What the kernel reports with this line, when it is nothing that is judged. */
export function reportNotJudged(text: string): string | undefined {
  for (const [headline, name] of NOT_JUDGED) {
    const match = headline.exec(text);
    if (match) return `${name}${match[1]}`;
  }
  return undefined;
}
