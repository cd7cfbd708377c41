/** Frames of what recorded the event, above those of the function that it is about. Extend the list; the engine needs no change. */

/** Beginnings of names: probe functions of tracepoints (include/trace/*.h), ftrace's ring buffer and perf's, the stack walk itself. */
export const RECORDER_PREFIXES: readonly string[] = [
  'trace_event_raw_event_',
  'trace_event_buffer_',
  'trace_buffer_',
  'perf_trace_',
  'perf_tp_event',
  '__traceiter_',
  '__bpf_trace_',
  '__do_trace_',
  'trace_call_bpf',
  'stack_trace',
  '__ftrace_trace_stack',
  '[FTRACE TRAMPOLINE]',
];

/** Functions of kernel/trace/trace_event_perf.c that open and close events: what they wait for is not the recorder's business. */
const PERF_EVENT_FUNCTIONS: readonly string[] = [
  'perf_trace_event_reg',
  'perf_trace_event_unreg',
  'perf_trace_event_perm',
  'perf_trace_event_init',
  'perf_trace_event_open',
  'perf_trace_event_close',
  'perf_trace_init',
  'perf_trace_destroy',
  'perf_trace_add',
  'perf_trace_del',
];

/** Matches the frames of the recorder. */
export const RECORDER_FRAME = beginsWithAny(RECORDER_PREFIXES);

/** Matches what begins with one of these texts, and is no function of perf's own. */
export function beginsWithAny(prefixes: readonly string[]): RegExp {
  const literal = (text: string): string => text.replace(/[[\](){}.*+?^$|\\]/g, '\\$&');
  return new RegExp(`^(?!(?:${PERF_EVENT_FUNCTIONS.join('|')})(?![a-z_]))(?:${prefixes.map(literal).join('|')})`);
}
