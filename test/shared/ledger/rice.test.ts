import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RiceReader, RiceWriter } from '../../../shared/ledger/rice.ts';

const numbers = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.oneof(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 1e9 }),
      fc.maxSafeInteger().map(Math.abs),
    ),
  ),
  { maxLength: 200 },
);

function written(items: readonly (readonly [column: number, value: number])[]): Uint8Array {
  const writer = new RiceWriter();
  for (const [column, value] of items) writer.unsigned(column, value);
  return writer.finish();
}

test('numbers of any size come back, in whatever order of columns', () => {
  fc.assert(
    fc.property(numbers, (items) => {
      const reader = new RiceReader(written(items));
      for (const [column, value] of items) expect(reader.unsigned(column)).toBe(value);
      expect(reader.done).toBe(true);
    }),
  );
});

test('either sign up to 2^52', () => {
  const values = [0, -1, 1, 4_503_599_627_370_495, -4_503_599_627_370_495];
  const writer = new RiceWriter();
  for (const value of values) writer.signed(0, value);
  const reader = new RiceReader(writer.finish());
  expect(values.map(() => reader.signed(0))).toEqual(values);
});

test('numbers near 2^k take about k + 2 bits, and a column apart from its neighbour', () => {
  const items = Array.from(
    { length: 1_000 },
    (_, i) => [i % 2, i % 2 === 0 ? 1_024 + ((i * 37) % 500) : 3] as const,
  );
  expect((written(items).length * 8) / 1_000).toBeLessThan((12 + 4) / 2);
});

test('what is no safe whole number is not written, and what was cut is not read', () => {
  const writer = new RiceWriter();
  for (const value of [-1, 0.5, Number.NaN, 2 ** 53])
    expect(() => writer.unsigned(0, value)).toThrow(RangeError);
  const bytes = written([[0, 123_456_789]]);
  expect(() => new RiceReader(bytes.subarray(0, -1)).unsigned(0)).toThrow(/too early/);
  const extra = new RiceReader(Uint8Array.from([...bytes, 0]));
  extra.unsigned(0);
  expect(extra.done).toBe(false);
});
