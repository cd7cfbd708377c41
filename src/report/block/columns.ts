/**
 * Columns of numbers as bytes that deflate well: differences to the value before, in planes (all lowest bytes, then all second ones, …).
 * Both ends of it: the report writes, the page reads. docs/REPORT-PAGE.md shows the layout.
 */

export type ColumnWidth = 1 | 2 | 4;

/** @param values whole, at least 0, and below 2^(8 · width) */
export function encodeColumn(values: ArrayLike<number>, width: ColumnWidth, delta: boolean): Uint8Array {
  const { length } = values;
  const bytes = new Uint8Array(length * width);
  let before = 0;
  for (let i = 0; i < length; i++) {
    const value = (delta ? values[i] - before : values[i]) >>> 0;
    before = values[i];
    for (let plane = 0; plane < width; plane++) bytes[plane * length + i] = value >>> (8 * plane);
  }
  return bytes;
}

/** The values again. @throws RangeError when the block is too short */
export function decodeColumn(
  bytes: Uint8Array,
  offset: number,
  length: number,
  width: ColumnWidth,
  delta: boolean,
): Uint32Array {
  if (offset + length * width > bytes.length) throw new RangeError('the data of this page are cut short');
  const values = new Uint32Array(length);
  const wrap = width === 4 ? 0xffffffff : 2 ** (8 * width) - 1;
  let before = 0;
  for (let i = 0; i < length; i++) {
    let value = 0;
    for (let plane = 0; plane < width; plane++) value |= bytes[offset + plane * length + i] << (8 * plane);
    before = delta ? ((before + value) & wrap) >>> 0 : value >>> 0;
    values[i] = before;
  }
  return values;
}
