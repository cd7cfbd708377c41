/** What the kernel prints for the addresses in a record: symbols for %ps and %pS, constant strings for %s. Each is looked up once. */
import type { DiagnosticSink } from '../../schema/index.ts';
import type { DictionaryWriter } from '../dictionary-writer.ts';
import type { KernelSymbols } from '../kernel-symbols.ts';
import { AddressCache, formatAddress } from './address-cache.ts';
import type { PrintkFormats } from './printk-formats.ts';

/** FTRACE_TRAMPOLINE_MARKER of kernel/trace/trace.h, as it is printed by trace_stack_print. */
const TRAMPOLINE_MARKER = 0x7fffffff;

export class AddressNames {
  readonly #dictionary: DictionaryWriter;
  readonly #diagnostics: DiagnosticSink;
  readonly #loadSymbols: () => KernelSymbols | undefined;
  readonly #constants: PrintkFormats;
  #symbols: KernelSymbols | undefined;
  #loaded = false;
  #textStart: { hi: number; lo: number } | null | undefined;
  readonly #bareIds = new AddressCache();
  readonly #offsetIds = new AddressCache();
  readonly #constantIds = new AddressCache();
  readonly #lineIds = new AddressCache();
  readonly #frameIds = new AddressCache();
  readonly #probeIds = new AddressCache();

  /** @param loadSymbols called when the first symbol is needed: reading a symbol table takes some 100 ms. */
  constructor(
    dictionary: DictionaryWriter,
    diagnostics: DiagnosticSink,
    loadSymbols: () => KernelSymbols | undefined,
    constants: PrintkFormats,
  ) {
    this.#dictionary = dictionary;
    this.#diagnostics = diagnostics;
    this.#loadSymbols = loadSymbols;
    this.#constants = constants;
  }

  get symbols(): KernelSymbols | undefined {
    if (!this.#loaded) {
      this.#loaded = true;
      const symbols = this.#loadSymbols();
      if (symbols?.usable) this.#symbols = symbols;
      else this.#diagnostics.report('symbols-missing', { byte: 0 }, 'the capture carries no kernel symbols');
    }
    return this.#symbols;
  }

  /** String id of the bare symbol as %ps prints it, without module; of the address in hexadecimal when nothing covers it. */
  symbol(hi: number, lo: number): number {
    const known = this.#bareIds.find(hi, lo);
    if (known >= 0) return known;
    const id = this.#dictionary.string(this.symbols?.printed(hi, lo)?.name ?? formatAddress(hi, lo));
    this.#bareIds.add(hi, lo, id);
    return id;
  }

  /** String id of the bare symbol, 0 (the empty string) when nothing covers the address. */
  symbolOrEmpty(hi: number, lo: number): number {
    const known = this.#probeIds.find(hi, lo);
    if (known >= 0) return known;
    const hit = this.symbols?.printed(hi, lo);
    const id = hit ? this.#dictionary.string(hit.name) : 0;
    this.#probeIds.add(hi, lo, id);
    return id;
  }

  /** String id of `symbol+0x1c/0xf0` as %pS prints it, without module. */
  symbolWithOffset(hi: number, lo: number): number {
    const known = this.#offsetIds.find(hi, lo);
    if (known >= 0) return known;
    const hit = this.symbols?.printed(hi, lo);
    const size = hit?.sizeBytes === undefined ? '' : `/0x${hit.sizeBytes.toString(16)}`;
    const text = hit ? `${hit.name}+0x${hit.offset.toString(16)}${size}` : formatAddress(hi, lo);
    const id = this.#dictionary.string(text);
    this.#offsetIds.add(hi, lo, id);
    return id;
  }

  /** Address of `_stext`, from which preemptirq events count. */
  get textStart(): { readonly hi: number; readonly lo: number } | undefined {
    if (this.#textStart === undefined) this.#textStart = this.symbols?.addressOf('_stext') ?? null;
    return this.#textStart ?? undefined;
  }

  /** Text of the constant string at an address, undefined when the capture does not have it. */
  constantText(hi: number, lo: number): string | undefined {
    return this.#constants.find(hi, lo);
  }

  /** String id of the constant string at an address; of the address in hexadecimal when the capture does not have it. */
  constant(hi: number, lo: number): number {
    const known = this.#constantIds.find(hi, lo);
    if (known >= 0) return known;
    const text = hi === 0 && lo === 0 ? '(null)' : (this.#constants.find(hi, lo) ?? formatAddress(hi, lo));
    const id = this.#dictionary.string(text);
    this.#constantIds.add(hi, lo, id);
    return id;
  }

  /** The same without its last newline: trace_puts of a constant string. */
  constantLine(hi: number, lo: number): number {
    const known = this.#lineIds.find(hi, lo);
    if (known >= 0) return known;
    const id = this.#dictionary.string(this.#dictionary.text(this.constant(hi, lo)).replace(/\n$/, ''));
    this.#lineIds.add(hi, lo, id);
    return id;
  }

  /** Stack frame of a return address. */
  frame(hi: number, lo: number): number {
    const known = this.#frameIds.find(hi, lo);
    if (known >= 0) return known;
    const id = this.#newFrame(hi, lo);
    this.#frameIds.add(hi, lo, id);
    return id;
  }

  #newFrame(hi: number, lo: number): number {
    const dictionary = this.#dictionary;
    if (hi === 0 && lo >>> 0 === TRAMPOLINE_MARKER)
      return dictionary.frame(dictionary.string('[FTRACE TRAMPOLINE]'), -1, 0);
    const address = dictionary.string(formatAddress(hi, lo));
    const hit = this.symbols?.printed(hi, lo);
    if (!hit) return dictionary.frame(address, -1, 0, -1, address);
    const module = hit.module === '' ? 0 : dictionary.string(hit.module);
    return dictionary.frame(dictionary.string(hit.name), hit.offset, module, hit.sizeBytes, address);
  }
}
