/** Repeats what a network or a busy server made fail. */
import { setTimeout } from 'node:timers/promises';

export interface RetryOptions {
  readonly attempts: number;
  /** Before the second attempt; twice as long before each further one, and up to half of it by chance. */
  readonly firstPauseMs: number;
  /** Before a further attempt. */
  readonly onRetry?: (error: Error) => Promise<void>;
}

export const DEFAULT_RETRIES: RetryOptions = { attempts: 5, firstPauseMs: 250 };

/** Refused, reset, timed out, unreachable, unknown for the moment. */
const NETWORK_CODES = /^(ECONN|ETIMEDOUT|EPIPE|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR)/;
/** ClickHouse: a timeout, too many queries, memory, a shard or the network, a table that is read-only for the moment, too many parts. */
const SERVER_CODES: readonly string[] = ['159', '202', '209', '210', '241', '242', '252', '279', '425', '999'];

/** `ECONNRESET`, or the number of the server's error; old servers write it in a form that the client does not take apart. */
export function codeOf(error: unknown): string {
  const { code, message = '' } = error as { code?: unknown; message?: string };
  return typeof code === 'string' ? code : (/^Code: (\d+)/.exec(message)?.[1] ?? '');
}

/** Whether the same request may succeed later. */
export function isTransient(error: unknown): boolean {
  const { message = '' } = error as { message?: string };
  const code = codeOf(error);
  if (NETWORK_CODES.test(code) || SERVER_CODES.includes(code)) return true;
  return /timeout|socket hang up|50[234]\b/i.test(message);
}

/** @throws what the last attempt threw */
export async function withRetries<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= options.attempts || !isTransient(error)) throw error;
      await setTimeout(options.firstPauseMs * 2 ** (attempt - 1) * (1 + Math.random() / 2));
      await options.onRetry?.(error as Error);
    }
  }
}
