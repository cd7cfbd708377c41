/** For how long a run recorded the tasks and the interrupts of each CPU, when several traces of different length share the work. */
import type { RecordedPart } from '../../ingest/recording-end.ts';
import { hardirqVector } from '../../replay/knowledge/interrupt-events.ts';
import type { CpuSpan, CpuSpanOf, SpanUse } from '../../store/run-summary.ts';

/** Which events show what a span is used for. */
const SHOWN_BY: Readonly<Record<SpanUse, (event: string) => boolean>> = {
  any: () => true,
  task: (event) => event === 'sched_switch',
  nmi: (event) => event === 'nmi_handler' || event === 'nmi_noise' || event === 'osnoise',
  hardirq: (event) =>
    event.startsWith('irq_handler_') ||
    event === 'irq_noise' ||
    event === 'osnoise' ||
    hardirqVector(event) !== undefined,
  softirq: (event) =>
    event === 'softirq_entry' || event === 'softirq_exit' || event === 'softirq_noise' || event === 'osnoise',
};

/**
 * @param spans of each CPU, by whatever was recorded
 * @param parts the traces, when there are several
 */
export function spansByUse(spans: readonly CpuSpan[], parts: readonly RecordedPart[]): CpuSpanOf[] {
  return (Object.keys(SHOWN_BY) as SpanUse[]).flatMap((of) => {
    const showing = parts.filter(({ events }) => events.some(SHOWN_BY[of]));
    return spans.map((span) => spanOf(span, of, showing));
  });
}

/** Of a CPU that none of these traces has, the whole span: what it shows comes from something else (flags, stacks, probes). */
function spanOf(span: CpuSpan, of: SpanUse, parts: readonly RecordedPart[]): CpuSpanOf {
  const intervals = parts
    .flatMap(({ cpus, lastNs }) => cpus.filter(([cpu]) => cpu === span.cpu).map(([, firstNs]) => ({ firstNs, lastNs })))
    .sort((a, b) => a.firstNs - b.firstNs);
  if (intervals.length === 0) return { ...span, of, recordedNs: span.lastNs - span.firstNs };
  let { lastNs } = intervals[0];
  let recordedNs = lastNs - intervals[0].firstNs;
  for (const next of intervals.slice(1)) {
    recordedNs += Math.max(0, next.lastNs - Math.max(next.firstNs, lastNs));
    lastNs = Math.max(lastNs, next.lastNs);
  }
  return { cpu: span.cpu, of, firstNs: intervals[0].firstNs, lastNs, recordedNs };
}
