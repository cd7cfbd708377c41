/** Who handles an event: all handlers of its type, in the order of the models, less those that its name does not concern. */
import type { EventCursor, FieldPosition } from '../../../schema/index.ts';
import type { EventHandler, NamedHandler } from './world.ts';

export type AnyHandler = EventHandler | NamedHandler;

const isNamed = (handler: AnyHandler): handler is NamedHandler => typeof handler !== 'function';

/** Handlers of a type by the name that its events carry. Lock events are most of many captures, and concern one model of three. */
export class HandlersByName {
  readonly #all: readonly AnyHandler[];
  readonly #field: FieldPosition<'str'>;
  /** By string id of the name. */
  readonly #known: (readonly EventHandler[] | undefined)[] = [];

  constructor(all: readonly AnyHandler[], field: FieldPosition<'str'>) {
    this.#all = all;
    this.#field = field;
  }

  /** Undefined when none of the handlers asks for names. */
  static of(all: readonly AnyHandler[]): HandlersByName | undefined {
    const named = all.find(isNamed);
    return named && new HandlersByName(all, named.field);
  }

  /** Hot: every event of the type. */
  for(event: EventCursor): readonly EventHandler[] {
    const nameId = event.str(this.#field);
    return this.#known[nameId] ?? this.#select(nameId, event.text(this.#field));
  }

  #select(nameId: number, name: string): readonly EventHandler[] {
    const handlers = this.#all.flatMap((handler) => (isNamed(handler) ? (handler.of(name) ?? []) : handler));
    // 0: the name is a text of this event alone.
    if (nameId > 0) this.#known[nameId] = handlers;
    return handlers;
  }
}
