import type { FormatField } from '../event-format.ts';
import type { PrintFormat } from '../print-fmt/format.ts';
import type { DecodeContext } from './decode-context.ts';

/** The event that a field rule looks at. */
export interface FieldSource {
  readonly print: PrintFormat;
  readonly context: DecodeContext;
  /** Field of the format by name; marks it as used up. */
  take(name: string): FormatField | undefined;
}
