/** How text is marked for a terminal. */
import type { Finding } from '../../schema/index.ts';

/** Marks text for the terminal; the plain version returns it unchanged. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  severity(severity: Finding['severity'], text: string): string;
}

export const PLAIN: Style = { bold: (t) => t, dim: (t) => t, severity: (_, t) => t };
