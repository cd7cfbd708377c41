/**
 * The kernel's lines that its reports consist of, as far as they have blanks at which a mailer can break them (MODEL §7). A line that no shape
 * describes is never joined with the next one.
 */
import { type WordShape, wordShape } from './word-shape.ts';

/** `(name with blanks){usage}-{2:2}` */
const LOCK = String.raw`\(.*\)\{[.+?-]+\}(-\{\d+:\d+\})?`;
const LOCK_BEGIN = String.raw`\(.*`;
const LOCK_END = String.raw`.*\)\{[.+?-]+\}(-\{\d+:\d+\})?`;
const ADDRESS = String.raw`[(0-9a-f][0-9a-f_ptrvl]{7,16}\)?`;
const SITE_ADDRESS = String.raw`[\[<]{1,2}[0-9a-f]+>?\]`;
const SYMBOL = String.raw`[\w.$]+\+0x[0-9a-f]+\/0x[0-9a-f]+`;
const TITLE = String.raw`[\[]? (WARNING|INFO|BUG):`;
const TASK = '<w>/<n>';
/** As many words as a phrase has at most: `…` would take in what follows, up to another report. */
const words = (count: number): string => new Array<string>(count).fill('[<w>]?').join(' ');
/** Names of tasks have blanks. */
const NAME = new Array<string>(3).fill(String.raw`[[A-Za-z_(<][^\s:]*]?`).join(' ');
const NAMED_TASK = `${NAME} ${TASK}`;
/** In reports of hung tasks: `task Web Content:812`. */
const HUNG_TASK = `task ${NAME} <w>:<n>`;

const HUNG = [
  `INFO: ${HUNG_TASK} blocked for more than <n> seconds.?`,
  `INFO: ${HUNG_TASK} blocked in I/O wait for more than <n> seconds.?`,
  `INFO: ${HUNG_TASK} can't die for more than <n> seconds.?`,
  `INFO: ${HUNG_TASK} [is]? [<(reader|writer)>]? blocked on (a|an) (mutex|semaphore|rw-semaphore) likely [last]? (owned|held) by ${HUNG_TASK}.? [<(reader|writer)>.?]?`,
  `INFO: ${HUNG_TASK} [is]? [<(reader|writer)>]? blocked on (a|an) (mutex|semaphore|rw-semaphore),? but the [last]? (holder|owner) is not found.?`,
  '"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.',
  `task:<w> ${words(3)} state:<w> ${words(5)} pid:<w> ${words(5)} flags:0x<x>`,
  `task:<w> ${words(3)} state:<w> ${words(5)} pid: <n> ${words(5)} flags:0x<x>`,
  '<w> [RSDTtXxKWPINZ]\\d* [running]? [task]? [on]? [cpu]? [[0-9a-f]{1,16}]? [<n>]? <n> [<n>]? 0x<x> [<n>]?',
];

const STALLS = [
  '[rcu:]? INFO: <w> detected (stalls|stall,) (on|but) (CPUs/tasks:|no) [(detector|CPUs)]?',
  String.raw`INFO: <w> detected stalls on CPUs/tasks: \{.* … \(detected by <n>, t=<n> jiffies, … <w>\)`,
  '[rcu:]? INFO: <w> self-detected stall on CPU',
  String.raw`INFO: <w> self-detected stall on CPU \{ … .t=<n> jiffies … <w>\)`,
  String.raw`INFO: <w> detected stall on CPU <n> \(t=<n> jiffies\)`,
  String.raw`[rcu:]? INFO: <w> detected expedited stalls on CPUs/tasks: \{ … \} <n> jiffies s: <n> [root:]? [<w>/<w>]?`,
  'INFO: rcu_tasks\\S* detected stalls on tasks:',
  String.raw`[rcu:]? \??<n>(-[.OoNdDn!?0-9]{3,4}[.!]?)?: \(<n> (ticks|GPs) (this|behind\)) [GP\)]? [idle=<w>]? [softirq=<w>]? [fqs=<n>]? [rcuc=<n>]? [jiffies\(starved\)]? [\(false]? [positive\?\)]?`,
  String.raw`[rcu:]? \??\(detected by <n>, t=<n> jiffies, … <w>\)`,
  String.raw`[rcu:]? \??\(t=<n> jiffies … <w>\)`,
  '[rcu:]? All QSes seen, last <w> kthread activity <n> <w>, jiffies_till_next_fqs=<n>, root ->qsmask <w>',
  "[rcu:]? rcu_<w> kthread timer wakeup didn't happen for <n> jiffies! g<n> [c<n>]? f<x> <w> [->state=<w>]? [->cpu=<n>]?",
  '[rcu:]? rcu_<w> kthread starved for <n> jiffies! g-?<n> [c-?<n>]? f<x> <w> [->state=<w>]? [->cpu=<n>]?',
  '[rcu:]? rcu_<w> kthread starved for <n> jiffies!',
  '[rcu:]? Possible timer handling issue on cpu=<n> timer-softirq=<n>',
  String.raw`[rcu:]? Tasks blocked on level-<n> rcu_node \(CPUs <n>-<n>\): P<w>`,
  '[rcu:]? Unless <w> kthread gets sufficient CPU time, OOM is now expected behavior.',
];

