import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeOwnerHours,
  decodeOwnerSums,
  decodeRecord,
  encodedRecords,
  encodeOwnerDays,
  encodeRecord,
} from '../../../shared/rollup/owner-codec.ts';
import {
  dayOfHours,
  isFraction,
  jobOwner,
  NODE,
  type OwnerDay,
  OwnerSums,
  VALUES,
} from '../../../shared/rollup/owner-sums.ts';

const count = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 44 }));
const fraction = fc.oneof(fc.constant(0), fc.double({ noNaN: true, min: 0 }));
const slot = fc.option(fc.record({ all: count, low: count, componentsOnly: count }));

const hourSums = fc
  .record({
    slots: fc.array(slot, { minLength: 12, maxLength: 12 }),
    hasMeter: fc.constantFrom('never', 'always', 'sometimes'),
    values: fc.tuple(
      ...Array.from({ length: VALUES }, (_, i) => (isFraction(i) ? fraction : (count as typeof fraction))),
    ),
    gpus: fc.uniqueArray(fc.nat(70_000), { maxLength: 9 }),
    inFleet: fc.boolean(),
    reporting: fc.boolean(),
  })
  .map(({ slots, hasMeter, values, gpus, inFleet, reporting }) => {
    const sums = new OwnerSums(12);
    slots.forEach((each, i) => {
      if (each === null) return;
      const { all, low, componentsOnly } = each;
      const components = hasMeter === 'never' ? all : hasMeter === 'always' ? 0 : componentsOnly;
      sums.addEnergies(i, all, low, components);
    });
    Object.assign(sums.values, values);
    sums.gpus = gpus.sort((a, b) => a - b);
    return Object.assign(sums, { inFleet, reporting });
  });

const days = fc
  .uniqueArray(
    fc.record({
      nodeNumber: fc.integer({ min: 1, max: 2 ** 26 }),
      group: fc.nat(300),
      owner: fc.oneof(fc.constant(NODE), fc.integer({ min: 1, max: 2 ** 32 }).map(jobOwner)),
      hours: fc
        .uniqueArray(fc.tuple(fc.nat(23), hourSums), {
          selector: ([hour]) => hour,
          minLength: 1,
          maxLength: 5,
        })
        .chain((hours) =>
          // A fleet that stands: the next hour is as the one before.
          fc
            .boolean()
            .map((isSame) => new Map(hours.map(([hour, sums]) => [hour, isSame ? hours[0]![1] : sums]))),
        ),
    }),
    { selector: ({ nodeNumber, owner }) => `${nodeNumber} ${owner}`, maxLength: 5 },
  )
  .map((records) => records.sort((a, b) => a.nodeNumber - b.nodeNumber));

const shown = ({ energies, values, gpus, inFleet, reporting }: OwnerSums) => ({
  energies: Object.entries(energies).map(([name, each]) => [
    name,
    energies.all.map((all, slot) => (all < 0 ? null : each[slot])),
  ]),
  values: [...values],
  gpus: [...gpus],
  inFleet,
  reporting,
});

const shownHours = ({ hours, ...key }: OwnerDay) => ({
  ...key,
  hours: [...hours].sort(([a], [b]) => a - b).map(([hour, sums]) => [hour, shown(sums)]),
});

const all = () => true;

test('days of nodes and jobs come back whole, hour by hour and summed, in rows of any size', () => {
  fc.assert(
    fc.property(days, fc.integer({ min: 1, max: 2_000 }), (records, maxBytes) => {
      const rows = encodeOwnerDays(records.map(encodeRecord), maxBytes);
      const hours = rows.flatMap((row) => [...decodeOwnerHours(row.hours, all)]);
      expect(hours.map(shownHours)).toEqual(records.map(shownHours));
      const some = ({ nodeNumber }: { readonly nodeNumber: number }) => nodeNumber % 2 === 0;
      expect(rows.flatMap((row) => [...decodeOwnerHours(row.hours, some)]).map(shownHours)).toEqual(
        records.filter(some).map(shownHours),
      );
      const sums = rows.flatMap((row) => [...decodeOwnerSums(row.sums, all)]);
      expect(sums.map(({ sums: of, ...key }) => ({ ...key, sums: shown(of) }))).toEqual(
        hours.map(({ hours: of, ...key }) => ({ ...key, sums: shown(dayOfHours(of)) })),
      );
    }),
    { numRuns: 50 },
  );
});

test('records that are taken as they are stand as if they were written anew', () => {
  fc.assert(
    fc.property(days, fc.integer({ min: 1, max: 2_000 }), (records, maxBytes) => {
      const rows = encodeOwnerDays(records.map(encodeRecord), maxBytes);
      const taken = rows.flatMap(encodedRecords);
      expect(taken.map(decodeRecord).map(shownHours)).toEqual(records.map(shownHours));
      expect(encodeOwnerDays(taken, maxBytes)).toEqual(rows);
    }),
    { numRuns: 50 },
  );
});

test('the sums of a day are those of its hours, by quarter', () => {
  const hour = (window: number, all: number) => {
    const sums = new OwnerSums(12);
    sums.addEnergies(window, all, 1, 2);
    sums.addEnergies(window + 1, 7, 0, 0);
    sums.values[0] = all;
    sums.gpus = [window];
    return sums;
  };
  const day = dayOfHours(
    new Map([
      [0, hour(1, 100)],
      [23, hour(10, 200)],
    ]),
  );
  expect([...day.energies.all.entries()].filter(([, all]) => all >= 0)).toEqual([
    [0, 107],
    [95, 207],
  ]);
  expect(day.values[0]).toBe(300);
  expect(day.gpus).toEqual([1, 10]);
});

test('an hour like the one before takes little more than its energies', () => {
  const record = (hours: number): OwnerDay => ({
    nodeNumber: 1,
    group: 1,
    owner: NODE,
    hours: new Map(
      Array.from({ length: hours }, (_, hour) => {
        const sums = new OwnerSums(12);
        sums.values.fill(0.1, VALUES - 4);
        sums.values.fill(3_600_000, 2, 4);
        sums.gpus = [0, 1, 2, 3, 4, 5, 6, 7];
        for (let window = 0; window < 12; window++) sums.addEnergies(window, 2 ** 34 - window, 0, 0);
        return [hour, sums];
      }),
    ),
  });
  const bytes = (hours: number) => encodeOwnerDays([encodeRecord(record(hours))], 1e6)[0]!.hours.length;
  expect(bytes(24) - bytes(1)).toBeLessThanOrEqual(23 * (12 * 5 + 9) + 1);
});

test('bytes of another format are refused', () => {
  expect(() => [...decodeOwnerSums(Uint8Array.of(9), all)]).toThrow(
    'unknown format 9 of sums by node: this version reads 1',
  );
});
