/** The text of tracefs `trace` that trace-cmd records with latency tracers, as a source for the ftrace text format. */
import type { DiagnosticSink } from '../../schema/index.ts';
import type { ByteSource, RandomAccess } from '../source.ts';
import type { TraceText } from './metadata/metadata.ts';
import type { Decompressor } from './records/compression.ts';
import { CompressedPages, type PageSource, PlainPages } from './records/page-source.ts';

const WINDOW_BYTES = 1 << 20;

export function latencySource(
  name: string,
  file: RandomAccess,
  text: TraceText,
  decompress: Decompressor,
  littleEndian: boolean,
  diagnostics: DiagnosticSink,
): ByteSource {
  const section = { cpu: 0, offset: text.offset, sizeBytes: Math.max(0, text.sizeBytes) };
  const open = (): PageSource =>
    text.compressed
      ? new CompressedPages(file, section, decompress, littleEndian, diagnostics, WINDOW_BYTES)
      : new PlainPages(file, section, WINDOW_BYTES);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const windows = open();
    while (await windows.next()) yield windows.window.bytes.subarray(0, windows.windowBytes);
  }
  return {
    name,
    sizeBytes: undefined,
    damage: undefined,
    consumedBytes: 0,
    async head(length) {
      const parts: Uint8Array[] = [];
      let have = 0;
      for await (const chunk of chunks()) {
        parts.push(Uint8Array.from(chunk));
        have += chunk.length;
        if (have >= length) break;
      }
      return Buffer.concat(parts).subarray(0, length);
    },
    chunks,
    random: async () => undefined,
    close: async () => undefined,
  };
}
