/** Days of several nodes in one file come back, all of them or one alone. */
import { expect, test } from 'vitest';
import { encodeDay } from '../../../shared/ledger/day-codec.ts';
import { decodeFiledDays, decodePlaces, encodeDayFile } from '../../../shared/ledger/day-file.ts';
import { EMPTY_HOUR } from '../../../shared/ledger/merge.ts';

const days = [0, 1, 17, 63].map((place, index) => ({
  place,
  receivedAtMs: 1_795_000_000_000 + index,
  hours: encodeDay(new Map(Array.from({ length: index * 5 }, (_, hour) => [hour, EMPTY_HOUR]))),
}));

test('a file comes back whole, and tells how many hours it holds', () => {
  const { bytes, hours } = encodeDayFile(days);
  expect(decodeFiledDays(bytes)).toEqual(days);
  expect(hours).toBe(0 + 5 + 10 + 15);
});

test('the places say where each node stands', () => {
  const { bytes, places } = encodeDayFile(days);
  const found = decodePlaces(places);
  expect(found.map(({ place }) => place)).toEqual([0, 1, 17, 63]);
  expect(
    found.flatMap(({ offset, length }) => decodeFiledDays(bytes.subarray(offset, offset + length))),
  ).toEqual(days);
  expect(found.reduce((sum, { length }) => sum + length, 0)).toBe(bytes.length);
});

test('a file that ends within a day is refused', () => {
  const { bytes } = encodeDayFile(days);
  expect(() => decodeFiledDays(bytes.subarray(0, bytes.length - 1))).toThrow('too early');
});