const LOCKUPS = [
  String.raw`[(NMI|watchdog:)]? [watchdog:]? BUG: soft lockup - CPU#<n> stuck for <n>s! \[.* … [.*:<n>\]]?`,
  '[(NMI|watchdog:)]? [watchdog:]? Watchdog detected hard LOCKUP on cpu <n>',
  '[watchdog:]? CPU <n> (Hard|self-detected) [hard]? LOCKUP',
  'BUG: workqueue lockup - pool … stuck for <n>s!',
  'workqueue <w>: flags=0x<x>',
  'pwq <n>: … active=<w> [refcnt=<n>]?',
  '(in-flight|pending|inactive|delayed): … .*[^,]',
  'Kernel panic - not syncing: (Hard|softlockup:|hung_task:|RCU|scheduling) (LOCKUP|hung|blocked|Stall|while) [(tasks|atomic)]?',
  'perf: interrupt took too long .<n> > <n>., lowering kernel.perf_event_max_sample_rate to <n>',
  'INFO: NMI handler … .*[)] took too long to run: <n>.<n> msecs',
];

const ATOMIC = [
  'BUG: sleeping function called from invalid context at <w>:<n>',
  `BUG: scheduling while atomic: ${NAME} <w>/<n>/0x<x>`,
  String.raw`in_atomic\(\): <n>, irqs_disabled\(\): <n>, [non_block:]? [<n>,]? pid: <n>, name: <w>`,
  'preempt_count: <x>, expected: <n>',
];

const LOCKDEP = [
  `${TITLE} possible (circular|recursive) locking [dependency]? detected [\\]]?`,
  `${TITLE} possible irq lock inversion dependency detected [\\]]?`,
  `${TITLE} inconsistent lock state [\\]]?`,
  `${TITLE} Invalid wait context [\\]]?`,
  `${TITLE} bad (unlock|contention) [balance]? detected! [\\]]?`,
  `${TITLE} held lock freed! [\\]]?`,
  `${TITLE} lock held (when|at) (returning|task) (to|exit) (user|time!) [space!]? [\\]]?`,
  `${TITLE} Nested lock was not taken [\\]]?`,
  `${TITLE} suspicious RCU usage.? [\\]]?`,
  `${TITLE} (HARD|SOFT|hard|soft)<w>-safe -> (HARD|SOFT|hard|soft)<w>-unsafe lock order detected [\\]]?`,
  `${TITLE} ${NAMED_TASK} still has locks held! [\\]]?`,
  'INFO: trying to register non-static key.',
  `${TASK} is trying to (acquire|lock|release|contend) [lock]? [.*:]?`,
  String.raw`${TASK} \[HC<w> (takes:|is) [trying]? [to]? [acquire:]?`,
  `${NAMED_TASK} is trying to (release|contend) lock \\(.* ${words(2)} at:`,
  `${NAMED_TASK} is freeing memory <w>, with a lock still held there!`,
  `${NAMED_TASK} is leaving the kernel with locks still held!`,
  `${NAMED_TASK} is exiting with locks still held!`,
  `BUG: workqueue leaked lock or atomic: ${words(3)} <w>/0x<x>/<n>`,
  `BUG: workqueue leaked atomic, lock or RCU: ${words(3)} .*\\[<n>\\]`,
  `BUG: (spinlock|rwlock) ${words(4)} on CPU#<n>, ${NAMED_TASK},? [<x>]?`,
  `\\S+\\.(c|h):<n> ${words(10)} .*!`,
  `${TASK} just changed the state of lock:`,
  'but task is already holding lock:',
  'which lock already depends on the new lock.',
  String.raw`the existing dependency chain \(in reverse order\) is:`,
  'other info that might help us debug this:',
  'and this task is already holding:',
  'which would create a new lock dependency:',
  'but this new dependency connects a <w> lock:',
  String.raw`\.\.\. which became <w> at:`,
  'to a <w> lock:',
  'but this lock took another, <w> lock in the past:',
  'but this lock was taken by another, <w> lock in the past:',
  'the [shortest]? dependencies between <w> lock and the holding lock:',
  'the [shortest]? dependencies between the lock to be acquired and <w> lock:',
  String.raw`inconsistent \{<w>\} -> \{<w>\} usage.?`,
  String.raw`\{<w>\} state was registered at:`,
  `<n> locks? held by ${NAMED_TASK}:?`,
  `no locks held by ${NAMED_TASK}.?`,
  'stack backtrace:',
  `${ADDRESS} ${LOCK}, at: [${SITE_ADDRESS}]? <w> [.<w>.]?`,
];

