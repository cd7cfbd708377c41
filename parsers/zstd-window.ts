/** The window that a zstd frame asks for: how far back its matches may reach (RFC 8878 §3.1.1.1). */

/**
 * The widest window that fzstd 0.1.1 decodes exactly. It reads the bits of a match's offset with one 32-bit access, so that
 * offsets of 2^26 and more come out wrong, in silence: a trace.dat of 545 MB, compressed with `--long=27`, differed from
 * byte 112,112,674 on.
 */
export const WIDEST_WINDOW_BYTES = 32 << 20;

/**
 * @param head the first bytes of a frame, magic number included; 18 are enough
 * @returns bytes; undefined when `head` ends before the header tells
 */
export function zstdWindowBytes(head: Uint8Array): number | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 6) return undefined;
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  if (!singleSegment) {
    const window = view.getUint8(5);
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  // A single segment has no window of its own: all of its content is one.
  const at = 5 + [0, 1, 2, 4][descriptor & 3];
  const sizeBytes = [1, 2, 4, 8][descriptor >> 6];
  if (head.length < at + sizeBytes) return undefined;
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  return sizeBytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
