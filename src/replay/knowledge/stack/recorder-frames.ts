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

/** Matches the frames of the recorder. */
export const RECORDER_FRAME = beginsWithAny(RECORDER_PREFIXES);

/** Matches what begins with one of these texts. */
export function beginsWithAny(prefixes: readonly string[]): RegExp {
  return new RegExp(`^(${prefixes.map((prefix) => prefix.replace(/[[\](){}.*+?^$|\\]/g, '\\$&')).join('|')})`);
}
