/**
 * Payloads without an event name: those of the tracers (kernel/trace/trace_output.c trace_fn_trace, trace_ctxwake_print,
 * trace_hwlat_print, trace_osnoise_print, trace_timerlat_print) and of named system calls (trace_syscalls.c).
 *
 *   mutex_unlock <-rb_simple_write
 *   sys_close(fd: 3)
 *   sys_close -> 0x0
 *   <stack trace>
 *      0:120:R ==> [003]   312:100:R kworker/3:1H
 *   #1     context    irq timer_latency       932 ns
 *   #1     inner/outer(us):   11/12    ts:1581527483.343962693 count:6
 *   1000000        190  99.98100       9     18      0   1007     18      1
 */
import { announcesStack } from './stack-block.ts';

export interface PayloadShape {
  /** Event name that the payload gets. */
  readonly event: string;
  /** Payload as that event's patterns expect it: bytes[start, end). */
  readonly start: number;
  readonly end: number;
  /** Stack frames follow. */
  readonly stack: boolean;
}

/** Records that none of the forms fits; the whole payload is their field `text`. */
const UNKNOWN = 'unknown_record';

const SYSCALL_ENTER = /^(?:compat_)?sys_(\w+)\((?!.*\) <-)/i;
const SYSCALL_EXIT = /^(?:compat_)?sys_(\w+) -> /i;
const HWLAT = /^#\d+\s+inner\/outer/;
const TIMERLAT = /^#\d+\s+context\s/;
const CONTEXT_SWITCH = /^\s*\d+:\s*\d+:[A-Za-z+]\s+(==>|\+)\s+\[\d+\]/;
const FUNCTION =
  /^[A-Za-z_.$][\w.$]*(?:\+0x[0-9a-f]+(?:\/0x[0-9a-f]+)?)?(?: \[[^\]]+\])?(?:\(.*\))?(?: <[0-9a-f]+>| \(\w+\))?(?:\s+<-+\s?.*)?$/;

const latin1 = new TextDecoder('latin1');

const NAME_BYTE = new Uint8Array(256);
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$') NAME_BYTE[c.charCodeAt(0)] = 1;

/** Whether the payload is `callee <-caller`: the lines of the function tracer, of which a capture may have nothing else. */
export function isFunctionCall(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && NAME_BYTE[bytes[at]] === 1) at++;
  return at > start && at + 2 < end && bytes[at] === 0x20 && bytes[at + 1] === 0x3c && bytes[at + 2] === 0x2d;
}

/** What the payload bytes[start, end) is. @param tracer of the capture's header. */
export function classifyPayload(bytes: Uint8Array, start: number, end: number, tracer: string): PayloadShape {
  const shape = (event: string, from = start, to = end): PayloadShape => ({
    event,
    start: from,
    end: to,
    stack: false,
  });
  const announced = announcesStack(bytes, start, end);
  if (announced === 'kernel') return { event: 'kernel_stack', start: end, end, stack: true };
  if (announced === 'user') return { event: 'user_stack', start: end, end, stack: true };
  const text = latin1.decode(bytes.subarray(start, Math.min(end, start + 400)));
  const enter = SYSCALL_ENTER.exec(text);
  if (enter) {
    const close = bytes[end - 1] === 0x29 ? end - 1 : end;
    return shape(`sys_enter_${enter[1]}`, start + enter[0].length, close);
  }
  const exit = SYSCALL_EXIT.exec(text);
  if (exit) return shape(`sys_exit_${exit[1]}`, start + exit[0].length);
  if (HWLAT.test(text)) return shape('hwlat');
  if (TIMERLAT.test(text)) return shape('timerlat');
  const context = CONTEXT_SWITCH.exec(text);
  if (context) return shape(context[1] === '+' ? 'wakeup' : 'context_switch');
  if (tracer === 'osnoise' || /^\d+\s+\d+\s+\d+\.\d+\s/.test(text)) return shape('osnoise');
  if (FUNCTION.test(text)) return shape('function');
  return shape(UNKNOWN);
}
