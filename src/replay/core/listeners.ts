/** Those who listen to a model. */

/** A list per method that a listener may have. */
type Calls<L> = { readonly [K in keyof L]-?: NonNullable<L[K]>[] };

/**
 * Listeners, sorted by what they listen to: most listen to one thing of many, and asking each of them for a method that it lacks made
 * switches of 12.5 million events take four times as long (see `npm run bench -- whole`).
 */
export class Listeners<L extends object> {
  /** What to call, by method and in order of arrival. */
  readonly on: Calls<L>;

  /** @param on an empty list per method */
  constructor(on: Calls<L>) {
    this.on = on;
  }

  push(listener: L): void {
    for (const method of Object.keys(this.on) as (keyof L)[]) {
      const call = listener[method] as NonNullable<L[keyof L]> | undefined;
      if (call !== undefined) this.on[method].push(call);
    }
  }
}
