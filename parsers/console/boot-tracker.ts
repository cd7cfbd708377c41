/**
 * Where one boot ends and the next begins in a log, and which lines a console printed twice.
 *
 * A new boot shows as kernel time that starts again. So does a replay: a console that is enabled late, or a panic with
 * `panic_print`, prints messages of this very boot again. Lines of a replay have stamps and texts that were seen before; the
 * lines after a restart are held back until that is clear.
 */

/** Kernel time is nearly monotonic in a log: per-CPU clocks and late flushes account for less. */
const RESTART_NS = 2e9;
/** Stamped lines that decide between reboot and replay, and lines held back at most. */
const DECIDING_LINES = 48;
export const MAX_HELD_LINES = 1024;
/** Lines remembered; the kernel's own buffer, which a replay comes from, holds fewer. */
const MEMORY = 1 << 16;
/** Lines that make a boot a boot when it has no banner. */
const BOOT_LINES = 20;

export type BootVerdict =
  /** The line continues the boot. */
  | 'same'
  /** The line begins a boot. */
  | 'boot'
  /** Hold the line back until {@link BootTracker.decide} knows. */
  | 'hold';

export class BootTracker {
  #maxNs = -1;
  #lines = 0;
  #banner = false;
  readonly #seen = new Int32Array(MEMORY);
  #holding = false;
  #held = 0;
  #stamped = 0;
  #known = 0;

  /** @param stampNs kernel time or −1 · @param banner the text begins with `Linux version` · @param hash of the text */
  judge(stampNs: number, banner: boolean, hash: number): BootVerdict {
    if (this.#holding) return this.#hold(stampNs, hash);
    if (stampNs >= 0 && stampNs < this.#maxNs) {
      if ((stampNs > 0 && this.isKnown(stampNs, hash)) || banner || this.#maxNs - stampNs >= RESTART_NS) {
        this.#holding = true;
        this.#held = 0;
        this.#stamped = 0;
        this.#known = 0;
        return this.#hold(stampNs, hash);
      }
    } else if (banner && (this.#banner || this.#lines >= BOOT_LINES) && stampNs <= 0) {
      this.restart();
      this.note(stampNs, banner, hash);
      return 'boot';
    }
    this.note(stampNs, banner, hash);
    return 'same';
  }

  /** The boot printed this line. */
  note(stampNs: number, banner: boolean, hash: number): void {
    this.#lines++;
    if (banner) this.#banner = true;
    if (stampNs <= 0) {
      if (stampNs === 0 && this.#maxNs < 0) this.#maxNs = 0;
      return;
    }
    if (stampNs > this.#maxNs) this.#maxNs = stampNs;
    const key = lineKey(stampNs, hash);
    this.#seen[key & (MEMORY - 1)] = key;
  }

  #hold(stampNs: number, hash: number): BootVerdict {
    this.#held++;
    if (stampNs > 0) {
      this.#stamped++;
      if (this.isKnown(stampNs, hash)) this.#known++;
    }
    return 'hold';
  }

  /** Whether the boot has printed such a line. */
  isKnown(stampNs: number, hash: number): boolean {
    const key = lineKey(stampNs, hash);
    return this.#seen[key & (MEMORY - 1)] === key;
  }

  /** Whether enough lines are held back to decide. */
  get decidable(): boolean {
    if (this.#stamped >= DECIDING_LINES || this.#held >= MAX_HELD_LINES) return true;
    // One unknown line among the first is news already: a replay has none.
    return this.#stamped >= 3 && this.#known * 2 < this.#stamped;
  }

  /** `replay` or `boot` for the lines held back. Those that the boot has printed ({@link isKnown}) are the replay. */
  decide(): 'replay' | 'boot' {
    this.#holding = false;
    if (this.#stamped > 0 && this.#known * 10 >= this.#stamped * 9) return 'replay';
    this.restart();
    return 'boot';
  }

  /** Begins a boot: by decision, or because the log says so (`-- Reboot --`). */
  restart(): void {
    this.#maxNs = -1;
    this.#lines = 0;
    this.#banner = false;
    this.#seen.fill(0);
  }

  /** Whether the boot has any lines. */
  get empty(): boolean {
    return this.#lines === 0;
  }
}

function lineKey(stampNs: number, hash: number): number {
  const us = Math.floor(stampNs / 1000);
  return Math.imul((us ^ (us / 4294967296)) | 0, 0x9e3779b1) ^ hash || 1;
}
