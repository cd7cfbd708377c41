/** Colours of spans, from the page's style sheet: light and dark, told apart by people who see no red or no green. */
import { SPAN_KINDS, type SpanKind } from '../../../../schema/answers/timeline.ts';

/** What a span of each kind is, in words. */
export const KIND_WORDS: Readonly<Record<SpanKind, string>> = {
  task: 'runs',
  running: 'running',
  runnable: 'runnable, waits for a CPU',
  blocked: 'blocked (D)',
  sleeping: 'sleeping',
  nmi: 'NMI',
  hardirq: 'hard interrupt',
  softirq: 'softirq',
  'gp-request': 'grace period requested',
  'gp-init': 'initialises the grace period',
  'gp-wait': 'waits for quiescent states',
  'gp-end': 'cleans up, wakes waiters',
  holdout: 'holds the grace period up',
  call: 'in a call that waits',
  'lock-wait': 'waits for a lock',
  'lock-hold': 'holds the lock',
  'work-queued': 'work queued, not started',
  'work-run': 'runs work',
  reader: 'read-side critical section',
};

export interface Palette {
  /** By position in SPAN_KINDS. */
  readonly kinds: readonly string[];
  /** Text on a span. */
  readonly ink: string;
  readonly text: string;
  readonly faint: string;
  readonly line: string;
  readonly page: string;
  readonly accent: string;
  readonly band: string;
  readonly severities: Readonly<Record<string, string>>;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    kinds: SPAN_KINDS.map((kind) => colour(kind)),
    ink: colour('span-ink'),
    text: colour('text'),
    faint: colour('faint'),
    line: colour('line'),
    page: colour('page'),
    accent: colour('accent'),
    band: colour('band'),
    severities: { error: colour('error'), warning: colour('warning'), info: colour('info') },
  };
}
