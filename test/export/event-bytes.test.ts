/** The bytes of events against the reader of the protobuf library: any number, any text, any length, however the buffer grows. */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventBytes } from '../../src/export/perfetto/event-bytes.ts';

/** What a double holds of 64 bits: safe integers, and multiples of powers of two beyond. */
const integer = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc
    .tuple(fc.bigInt(-(2n ** 52n), 2n ** 52n), fc.integer({ min: 0, max: 10 }))
    .map(([n, shift]) => Number(n) * 2 ** shift),
);
const cell = fc.oneof(
  integer,
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('x'.repeat(127), 'é'.repeat(9000), 'y'.repeat(70_000)),
);

describe('EventBytes', () => {
  it('writes what a reader reads', () => {
    fc.assert(
      fc.property(fc.array(fc.array(cell, { maxLength: 12 }), { maxLength: 20 }), (events) => {
        const bytes = new EventBytes();
        for (const cells of events) {
          bytes.reserve(cells.length + 1);
          const event = bytes.begin();
          for (const value of cells) {
            if (typeof value === 'number') bytes.integer(value);
            else bytes.text(value);
          }
          bytes.end(event);
        }
        const reader = new BinaryReader(bytes.take());
        for (const cells of events) {
          const end = reader.uint32() + reader.pos;
          for (const value of cells) {
            if (typeof value === 'number') expect(reader.int64()).toBe(BigInt(value));
            else expect(reader.string()).toBe(Buffer.from(value).toString());
          }
          expect(reader.pos).toBe(end);
        }
        expect(reader.pos).toBe(reader.len);
      }),
    );
  });

  it('writes 64 bits from their halves', () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value) => {
        const bytes = new EventBytes();
        bytes.reserve(1);
        bytes.words(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
        expect(new BinaryReader(bytes.take()).int64()).toBe(value);
      }),
    );
  });
});
