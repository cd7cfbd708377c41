/** Lines of a kernel log among the events. They share the type of printk:console with the events of a trace, and carry their line number beside the text. */
import type { EventCursor, EventType, FieldPosition } from '../../../schema/index.ts';

/** Position of `line`, which the log reader writes after `msg`; events of a trace have nothing there. */
const LINE = 1 as FieldPosition<'int'>;

/** A type whose events may be lines of a log. */
export function mayBeLogLine(type: EventType): boolean {
  return type.name === 'console';
}

/** Such an event comes from a log, which no CPU recorded. */
export function isLogLine(event: EventCursor): boolean {
  return event.has(LINE);
}
