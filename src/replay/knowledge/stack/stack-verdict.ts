/** What a kernel stack says about a sleeping task: the resource, the call, the srcu_struct and what the caller was doing. */
import { plainSymbol } from './interrupt-frames.ts';
import {
  isGenericFrame,
  LAST_SLEEP_FRAME,
  SITE_FRAMES,
  SRCU_DOMAIN_FRAMES,
  SRCU_WORKER_FRAME,
  TEARDOWN_FRAME,
  WAIT_FRAMES,
  WAIT_PRIMITIVE,
  type WaitResource,
} from './wait-frames.ts';

export interface StackVerdict {
  readonly resource: WaitResource | undefined;
  /** The function that decided (`synchronize_srcu`). */
  readonly api: string;
  /** A worker inside process_srcu: its wait belongs to an SRCU grace period (W18). */
  readonly insideSrcuRun: boolean;
  readonly srcuDomain: string | undefined;
  /** The call is part of a tracepoint teardown, which may wait for two structs with the same stack (T12). */
  readonly teardown: boolean;
  readonly site: string | undefined;
  /**
   * Where no known call decides: the wait primitive (`wait_for_completion`) and the first function outside of the scheduler and the
   * primitives; '' when the stack shows none.
   */
  readonly primitive: string;
  readonly sleeper: string;
  /** Who wakes this sleep ends the call: it is the last one in it, not a lock on the way. */
  readonly lastSleep: boolean;
}

const RWBASE = /^_{0,2}rwbase_(read|write)_lock$/;
const RWBASE_CALLER = /^(down_(read|write)|rt_(read|write)_lock)/;

/** @param stack function names, innermost first; compiler suffixes (`__synchronize_srcu.part.0`) do not count. MODEL 4.3. */
export function classifyStack(stack: readonly string[]): StackVerdict {
  const symbols = stack.map(plainSymbol);
  let resource: WaitResource | undefined;
  let api = '';
  let decided = symbols.length;
  let primitive = '';
  let sleeper = '';
  for (const [depth, symbol] of symbols.entries()) {
    if (isGenericFrame(symbol)) {
      if (WAIT_PRIMITIVE.test(symbol)) primitive = symbol;
      continue;
    }
    const row = WAIT_FRAMES.find(([pattern]) => pattern.test(symbol));
    if (!row) {
      sleeper ||= symbol;
      continue;
    }
    // The outermost frames of every task: what sleeps is what they called.
    if (sleeper !== '' && (row[1] === 'exit' || row[1] === 'idle-worker')) continue;
    resource = row[1];
    api = symbol;
    decided = depth + 1;
    // synchronize_rcu_normal ← synchronize_rcu, __synchronize_srcu ← synchronize_srcu: the name that callers use.
    if (api === 'synchronize_rcu_normal') api = 'synchronize_rcu';
    // PREEMPT_RT: rwsems and rwlocks share the code (kernel/locking/rwbase_rt.c); the caller tells which it is.
    if (RWBASE.test(api)) api = symbols.slice(depth + 1).find((caller) => RWBASE_CALLER.test(caller)) ?? api;
    if (api === 'exp_funnel_lock') api = 'synchronize_rcu_expedited';
    if (api === '__synchronize_srcu') api = 'synchronize_srcu';
    break;
  }
  return {
    resource,
    api,
    insideSrcuRun: symbols.some((symbol) => SRCU_WORKER_FRAME.test(symbol)),
    srcuDomain: firstMatch(symbols, SRCU_DOMAIN_FRAMES),
    teardown: symbols.some((symbol) => TEARDOWN_FRAME.test(symbol)),
    primitive,
    sleeper,
    site: firstMatch(symbols, SITE_FRAMES),
    lastSleep: symbols.slice(0, decided).some((symbol) => LAST_SLEEP_FRAME.test(symbol)),
  };
}

function firstMatch(symbols: readonly string[], table: readonly (readonly [RegExp, string])[]): string | undefined {
  for (const symbol of symbols) {
    const row = table.find(([pattern]) => pattern.test(symbol));
    if (row) return row[1];
  }
  return undefined;
}
