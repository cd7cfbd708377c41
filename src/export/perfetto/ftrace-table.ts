/**
 * The ftrace events for which Perfetto has messages of its own, and so tables and tracks: field numbers of `FtraceEvent` and of the messages
 * in it (protos/perfetto/trace/ftrace/*.proto). Every other event goes as a generic one, with its fields described in the trace.
 */

/**
 * How a field is written: `int` varint, signed as int64 · `str` text · `symbol` id of an interned function name · `state` task state as bits ·
 * `timer-mode` the kernel's number of it.
 */
export type FtraceFieldForm = 'int' | 'str' | 'symbol' | 'state' | 'timer-mode';

export interface FtraceMessage {
  /** Field of `FtraceEvent`. */
  readonly id: number;
  /** By the kernel's name of the field; what is missing here has no place in the message. */
  readonly fields: Readonly<Record<string, readonly [number, FtraceFieldForm]>>;
}

/** `4 prev_comm:1:str …`: the field of FtraceEvent, then field names with number and form (int when it is missing). */
function message(row: string): FtraceMessage {
  const [id, ...fields] = row.split(' ');
  return {
    id: Number(id),
    fields: Object.fromEntries(
      fields.map((field) => {
        const [name, number, form = 'int'] = field.split(':');
        return [name, [Number(number), form as FtraceFieldForm] as const];
      }),
    ),
  };
}

const WAKEUP = 'comm:1:str pid:2 prio:3 target_cpu:5';
const TASK = 'comm:1:str pid:2 prio:3';

/** Names of events as the kernel has them. */
export const FTRACE_MESSAGES: ReadonlyMap<string, FtraceMessage> = new Map(
  Object.entries({
    sched_switch: '4 prev_comm:1:str prev_pid:2 prev_prio:3 prev_state:4:state next_comm:5:str next_pid:6 next_prio:7',
    sched_wakeup: `17 ${WAKEUP}`,
    sched_waking: `20 ${WAKEUP}`,
    sched_wakeup_new: `114 ${WAKEUP}`,
    sched_process_exec: '237 filename:1:str pid:2 old_pid:3',
    sched_process_exit: '238 comm:1:str pid:2 prio:4',
    sched_process_fork: '239 parent_comm:1:str parent_pid:2 child_comm:3:str child_pid:4',
    sched_process_free: `240 ${TASK}`,
    sched_process_hang: '241 comm:1:str pid:2',
    sched_process_wait: `242 ${TASK}`,
    sched_pi_setprio: '353 comm:1:str newprio:2 oldprio:3 pid:4',
    sched_migrate_task: '491 comm:1:str pid:2 prio:3 orig_cpu:4 dest_cpu:5',

    softirq_entry: '24 vec:1',
    softirq_exit: '25 vec:1',
    softirq_raise: '26 vec:1',
    irq_handler_entry: '36 irq:1 name:2:str',
    irq_handler_exit: '37 irq:1 ret:2',
    ipi_entry: '21 reason:1:str',
    ipi_exit: '22 reason:1:str',
    local_timer_entry: '559 vector:1',
    local_timer_exit: '560 vector:1',

    workqueue_activate_work: '56 work:1 function:2:symbol',
    workqueue_execute_start: '58 work:1 function:2:symbol',
    workqueue_execute_end: '57 work:1 function:2:symbol',
    workqueue_queue_work: '59 work:1 function:2:symbol req_cpu:4 cpu:5 workqueue:6:str',
    hrtimer_start: '551 hrtimer:1 function:2:symbol expires:3 softexpires:4 mode:5:timer-mode',
    hrtimer_cancel: '552 hrtimer:1',
    hrtimer_expire_entry: '553 hrtimer:1 now:2 function:3:symbol',
    hrtimer_expire_exit: '554 hrtimer:1',
    timer_start: '555 timer:1 function:2:symbol expires:3 now:4 flags:6 bucket_expiry:7',
    timer_cancel: '556 timer:1',
    timer_expire_entry: '557 timer:1 now:2 function:3:symbol baseclk:4',
    timer_expire_exit: '558 timer:1',
  }).map(([name, row]) => [name, message(row)]),
);

/** Bits of `prev_state` since Linux 4.14 (include/trace/events/sched.h, __trace_sched_switch_state): what a release makes Perfetto assume. */
const STATE_BITS: Readonly<Record<string, number>> = {
  R: 0,
  S: 1,
  D: 2,
  T: 4,
  t: 8,
  X: 0x10,
  Z: 0x20,
  P: 0x40,
  I: 0x80,
  '+': 0x100,
};

/** `S`, `R+`, `D|K`, or the number itself. Letters that no kernel prints since 4.14 are left out. */
export function taskStateBits(state: string): number {
  if (/^\d+$/.test(state)) return Number(state);
  let bits = 0;
  for (const letter of state) bits |= STATE_BITS[letter] ?? 0;
  return bits;
}

/** The release that those bits belong to, where the recording does not name its own. */
export const ASSUMED_RELEASE = '5.0';

/** enum hrtimer_mode (include/linux/hrtimer.h), by the names that trace events print. */
const TIMER_MODES: Readonly<Record<string, number>> = { ABS: 0, REL: 1, PINNED: 2, SOFT: 4, HARD: 8 };

/** `HRTIMER_MODE_REL|PINNED`. */
export function timerMode(mode: string): number {
  let bits = 0;
  for (const name of mode.replaceAll('HRTIMER_MODE_', '').split(/[|_]/)) bits |= TIMER_MODES[name] ?? 0;
  return bits;
}
