/**
 * Lock lines that old kernels broke apart. Until 4.15 lockdep printed with KERN_CONT, and each piece could land on a line of its
 * own with its own prefix (G0.3):
 *
 *     [   37.540566]  #0:
 *     [   37.540571]  (
 *     [   37.540576] &vcpu->mutex
 *     [   37.540580] ){+.+.+.}
 *     [   37.540609] , at:
 *     [   37.540610] [<ffffffff81055862>] vcpu_load+0x22/0x70
 */
import type { LogLock } from '../../../schema/index.ts';
import { parseHeldEntry, parseLock, parseSite } from './lock-text.ts';

/** lockdep's MAX_LOCK_DEPTH is 48. */
const MAX_HELD = 64;
const MAX_PIECES = 1024;

/** Joins the pieces of one lock line. */
export class LockJoiner {
  #text = '';
  #open = false;

  /** A lock line is due. */
  begin(): void {
    this.#text = '';
    this.#open = true;
  }

  cancel(): void {
    this.#open = false;
  }

  get waiting(): boolean {
    return this.#open;
  }

  /** The lock when `text` completes it, `true` when the text was a piece of it, `false` when it was something else. */
  offer(text: string): LogLock | boolean {
    if (!this.#open) return false;
    const whole = this.#text ? this.#text + text.trim() : text;
    const lock = parseLock(whole);
    if (lock) {
      if (lock.site === undefined && whole.trimEnd().endsWith('at:')) {
        this.#text = `${whole.trimEnd()} `;
        return true;
      }
      this.#open = false;
      return lock;
    }
    if (whole.length > MAX_PIECES) return false;
    const piece = text.trim();
    const starts = this.#text === '' ? /^(?:[0-9a-f]{8,16} )?\($/.test(piece) || /^\([^)]*$/.test(piece) : piece !== '';
    if (starts) this.#text = whole.trim();
    return starts;
  }
}

/** The list below `N locks held by <comm>/<pid>:`. */
export class HeldListReader {
  readonly locks: LogLock[] = [];
  readonly #joiner = new LockJoiner();
  #siteFollows = false;

  accept(text: string): boolean {
    const entry = parseHeldEntry(text);
    if (entry) {
      this.#joiner.begin();
      this.#take(this.#joiner.offer(entry.rest));
      return true;
    }
    if (this.#site(text)) return true;
    return this.#take(this.#joiner.offer(text));
  }

  /** `, at:` and the place, on one or two lines of their own, complete the last lock. */
  #site(text: string): boolean {
    const last = this.locks.at(-1);
    const piece = text.trim();
    const comma = piece.startsWith(', at:');
    if (!last || last.site !== undefined || !(comma || this.#siteFollows)) return false;
    const site = parseSite(comma ? piece.slice(5) : piece);
    this.#siteFollows = comma && site === undefined;
    if (site) this.locks[this.locks.length - 1] = { ...last, site };
    return true;
  }

  #take(result: LogLock | boolean): boolean {
    if (typeof result === 'boolean') return result;
    if (this.locks.length < MAX_HELD) this.locks.push(result);
    return true;
  }
}
