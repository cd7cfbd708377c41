/** Event pages: what goes in comes out, and damage is an error, never a wrong event. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePage, PageEncoder } from '../../src/store/pages/page-codec.ts';
import { contentOf, type MadeEvent, makeBatches, type Value } from '../support/event-batches.ts';

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  // Direct-map pointers: 8-aligned, exact in a double.
  fc.integer({ min: 0, max: 2 ** 30 }).map((n) => -(0xeeffffn << 32n) + BigInt(n) * 8n),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => ({ text })),
  fc.double({ noNaN: true }).map((real) => ({ real })),
  fc.constant(null),
);

const event: fc.Arbitrary<MadeEvent> = fc.record(
  {
    tsNs: fc.maxSafeInteger(),
    name: fc.constantFrom('alpha', 'beta', 'gamma'),
    fields: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), value, { noNullPrototype: true }),
    cpu: fc.nat(0xfffe),
    tid: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    comm: fc.string({ maxLength: 16 }),
    flags: fc.nat(0xffff),
    stack: fc.array(fc.constantFrom('f', 'g', 'h'), { maxLength: 5 }),
  },
  { requiredKeys: ['tsNs', 'name'] },
);

describe('event pages', () => {
  it('give back every batch exactly', () => {
    const encoder = new PageEncoder();
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 200 }), (events) => {
        for (const batch of makeBatches(events, 64)) {
          const back = decodePage(encoder.encode(batch));
          expect(contentOf(back)).toEqual(contentOf(batch));
          expect(back.firstEventId).toBe(batch.firstEventId);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('tell zero from minus zero, which only a fraction can be', () => {
    const [batch] = makeBatches([-0, 0, -0].map((real, tsNs) => ({ tsNs, name: 'alpha', fields: { a: { real } } })));
    expect(contentOf(decodePage(new PageEncoder().encode(batch)))).toEqual(contentOf(batch));
  });

  it('hold a batch without events', () => {
    const [batch] = makeBatches([{ tsNs: 1, name: 'alpha' }]);
    batch.length = 0;
    expect(decodePage(new PageEncoder().encode(batch)).length).toBe(0);
  });

  it('take few bytes for what repeats: lock addresses and steady clocks', () => {
    const events = Array.from(
      { length: 8192 },
      (_, i): MadeEvent => ({
        tsNs: 18e9 + i * 2000,
        name: 'lock_acquire',
        cpu: i % 2,
        tid: 80 + (i % 5),
        comm: `task-${i % 5}`,
        fields: { flags: 0, name: `lock ${i % 40}`, lockdep_addr: -0xeefffeffbc8be0n + BigInt((i % 40) * 64) },
      }),
    );
    expect(new PageEncoder().encode(makeBatches(events)[0]).length).toBeLessThan(8192 * 2);
  });

  it('that are damaged throw, or give a batch of the same size', () => {
    const events = Array.from(
      { length: 50 },
      (_, i): MadeEvent => ({ tsNs: i * 1e6, name: 'alpha', cpu: 0, tid: i, fields: { a: i, b: { text: `t${i}` } } }),
    );
    const page = new PageEncoder().encode(makeBatches(events)[0]);
    fc.assert(
      fc.property(fc.nat(page.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, cut) => {
        const damaged = cut ? page.slice(0, at) : page.slice();
        if (!cut) damaged[at] ^= flip;
        try {
          const batch = decodePage(damaged);
          expect(batch.cellCount).toBeLessThanOrEqual(batch.cellTag.length);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 400 },
    );
  });
});
