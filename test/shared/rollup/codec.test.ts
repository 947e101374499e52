import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberSet } from '../../../shared/number-set.ts';
import { decodeBlock, decodeDay, encodeBlock, encodeDay } from '../../../shared/rollup/codec.ts';
import { HourSums } from '../../../shared/rollup/hour-sums.ts';

const count = fc.integer({ min: 0, max: 2 ** 50 });
const numbers = fc.array(fc.integer({ min: 0, max: 2 ** 36 }), { maxLength: 20 });

const hourSums = fc
  .record({
    all: count,
    counts: fc.array(count, { minLength: 4, maxLength: 4 }),
    grams: fc.double({ noNaN: true }),
    expected: numbers,
    gpus: numbers,
    window: fc.nat(11),
  })
  .map(({ all, counts, grams, expected, gpus, window }) => {
    const sums = new HourSums();
    const [idle, jobs, lowUtilization, componentsOnly] = counts.map((each) =>
      Math.min(each, Math.floor(all / 2)),
    );
    sums.addWindow(window, {
      all,
      idle: idle!,
      jobs: jobs!,
      lowUtilization: lowUtilization!,
      componentsOnly: componentsOnly!,
    });
    sums.figures.energyMillijoules = all;
    sums.figures.byKind.modelled = counts[0]!;
    sums.figures.gapMilliseconds.gpu = counts[1]!;
    sums.figures.embodiedGramsHigh = grams;
    for (const number of expected) sums.expected.add(number);
    for (const number of gpus) sums.gpus.add(number);
    return sums;
  });

const shown = ({ windows, figures, expected, reporting, gpus }: HourSums) => ({
  windows,
  figures,
  sets: [expected, reporting, gpus].map(bitsOf),
});
const bitsOf = (set: NumberSet) =>
  [...set.chunks]
    .filter(([, bytes]) => bytes.some((byte) => byte !== 0))
    .sort(([a], [b]) => a - b)
    .map(([index, bytes]) => `${index} ${bytes}`);

test('a day of hours and an hour of groups come back whole', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.nat(23), hourSums), { selector: ([hour]) => hour, maxLength: 6 }),
      (hours) => {
        const day = decodeDay(encodeDay(new Map(hours)));
        const block = decodeBlock(encodeBlock(new Map(hours)));
        expect(day.size).toBe(hours.length);
        for (const [hour, sums] of hours) {
          expect(shown(day.get(hour)!)).toEqual(shown(sums));
          expect(shown(block.get(hour)!)).toEqual(shown(sums));
        }
      },
    ),
  );
});

test('a fleet that stands is named once a day', () => {
  const hour = () => {
    const sums = new HourSums();
    for (let number = 0; number < 10_000; number += 3) sums.expected.add(number);
    return sums;
  };
  const day = (hours: number) =>
    encodeDay(new Map(Array.from({ length: hours }, (_, i) => [i, hour()]))).length;
  expect(day(24) - day(1)).toBeLessThan(23 * 100);
  expect(day(1)).toBeGreaterThan(1_000);
});

test('bytes of another format are refused', () => {
  expect(() => decodeDay(Uint8Array.of(9))).toThrow('unknown rollup format 9: this version reads 1');
});

test('a set of numbers is that of Set', () => {
  fc.assert(
    fc.property(numbers, numbers, (some, others) => {
      const set = new NumberSet();
      const more = new NumberSet();
      for (const number of some) set.add(number);
      for (const number of others) more.add(number);
      const toggled = set.toggled(set.differences(more));
      expect(bitsOf(toggled)).toEqual(bitsOf(more));
      set.addAll(more);
      expect(set.size).toBe(new Set([...some, ...others]).size);
    }),
  );
});
