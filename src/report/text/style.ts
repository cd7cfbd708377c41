/** How text is laid out and marked for a terminal. */
import type { Finding } from '../../../schema/index.ts';

/** Marks text for the terminal; the plain version returns it unchanged. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  severity(severity: Finding['severity'], text: string): string;
  /** Columns that a line may take; default: {@link PAGE_WIDTH}. */
  readonly width?: number;
}

/** Width of text that goes to a file, a pipe or a mail archive. */
export const PAGE_WIDTH = 100;

export const PLAIN: Style = { bold: (t) => t, dim: (t) => t, severity: (_, t) => t };

export const widthOf = (style: Style): number => style.width ?? PAGE_WIDTH;
