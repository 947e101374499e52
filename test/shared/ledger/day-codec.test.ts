import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeDay, encodeDay, figuresOf } from '../../../shared/ledger/day-codec.ts';
import { decodeHour, encodeHour } from '../../../shared/ledger/hour-codec.ts';
import { mergeReport } from '../../../shared/ledger/merge.ts';
import { hourOf } from './arbitraries.ts';

const dayOf = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 23 }), hourOf()), {
    maxLength: 3,
    selector: ([hour]) => hour,
  })
  .map((hours) => new Map(hours.sort(([a], [b]) => a - b)));

test('a day comes back as it was written, hours that are missing too', () => {
  fc.assert(
    fc.property(dayOf, (day) => {
      expect([...decodeDay(encodeDay(day))]).toEqual([...day]);
    }),
  );
});

test('one wrong bit anywhere is an error', () => {
  fc.assert(
    fc.property(dayOf, fc.nat(), fc.nat({ max: 7 }), (day, place, bit) => {
      const bytes = encodeDay(day);
      bytes[place % bytes.length]! ^= 1 << bit;
      expect(() => decodeDay(bytes)).toThrow(RangeError);
    }),
  );
});

test('what figures are made from is all but the power beside a counter and the digests', () => {
  fc.assert(
    fc.property(hourOf(), (hour) => {
      const figures = decodeHour(encodeHour(figuresOf(hour)));
      expect(figures.windows).toEqual(
        hour.windows.map((epochs) =>
          epochs.map((epoch) => ({
            ...epoch,
            contentDigest: null,
            devices: epoch.devices.map((device) => ({ ...device, integratedMillijoules: null })),
          })),
        ),
      );
    }),
  );
});

test('without its digest a revision that comes again changes nothing, and a later one stands', () => {
  fc.assert(
    fc.property(hourOf(), fc.nat(), (hour, digest) => {
      const kept = figuresOf(hour);
      hour.windows.forEach((epochs, window) => {
        for (const epoch of epochs) {
          const again = { ...epoch, devices: [], jobShares: [], contentDigest: digest };
          expect(mergeReport(kept, window, again).outcome).toBe('unchanged');
          const later = mergeReport(kept, window, { ...again, revision: epoch.revision + 1 });
          expect(later.outcome).not.toBe('unchanged');
        }
      });
    }),
  );
});
