/** Colours of spans, from the page's style sheet: light and dark, told apart by people who see no red or no green. */
import { SPAN_KINDS } from '../../../../schema/answers/timeline.ts';

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
