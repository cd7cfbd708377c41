/** Texts whose lines end with a carriage return alone: a serial console or an old editor wrote them. */
import type { ByteSource } from './source.ts';

const HEAD_BYTES = 65536;
const LF = 0x0a;
const CR = 0x0d;

/** With line feeds in their place, byte for byte, when the head of the capture has carriage returns and no line feed. */
export async function withLineFeeds(source: ByteSource): Promise<ByteSource> {
  const head = await source.head(HEAD_BYTES);
  if (!head.includes(CR) || head.includes(LF) || head.includes(0)) return source;
  return {
    name: source.name,
    sizeBytes: source.sizeBytes,
    get consumedBytes() {
      return source.consumedBytes;
    },
    get damage() {
      return source.damage;
    },
    head: async (length) => lineFeeds(await source.head(length)),
    async *chunks() {
      for await (const chunk of source.chunks()) yield lineFeeds(chunk);
    },
    // It is a text: those are read from the beginning.
    random: async () => undefined,
    close: () => source.close(),
  };
}

function lineFeeds(bytes: Uint8Array): Uint8Array {
  const text = Uint8Array.from(bytes);
  for (let at = text.indexOf(CR); at >= 0; at = text.indexOf(CR, at + 1)) text[at] = LF;
  return text;
}
