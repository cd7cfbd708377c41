/** What is known about a recording beside its records: events, formats, symbols, machine. Complete before the first sample. */

import type { ParseContext } from '../format.ts';
import type { KernelSymbols } from '../kernel-symbols.ts';
import { AddressNames } from '../tracefs-format/address-names.ts';
import type { DecodeContext } from '../tracefs-format/decode/record-decoder.ts';
import { type EventFormat, formatId, parseEventFormat } from '../tracefs-format/event-format.ts';
import { PrintkFormats } from '../tracefs-format/printk-formats.ts';
import { AttributeTable } from './header/attribute-table.ts';
import type { EventAttribute } from './header/event-attribute.ts';
import { applyFeature, clockName, emptyNotes, readBuildIds } from './header/features.ts';
import { parseTracingData, type TracingData } from './header/tracing-data.ts';
import type { SideBand } from './records/side-band.ts';
import { loadKernelSymbols } from './symbols/kernel-symbol-source.ts';

export class Recording {
  readonly table = new AttributeTable();
  readonly littleEndian: boolean;
  readonly #context: ParseContext;
  readonly #notes = emptyNotes();
  #tracing: TracingData | undefined;
  /** Text of each format by tracepoint id; parsed when the first sample needs it. */
  readonly #formatTexts = new Map<number, { readonly system: string; readonly text: string }>();

  constructor(context: ParseContext, littleEndian: boolean) {
    this.#context = context;
    this.littleEndian = littleEndian;
  }

  addAttribute(attribute: EventAttribute): void {
    this.table.add(attribute);
    if (attribute.clockId !== undefined) this.#context.facts.clock = clockName(attribute.clockId);
  }

  applyFeature(feature: number, bytes: Uint8Array): void {
    applyFeature(feature, bytes, this.littleEndian, this.#context.facts, this.#notes);
  }

  /** @param bytes record of a build id, as pipes have it */
  applyBuildId(bytes: Uint8Array): void {
    readBuildIds(bytes, this.littleEndian, this.#context.facts);
  }

  /** @param captureOffset byte of the capture where the section begins */
  applyTracingData(bytes: Uint8Array, captureOffset: number): void {
    const { diagnostics } = this.#context;
    const tracing = parseTracingData(bytes);
    if (!tracing) {
      diagnostics.report('format-unparsable', { byte: captureOffset }, 'the tracing data section is not readable');
      return;
    }
    if (tracing.problem) {
      const { byte, text } = tracing.problem;
      diagnostics.report('format-unparsable', { byte: captureOffset + byte }, text);
    }
    this.#tracing = tracing;
    for (const format of tracing.formats) this.#formatTexts.set(formatId(format.text), format);
  }

  /** Gives events the names that the recording has for them. Call when features and attributes are read. */
  nameEvents(): void {
    const { attributes } = this.table;
    this.#notes.events.forEach(({ name, ids }, position) => {
      // Events share their order with the attributes; ids tell for sure where there are any.
      const index = ids.length > 0 ? this.table.indexOfId(ids[0]) : position;
      const attribute = attributes[index] ?? attributes[position];
      if (attribute) attribute.name ??= name;
    });
    for (const attribute of attributes) {
      attribute.name ??= this.#notes.typeNames.get(`${attribute.type},${attribute.configLo}`);
    }
  }

  pmuName(type: number): string | undefined {
    return this.#notes.pmuNames.get(type);
  }

  formatOf(id: number): EventFormat | undefined {
    const source = this.#formatTexts.get(id);
    if (!source) return undefined;
    const format = parseEventFormat(source.text, source.system, this.#tracing?.longBytes ?? 8);
    if (!format) this.#context.diagnostics.report('format-unparsable', { byte: 0 }, source.text.slice(0, 60));
    return format;
  }

  /** What raw records are decoded with. @param sideBand knows where the kernel was */
  decodeContext(sideBand: SideBand): DecodeContext & { readonly addresses: AddressNames } {
    const { dictionary, diagnostics } = this.#context;
    const constants = new PrintkFormats(this.#tracing?.printkFormats);
    return {
      dictionary,
      diagnostics,
      addresses: new AddressNames(dictionary, diagnostics, () => this.#loadSymbols(sideBand), constants),
      littleEndian: this.#tracing?.littleEndian ?? this.littleEndian,
      longBytes: this.#tracing?.longBytes ?? 8,
    };
  }

  #loadSymbols(sideBand: SideBand): KernelSymbols | undefined {
    return loadKernelSymbols(
      this.#context.options.kallsymsPath,
      this.#tracing?.kallsyms ?? new Uint8Array(0),
      this.#context.facts.profile.release,
      sideBand.kernelReference,
    );
  }
}