/** Lock lines: alone, behind an address, in a held list, in a chain; with and without the place. */
const LOCK_LINES = ['', '-> ', `${ADDRESS} `, '#<n>: ', `#<n>: ${ADDRESS} `].flatMap((before) =>
  [LOCK, `${LOCK_BEGIN} … ${LOCK_END}`].flatMap((lock) => [
    `${before}${lock},? at: [${SITE_ADDRESS}]? [\\w.*]? [\\[\\w+\\]]?`,
    `${before}${lock} [ops:]? [<n>]? [\\{]?`,
  ]),
);

const CHAINS = [LOCK, `${LOCK_BEGIN} … ${LOCK_END}`].map((lock) => `-> #<n> ${lock}:`);

const DUMPS = [
  `CPU: <n> [UID:]? [<n>]? PID: <n> Comm: <w> ${words(3)} (Not|Tainted:|Kdump:) [(tainted|loaded)]? …`,
  'Workqueue: <w> <w>',
  'Call (Trace|trace):',
  'Task dump for CPU <n>:',
  'Stack dump where RCU GP kthread last ran:',
  'Showing busy workqueues and worker pools:',
  'Showing all locks held in the system:',
  'Not tainted <w> #<n>',
  'Preemption disabled at:',
  'NMI backtrace for cpu <n> skipped: idling at <w>',
  String.raw`(hardirqs|softirqs) last (enabled|disabled) at \(<n>\): [${SITE_ADDRESS}]? [\w.$]+\+0x[0-9a-f]+(\/0x[0-9a-f]+)?`,
  String.raw`<[A-Z]+> ${SITE_ADDRESS} [\?]? [\w.$]+\+0x[0-9a-f]+(\/0x[0-9a-f]+)?`,
  // Decoded frames: the place stands behind the function.
  String.raw`[\w.$]+ \S+\.(c|h|S|rs):\d+ [\[inline\]]?`,
  String.raw`${SYMBOL} [\S+\.(c|h|S|rs):\d+]? [\(\S+\.(c|h|S|rs):\d+\)]? [\[\w+\]]?`,
  String.raw`\? ${SYMBOL} [\[\w+\]]?`,
  String.raw`${SITE_ADDRESS} [\?]? [\w.$]+\+0x[0-9a-f]+(\/0x[0-9a-f]+)? [\S+\.(c|h|S|rs):\d+]? [\[\w+\]]?`,
  // 32-bit ARM: who called whom.
  String.raw`${SITE_ADDRESS} \(\S+\) from ${SITE_ADDRESS} \([\w.]+\+0x[0-9a-f]+(\/0x[0-9a-f]+)?\)? [\[\w+\]\)]?`,
  String.raw`RIP: \d{4}:<w>`,
];
const TEXTS = [...HUNG, ...STALLS, ...LOCKUPS, ...ATOMIC, ...LOCKDEP, ...LOCK_LINES, ...CHAINS, ...DUMPS];

export const LINE_SHAPES: readonly WordShape[] = TEXTS.map(wordShape);
