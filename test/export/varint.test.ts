/** Integers as they are written without a bigint each, against the reader of the protobuf library. */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { writeInteger, writeWords } from '../../src/export/perfetto/varint.ts';

/** What a double holds of 64 bits: safe integers, and multiples of powers of two beyond. */
const integer = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc
    .tuple(fc.bigInt(-(2n ** 52n), 2n ** 52n), fc.integer({ min: 0, max: 10 }))
    .map(([n, shift]) => Number(n) * 2 ** shift),
);

it('integers are read back, one after another', () => {
  fc.assert(
    fc.property(fc.array(integer), (values) => {
      const writer = new BinaryWriter();
      for (const value of values) writeInteger(writer, value);
      const reader = new BinaryReader(writer.finish());
      for (const value of values) expect(reader.int64()).toBe(BigInt(value));
      expect(reader.pos).toBe(reader.len);
    }),
  );
});

it('so are 64 bits from their halves', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value) => {
      const writer = new BinaryWriter();
      writeWords(writer, Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
      expect(new BinaryReader(writer.finish()).int64()).toBe(value);
    }),
  );
});
