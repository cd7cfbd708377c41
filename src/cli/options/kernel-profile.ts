/** `--profile hz=1000,rt=no,…` → KernelProfile. */
import type { KernelProfile } from '../../../schema/index.ts';
import { UsageError } from '../exit-status.ts';

interface ProfileKey {
  readonly field: keyof KernelProfile;
  readonly type: 'number' | 'flag' | 'text';
  readonly help: string;
}

export const PROFILE_KEYS: Readonly<Record<string, ProfileKey>> = {
  release: { field: 'release', type: 'text', help: 'kernel release, 6.12.1' },
  hz: { field: 'hz', type: 'number', help: 'CONFIG_HZ' },
  rt: { field: 'rt', type: 'flag', help: 'PREEMPT_RT' },
  preempt_rcu: { field: 'preemptRcu', type: 'flag', help: 'PREEMPT_RCU: readers can be preempted' },
  prove_rcu: { field: 'proveRcu', type: 'flag', help: 'PROVE_RCU: stall timeouts are 5 s longer' },
  raw_lock_nesting: { field: 'rawLockNesting', type: 'flag', help: 'PROVE_RAW_LOCK_NESTING' },
  rcu_stall_timeout: { field: 'rcuStallTimeoutS', type: 'number', help: 'rcu_cpu_stall_timeout, seconds' },
  hung_task_timeout: { field: 'hungTaskTimeoutS', type: 'number', help: 'hung_task_timeout_secs, seconds' },
  wq_watchdog_thresh: { field: 'wqWatchdogThreshS', type: 'number', help: 'workqueue.watchdog_thresh, seconds' },
  cpus: { field: 'possibleCpus', type: 'number', help: 'possible CPUs' },
  x86: { field: 'x86', type: 'flag', help: 'x86 machine' },
};

const FLAGS: Readonly<Record<string, boolean>> = {
  y: true,
  yes: true,
  true: true,
  on: true,
  '1': true,
  n: false,
  no: false,
  false: false,
  off: false,
  '0': false,
};

/** @throws UsageError naming the key and what it takes */
export function parseKernelProfile(text: string): KernelProfile {
  const profile: Record<string, string | number | boolean> = {};
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const at = part.indexOf('=');
    const name = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase().replaceAll('-', '_');
    const key = PROFILE_KEYS[name];
    if (key === undefined)
      throw new UsageError(`unknown key '${name}'; known keys: ${Object.keys(PROFILE_KEYS).join(', ')}`);
    if (at < 0) {
      if (key.type !== 'flag') throw new UsageError(`${name} needs a value: ${name}=… (${key.help})`);
      profile[key.field] = true;
      continue;
    }
    profile[key.field] = parseValue(name, key, part.slice(at + 1).trim());
  }
  return profile as KernelProfile;
}

function parseValue(name: string, key: ProfileKey, value: string): string | number | boolean {
  if (key.type === 'text') {
    if (value === '') throw new UsageError(`${name} is empty (${key.help})`);
    return value;
  }
  if (key.type === 'flag') {
    const flag = FLAGS[value.toLowerCase()];
    if (flag === undefined) throw new UsageError(`${name}=${value}: yes or no expected (${key.help})`);
    return flag;
  }
  const number = /^\d+(\.\d+)?s?$/.test(value) ? Number.parseFloat(value) : Number.NaN;
  if (!(number > 0)) throw new UsageError(`${name}=${value}: a positive number expected (${key.help})`);
  return number;
}
