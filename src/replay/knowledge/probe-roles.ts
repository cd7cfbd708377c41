/**
 * What a probed or traced function means to the models, whatever kind of probe shows it: kprobe, fprobe, function or
 * function_graph tracer (MODEL E1.9). Symbols may carry compiler suffixes (`.isra.0`, `.constprop.0`), which do not count.
 */

export type ProbeRole =
  /** The task waits until it returns. */
  | {
      readonly role: 'wait';
      readonly resource: 'rcu' | 'rcu-expedited' | 'srcu' | 'rcu-tasks' | 'barrier';
      readonly api: string;
    }
  /** Runs in a worker on behalf of one srcu_struct. */
  | { readonly role: 'srcu-worker' /** The function is the pass itself, not a part of it. */; readonly pass: boolean }
  /** Names the srcu_struct of the call that it is in. */
  | { readonly role: 'srcu-call' }
  | { readonly role: 'srcu-read-lock' }
  | { readonly role: 'srcu-read-unlock' };

const wait = (resource: 'rcu' | 'rcu-expedited' | 'srcu' | 'rcu-tasks' | 'barrier', api: string): ProbeRole => ({
  role: 'wait',
  resource,
  api,
});

export const PROBE_ROLES: ReadonlyMap<string, ProbeRole> = new Map<string, ProbeRole>([
  ['synchronize_rcu', wait('rcu', 'synchronize_rcu')],
  ['synchronize_rcu_normal', wait('rcu', 'synchronize_rcu')],
  ['synchronize_rcu_expedited', wait('rcu-expedited', 'synchronize_rcu_expedited')],
  ['synchronize_srcu', wait('srcu', 'synchronize_srcu')],
  ['__synchronize_srcu', wait('srcu', 'synchronize_srcu')],
  ['synchronize_srcu_expedited', wait('srcu', 'synchronize_srcu_expedited')],
  ['synchronize_rcu_tasks', wait('rcu-tasks', 'synchronize_rcu_tasks')],
  ['synchronize_rcu_tasks_rude', wait('rcu-tasks', 'synchronize_rcu_tasks_rude')],
  ['synchronize_rcu_tasks_trace', wait('rcu-tasks', 'synchronize_rcu_tasks_trace')],
  ['rcu_barrier', wait('barrier', 'rcu_barrier')],
  ['srcu_barrier', wait('barrier', 'srcu_barrier')],
  ['process_srcu', { role: 'srcu-worker', pass: true }],
  ['srcu_advance_state', { role: 'srcu-worker', pass: false }],
  ['try_check_zero', { role: 'srcu-worker', pass: false }],
  ['call_srcu', { role: 'srcu-call' }],
  ['__call_srcu', { role: 'srcu-call' }],
  ['srcu_gp_start_if_needed', { role: 'srcu-call' }],
  ['srcu_funnel_gp_start', { role: 'srcu-call' }],
  ['__srcu_read_lock', { role: 'srcu-read-lock' }],
  ['__srcu_read_unlock', { role: 'srcu-read-unlock' }],
]);

/** Names of the argument that holds the srcu_struct. */
export const SSP_ARGUMENT = /^(ssp|sp|srcu|srcu_struct|arg1)$/;

/** `try_check_zero.isra.0` → `try_check_zero`; event names `p_call_srcu_0`, `synchronize_srcu_ret` → the function. */
export function roleOfFunction(symbol: string): ProbeRole | undefined {
  const base = symbol.replace(/\.(isra|constprop|part|cold|llvm)[.\d]*.*$/, '').replace(/\+0x[0-9a-f]+.*$/, '');
  return (
    PROBE_ROLES.get(base) ??
    PROBE_ROLES.get(base.replace(/^[pr]_/, '').replace(/(_ret|__return|_return|_exit|_entry)?(_\d+)?$/, ''))
  );
}
