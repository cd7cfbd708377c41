/**
 * What a probed or traced function means to the models, whatever kind of probe shows it: kprobe, fprobe, function or
 * function_graph tracer (MODEL E1.9). Symbols may carry compiler suffixes (`.isra.0`, `.constprop.0`), which do not count.
 */

export type WaitedResource = 'rcu' | 'rcu-expedited' | 'srcu' | 'rcu-tasks' | 'barrier';

export type ProbeRole =
  /** The task waits until it returns. */
  | {
      readonly role: 'wait';
      readonly resource: WaitedResource;
      readonly fn: string;
      /** What callers call. */
      readonly api: string;
      readonly ssp: boolean;
    }
  /** Runs in a worker on behalf of one srcu_struct. `workItem`: the function is the work item itself, not a part of it. */
  | {
      readonly role: 'srcu-worker';
      readonly work: 'process_srcu' | 'srcu_invoke_callbacks';
      readonly workItem: boolean;
      readonly ssp: boolean;
    }
  /** Ends the grace period of the struct (S3.16). */
  | { readonly role: 'srcu-gp-end'; readonly ssp: boolean }
  /** Asks for a grace period without waiting. */
  | { readonly role: 'srcu-call'; readonly ssp: boolean }
  /** The hop between the request and the work item of v7.0 (S3.12). */
  | { readonly role: 'srcu-irq-work'; readonly ssp: boolean }
  | { readonly role: 'srcu-read-lock'; readonly ssp: boolean }
  | { readonly role: 'srcu-read-unlock'; readonly ssp: boolean };

const wait = (resource: WaitedResource, fn: string, api = fn): [string, ProbeRole] => [
  fn,
  { role: 'wait', resource, fn, api, ssp: resource === 'srcu' },
];
const part: ProbeRole = { role: 'srcu-worker', work: 'process_srcu', workItem: false, ssp: true };

/** `ssp`: the first argument is the srcu_struct. */
export const PROBE_ROLES: ReadonlyMap<string, ProbeRole> = new Map<string, ProbeRole>([
  wait('rcu', 'synchronize_rcu'),
  wait('rcu', 'synchronize_rcu_normal', 'synchronize_rcu'),
  wait('rcu-expedited', 'synchronize_rcu_expedited'),
  wait('srcu', 'synchronize_srcu'),
  wait('srcu', '__synchronize_srcu', 'synchronize_srcu'),
  wait('srcu', 'synchronize_srcu_expedited'),
  wait('rcu-tasks', 'synchronize_rcu_tasks'),
  wait('rcu-tasks', 'synchronize_rcu_tasks_rude'),
  wait('rcu-tasks', 'synchronize_rcu_tasks_trace'),
  wait('barrier', 'rcu_barrier'),
  wait('barrier', 'rcu_barrier_tasks'),
  wait('barrier', 'rcu_barrier_tasks_rude'),
  wait('barrier', 'rcu_barrier_tasks_trace'),
  wait('barrier', 'kvfree_rcu_barrier'),
  // Polled: they sleep only when the cookie has not been reached (R2.22).
  wait('rcu', 'cond_synchronize_rcu'),
  wait('rcu', 'cond_synchronize_rcu_full'),
  wait('rcu-expedited', 'cond_synchronize_rcu_expedited'),
  wait('rcu-expedited', 'cond_synchronize_rcu_expedited_full'),
  // Waits for the callbacks that are queued, and so for the grace periods before them (S3.20).
  wait('srcu', 'srcu_barrier'),
  ['process_srcu', { role: 'srcu-worker', work: 'process_srcu', workItem: true, ssp: false }],
  ['srcu_invoke_callbacks', { role: 'srcu-worker', work: 'srcu_invoke_callbacks', workItem: true, ssp: false }],
  ['srcu_advance_state', part],
  ['try_check_zero', part],
  ['srcu_readers_active_idx_check', part],
  ['srcu_gp_end', { role: 'srcu-gp-end', ssp: true }],
  ['call_srcu', { role: 'srcu-call', ssp: true }],
  ['__call_srcu', { role: 'srcu-call', ssp: true }],
  ['srcu_gp_start_if_needed', { role: 'srcu-call', ssp: true }],
  ['srcu_funnel_gp_start', { role: 'srcu-call', ssp: true }],
  ['srcu_irq_work', { role: 'srcu-irq-work', ssp: false }],
  ['__srcu_read_lock', { role: 'srcu-read-lock', ssp: true }],
  ['__srcu_read_lock_nmisafe', { role: 'srcu-read-lock', ssp: true }],
  ['__srcu_read_unlock', { role: 'srcu-read-unlock', ssp: true }],
  ['__srcu_read_unlock_nmisafe', { role: 'srcu-read-unlock', ssp: true }],
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
