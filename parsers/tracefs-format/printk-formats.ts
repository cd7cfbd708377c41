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
    for (let at = 0; at < text.length; ) {
      const newline = text.indexOf('\n', at);
      const end = newline < 0 ? text.length : newline;
      const match = LINE.exec(text.slice(at, end));
      at = end + 1;
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
