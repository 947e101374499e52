import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inflate } from '../../../worker/use-cases/inflate.ts';

/** Repetitions near and far, runs and noise: all that a deflater looks for. */
const plainBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.nat(255), fc.integer({ min: 1, max: 2_000 }))
        .map(([byte, times]) => new Uint8Array(times).fill(byte)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 }))
        .map(([piece, times]) =>
          Uint8Array.from({ length: piece.length * times }, (_, at) => piece[at % piece.length]!),
        ),
    ),
    { maxLength: 20 },
  )
  .map((pieces) => Uint8Array.from(pieces.flatMap((piece) => [...piece])));

const { Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = constants;
const deflaters = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  strategy: fc.constantFrom(Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE),
});

test('what zlib deflates comes back, whatever way it takes', () => {
  fc.assert(
    fc.property(plainBytes, deflaters, (plain, options) => {
      const deflated = new Uint8Array(deflateRawSync(plain, options));
      expect(inflate(deflated, plain.length)).toEqual(plain);
    }),
    { numRuns: 300 },
  );
});

test('the furthest repetition and the longest are found', () => {
  const plain = new Uint8Array(33_000);
  for (let at = 0; at < 400; at++) plain[at] = (at * 7_919) % 251;
  plain.copyWithin(32_600, 0, 400);
  for (const level of [1, 9]) {
    const deflated = new Uint8Array(deflateRawSync(plain, { level, memLevel: 9 }));
    expect(inflate(deflated, plain.length)).toEqual(plain);
  }
});

test('what unpacks to more than the bound is given up there', () => {
  const bomb = new Uint8Array(deflateRawSync(new Uint8Array(10_000_000)));
  expect(() => inflate(bomb, 9_000)).toThrow(/over 9000 bytes/);
  const stored = new Uint8Array(deflateRawSync(new Uint8Array(9_001), { level: 0 }));
  expect(() => inflate(stored, 9_000)).toThrow(/over 9000 bytes/);
});

test('cut, changed or longer bytes are an error or other bytes, never a hang or a read outside', () => {
  fc.assert(
    fc.property(plainBytes, deflaters, fc.nat(), fc.nat(7), (plain, options, place, bit) => {
      const deflated = new Uint8Array(deflateRawSync(plain, options));
      expect(() => inflate(deflated.subarray(0, place % deflated.length), plain.length)).toThrow(RangeError);
      expect(() => inflate(Uint8Array.from([...deflated, 0]), plain.length)).toThrow(/left over/);
      deflated[place % deflated.length]! ^= 1 << bit;
      try {
        expect(inflate(deflated, plain.length).length).toBeLessThanOrEqual(plain.length);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 300 },
  );
});

test('what is no deflate says why', () => {
  expect(() => inflate(new Uint8Array(), 10)).toThrow(/ends too early/);
  expect(() => inflate(Uint8Array.from([0b111]), 10)).toThrow(/no known kind/);
  expect(() => inflate(Uint8Array.from([1, 1, 0, 0, 0, 5]), 10)).toThrow(/damaged/);
  // A fixed block that begins with a repetition.
  expect(() => inflate(Uint8Array.from([0b0000_0011, 0b0000_0010, 0]), 10)).toThrow(/before its beginning/);
});
