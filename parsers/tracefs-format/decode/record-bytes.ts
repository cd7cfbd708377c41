/** A buffer that holds records, seen as bytes and as numbers at once. */
export interface RecordBytes {
  readonly bytes: Uint8Array;
  /** Over the same memory, index for index. */
  readonly view: DataView;
}

export function recordBytes(bytes: Uint8Array): RecordBytes {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}
