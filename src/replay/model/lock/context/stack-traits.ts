/** What the call stack of an acquisition proves, computed once per distinct stack. */
import type { Dictionary } from '../../../../../schema/index.ts';
import { ACQUIRE_MACHINERY, API_FRAMES, BPF_FRAME, LOCK_FUNCTIONS } from '../../../knowledge/lock/functions.ts';
import { plainSymbol } from '../../../knowledge/stack/interrupt-frames.ts';
import { WAIT_INLINED, WAIT_RT_SPIN, WAIT_SLEEP_FRAME, WAIT_SPIN_FRAME } from '../class.ts';

export interface StackTraits {
  /** WAIT_* bits that the locking function proves. */
  readonly evidence: number;
  /** The function only exists on PREEMPT_RT. */
  readonly rt: boolean;
  /** Deferring API through which the lock was taken, outermost. */
  readonly api: string | undefined;
  /** Function that called the locking function, or '' (the `at:` of a splat). */
  readonly site: string;
  readonly bpf: boolean;
  /** Tracepoint whose probes run here (`__traceiter_sched_switch`), or ''. */
  readonly tracepoint: string;
}

const NOTHING: StackTraits = { evidence: 0, rt: false, api: undefined, site: '', bpf: false, tracepoint: '' };

export class StackTraitsCache {
  readonly #dictionary: Dictionary;
  readonly #byStack: (StackTraits | undefined)[] = [];

  constructor(dictionary: Dictionary) {
    this.#dictionary = dictionary;
  }

  of(stack: number): StackTraits {
    if (stack === 0) return NOTHING;
    const known = this.#byStack[stack];
    if (known !== undefined) return known;
    const made = traitsOf(this.#dictionary.stackSymbols(stack));
    this.#byStack[stack] = made;
    return made;
  }
}

/** The innermost tracepoint that calls its probes in this stack; the tracer's own at the very end do not count. */
function attachedTo(symbols: readonly string[]): string {
  const machinery = symbols.findIndex((symbol) => !ACQUIRE_MACHINERY.test(symbol));
  for (const symbol of symbols.slice(Math.max(machinery, 0))) {
    const match = /^__(?:traceiter|bpf_trace)_(\w+)$/.exec(symbol);
    if (match) return match[1];
  }
  return '';
}

/** @param stack function names, innermost first; compiler suffixes do not count. */
export function traitsOf(stack: readonly string[]): StackTraits {
  const symbols = stack.map(plainSymbol);
  let index = 0;
  while (index < symbols.length && ACQUIRE_MACHINERY.test(symbols[index])) index++;
  const rule =
    index < symbols.length ? LOCK_FUNCTIONS.find((candidate) => candidate.match.test(symbols[index])) : undefined;
  let evidence = 0;
  if (rule?.type === 'spin') evidence = WAIT_SPIN_FRAME;
  else if (rule?.type === 'sleep') evidence = WAIT_SLEEP_FRAME;
  else if (rule?.type === 'config') evidence = WAIT_RT_SPIN;
  else if (index > 0 && index < symbols.length) evidence = WAIT_INLINED;
  // The caller of the lock function: `mutex_lock_nested` around `__mutex_lock` is still the lock function.
  let site = index;
  while (site < symbols.length && LOCK_FUNCTIONS.some((candidate) => candidate.match.test(symbols[site]))) site++;
  let api: string | undefined;
  for (let i = symbols.length - 1; i > index && api === undefined; i--)
    api = API_FRAMES.find((candidate) => candidate.match.test(symbols[i]))?.api;
  return {
    evidence,
    rt: rule?.rt === true,
    api,
    site: symbols[site] ?? '',
    bpf: symbols.some((symbol) => BPF_FRAME.test(symbol)),
    tracepoint: attachedTo(symbols),
  };
}
