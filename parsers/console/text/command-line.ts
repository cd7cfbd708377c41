/**
 * Settings on the kernel's command line, as the kernel reads it: next_arg() of lib/cmdline.c cuts it at blanks outside of quotes, parse_args() of kernel/params.c
 * takes `-` and `_` of a name for the same, ends at `--`, and calls each parameter in turn: the last value that is valid stands.
 */
import type { KernelSetting } from '../../../schema/index.ts';

/** Number as kstrtoul(…, 0, …) reads it; undefined for what the kernel refuses. */
function kernelNumber(text: string): number | undefined {
  if (!/^\+?(?:0[xX][0-9a-fA-F]{1,8}|\d{1,10})$/.test(text)) return undefined;
  const digits = text.replace('+', '');
  const value = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return /^0\d*[89]/.test(digits) ? undefined : value;
}

type NumberField = Extract<KernelSetting, { readonly value: number }>['field'];

interface Parameter {
  readonly field: NumberField;
  /** Into what the kernel forces the value. */
  readonly clamp?: readonly [least: number, most: number];
}

/** rcu_jiffies_till_stall_check(), kernel/rcu/tree_stall.h. */
const STALL: Parameter = { field: 'rcuStallTimeoutS', clamp: [3, 300] };

/** Parameters that set what verdicts rest on. A name without its module's prefix is an argument of init. */
const PARAMETERS: ReadonlyMap<string, Parameter> = new Map([
  // kernel/rcu/update.c; a parameter of rcutree before v3.11
  ['rcupdate.rcu_cpu_stall_timeout', STALL],
  ['rcutree.rcu_cpu_stall_timeout', STALL],
  // Any sysctl: process_sysctl_arg(), fs/proc/proc_sysctl.c
  ['sysctl.kernel.hung_task_timeout_secs', { field: 'hungTaskTimeoutS' }],
  ['workqueue.watchdog_thresh', { field: 'wqWatchdogThreshS' }],
]);

const HEADING = /^(?:Kernel c|C)ommand line: /;

/** The settings of a line `Kernel command line: …`; undefined for any other line. */
export function parseCommandLine(text: string): KernelSetting[] | undefined {
  const heading = HEADING.exec(text)?.[0];
  if (heading === undefined) return undefined;
  const settings = new Map<NumberField, number>();
  for (const [argument] of text.slice(heading.length).matchAll(/(?:"[^"]*"?|[^\s"])+/g)) {
    if (argument === '--') break;
    const [name, value = ''] = argument.replaceAll('"', '').split('=', 2);
    const parameter = PARAMETERS.get(name.replaceAll('-', '_').replaceAll('/', '.'));
    const number = parameter && kernelNumber(value);
    if (parameter === undefined || number === undefined) continue;
    const { field, clamp } = parameter;
    if (clamp) settings.set(field, Math.min(clamp[1], Math.max(clamp[0], number)));
    else if (number > 0) settings.set(field, number);
    // 0 switches the watchdog off: then the kernel has no threshold that could be taken over.
    else settings.delete(field);
  }
  return [...settings].map(([field, value]) => ({ field, value }));
}
