/**
 * Constant strings of the recorded kernel by address: tracefs `printk_formats`, which holds the formats of trace_printk and the
 * strings that events record by address only (TRACEPOINT_STRING).
 *
 *     0xffffffff81b851ac : "rcu_preempt"
 *     0xffffffffa0008110 : "lab: %s took %d us\n"
 *
 * Written by t_show in kernel/trace/trace_printk.c, which escapes newline, tab, backslash and quotation mark.
 */
const LINE = /^\s*0x([0-9a-fA-F]{1,16})\s*:\s?"?(.*?)"?\s*$/;

const UNESCAPED: Record<string, string> = { n: '\n', t: '\t' };

export class PrintkFormats {
  readonly #text = new Map<string, string>();

  constructor(text = '') {
    for (const line of text.split('\n')) {
      const match = LINE.exec(line);
      if (match)
        this.#text.set(
          keyOf(match[1]),
          match[2].replace(/\\(.)/g, (_, c: string) => UNESCAPED[c] ?? c),
        );
    }
  }

  get size(): number {
    return this.#text.size;
  }

  /** The string at an address given as two halves. */
  find(hi: number, lo: number): string | undefined {
    const low = (lo >>> 0).toString(16);
    return this.#text.get(hi === 0 ? low : (hi >>> 0).toString(16) + low.padStart(8, '0'));
  }
}

function keyOf(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, '');
}
