/**
 * Operators of what-if variants (MODEL 6.3): what they rewrite, and the form in which variant files write them.
 * An operator selects facts of the recording; one that selects none is a no-op and says so (X-R3).
 */
import type { KernelProfile, RootKind } from '../../../schema/index.ts';

export type WaitTypeName = 'spin' | 'config' | 'sleep';

export type Operator =
  /** Gives lock classes another wait type: `spin` is a raw spinlock, `config` a spinlock_t, `sleep` a mutex (L5.31). */
  | { readonly op: 'set-wait-type'; readonly classes: string; readonly type: WaitTypeName }
  /** Takes acquisitions of `to` under `from` out of the lock graph; with `frames`, only witnesses whose stack shows one of them. */
  | { readonly op: 'drop-edge'; readonly from: string; readonly to: string; readonly frames?: string }
  /** Adds an acquisition of `to` under `from` that the recording does not show. */
  | { readonly op: 'add-edge'; readonly from: string; readonly to: string; readonly because: string }
  /** Scales the time that a context took: 0 removes it. */
  | {
      readonly op: 'scale-context';
      readonly context: 'nmi' | 'hardirq' | 'softirq';
      readonly factor: number;
      readonly cpu?: number;
    }
  /**
   * SRCU workers no longer sleep in synchronize_rcu(): the pass is queued again when the grace period ends (`async`) or polls for it (`polled`).
   */
  | { readonly op: 'replace-srcu-wait'; readonly how: 'async' | 'polled' }
  /** SRCU grace periods whose struct matches wait for their own readers only, not for RCU. */
  | { readonly op: 'set-srcu-flavor'; readonly domains: string; readonly flavor: 'normal' }
  /** Waits on the struct become waits for RCU itself. */
  | { readonly op: 'srcu-to-rcu'; readonly domains: string }
  /** Grace-period waits are expedited. */
  | { readonly op: 'expedite' }
  /** Callers whose stack shows one of the frames do not wait: a callback frees what they wait for. */
  | { readonly op: 'remove-wait'; readonly sites: string }
  /** Sleeps on a lock taken in these frames no longer happen. */
  | { readonly op: 'remove-lock-wait'; readonly frames: string }
  | { readonly op: 'set-profile'; readonly field: keyof KernelProfile; readonly value: boolean };

export interface Variant {
  readonly name: string;
  /** One sentence: the change to the kernel that it stands for. */
  readonly title: string;
  /** MODEL id, X0 … X17; undefined for a user's own. */
  readonly id?: string;
  readonly operators: readonly Operator[];
}

/** Roots that scaling a context can remove. */
export const CONTEXT_ROOTS: Readonly<Record<'nmi' | 'hardirq' | 'softirq', RootKind>> = {
  nmi: 'nmi-storm',
  hardirq: 'irq-storm',
  softirq: 'softirq-storm',
};

const FIELDS: Readonly<
  Record<Operator['op'], Readonly<Record<string, 'string' | 'number' | 'boolean' | 'regex' | readonly string[]>>>
> = {
  'set-wait-type': { classes: 'regex', type: ['spin', 'config', 'sleep'] },
  'drop-edge': { from: 'regex', to: 'regex', 'frames?': 'regex' },
  'add-edge': { from: 'string', to: 'string', because: 'string' },
  'scale-context': { context: ['nmi', 'hardirq', 'softirq'], factor: 'number', 'cpu?': 'number' },
  'replace-srcu-wait': { how: ['async', 'polled'] },
  'set-srcu-flavor': { domains: 'regex', flavor: ['normal'] },
  'srcu-to-rcu': { domains: 'regex' },
  expedite: {},
  'remove-wait': { sites: 'regex' },
  'remove-lock-wait': { frames: 'regex' },
  'set-profile': { field: ['rt', 'rawLockNesting', 'preemptRcu', 'proveRcu'], value: 'boolean' },
};

/** A variant file that does not say what it should; the message names the place and what is expected. */
export class VariantError extends Error {
  override readonly name = 'VariantError';
}

/**
 * Reads a variant file: `{"name": "…", "title": "…", "operators": [{"op": "…", …}]}`.
 * @throws VariantError naming the operator, the field and what was expected.
 */
export function parseVariant(text: string, fileName: string): Variant {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new VariantError(`${fileName}: not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new VariantError(`${fileName}: expected an object`);
  const { name, title, operators, ...rest } = value as Record<string, unknown>;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined)
    throw new VariantError(`${fileName}: unknown key "${unknown}"; known are name, title, operators`);
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new VariantError(`${fileName}: "name" must be lower-case letters, digits and dashes`);
  }
  if (!Array.isArray(operators)) throw new VariantError(`${fileName}: "operators" must be a list`);
  return {
    name,
    title: typeof title === 'string' ? title : name,
    operators: operators.map((operator, i) => parseOperator(operator, `${fileName}: operators[${i}]`)),
  };
}

function parseOperator(value: unknown, place: string): Operator {
  if (typeof value !== 'object' || value === null) throw new VariantError(`${place}: expected an object with "op"`);
  const { op, ...given } = value as Record<string, unknown>;
  const fields = typeof op === 'string' && Object.hasOwn(FIELDS, op) ? FIELDS[op as Operator['op']] : undefined;
  if (!fields)
    throw new VariantError(`${place}: unknown op ${JSON.stringify(op)}; known are ${Object.keys(FIELDS).join(', ')}`);
  for (const [field, kind] of Object.entries(fields)) {
    const optional = field.endsWith('?');
    const key = optional ? field.slice(0, -1) : field;
    const content = given[key];
    if (content === undefined && optional) continue;
    checkField(content, kind, `${place}: "${key}"`);
  }
  const stray = Object.keys(given).find((key) => !(key in fields) && !(`${key}?` in fields));
  if (stray !== undefined) throw new VariantError(`${place}: unknown field "${stray}" for ${String(op)}`);
  return value as Operator;
}

function checkField(
  content: unknown,
  kind: 'string' | 'number' | 'boolean' | 'regex' | readonly string[],
  place: string,
): void {
  if (Array.isArray(kind)) {
    if (!kind.includes(content as string)) throw new VariantError(`${place} must be one of ${kind.join(', ')}`);
    return;
  }
  const type = kind === 'regex' ? 'string' : kind;
  if (typeof content !== type)
    throw new VariantError(`${place} must be a ${kind === 'regex' ? 'regular expression' : kind}`);
  if (kind === 'number' && ((content as number) < 0 || !Number.isFinite(content)))
    throw new VariantError(`${place} must not be negative`);
  if (kind === 'regex') {
    try {
      new RegExp(content as string);
    } catch (error) {
      throw new VariantError(`${place} is no regular expression: ${(error as Error).message}`);
    }
  }
}
