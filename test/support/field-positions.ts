/** Fields of whatever event a capture has, for tests that print or compare whole events. */
import type { EventField, EventType, FieldPosition } from '../../schema/index.ts';

/** Every field of an event type with its position. */
export function positionsOf(type: EventType): (readonly [field: EventField, position: FieldPosition<never>])[] {
  return type.fields.map((field, index) => [field, index as FieldPosition<never>]);
}
