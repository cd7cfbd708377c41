/**
 * Snapshots as bytes: format byte, CRC-32 of the rest (little endian), MessagePack. What the state means is not the store's business; that
 * it comes back as it was written is.
 */
import { crc32 } from 'node:zlib';
import { Decoder, Encoder } from '@msgpack/msgpack';

const FORMAT = 1;
const HEADER_BYTES = 5;

const encoder = new Encoder({ useBigInt64: true });
const decoder = new Decoder({ useBigInt64: true });

/** @param state null, booleans, numbers, bigints of 64 bits, strings, lists and objects of these */
export function encodeSnapshot(state: unknown): Uint8Array {
  const packed = encoder.encodeSharedRef(state);
  const body = new Uint8Array(HEADER_BYTES + packed.length);
  body[0] = FORMAT;
  new DataView(body.buffer).setUint32(1, crc32(packed), true);
  body.set(packed, HEADER_BYTES);
  return body;
}

/** @throws Error telling what is wrong with the bytes */
export function decodeSnapshot(body: Uint8Array): unknown {
  if (body.length < HEADER_BYTES) throw new Error(`has ${body.length} bytes only`);
  if (body[0] !== FORMAT) throw new Error(`is of format ${body[0]}, this is format ${FORMAT}`);
  const packed = body.subarray(HEADER_BYTES);
  const expected = new DataView(body.buffer, body.byteOffset).getUint32(1, true);
  if (crc32(packed) !== expected) throw new Error('fails its checksum');
  return decoder.decode(packed);
}
