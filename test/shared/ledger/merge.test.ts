import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HourLedger, LedgerEpoch } from '../../../shared/ledger/hour.ts';
import { encodeHour } from '../../../shared/ledger/hour-codec.ts';
import { EMPTY_HOUR, MAX_HOUR_ENTRIES, mergeReport } from '../../../shared/ledger/merge.ts';
import { isSealed, SEAL_AFTER_MS } from '../../../shared/ledger/seal.ts';

const HOUR = 3_600_000;

/** What an honest agent says of one window: per epoch, revisions with their own content. */
function report(epoch: string, revision: number, meteredMilliseconds = 100_000, final = false): LedgerEpoch {
  return {
    epoch,
    revision,
    final,
    contentDigest: revision * 7 + meteredMilliseconds,
    devices: [
      {
        deviceIndex: 0,
        meteredMilliseconds,
        energyMillijoules: revision * 1_000,
        kind: 'counter',
        recoveredMillijoules: 0,
        integratedMillijoules: null,
        idleMillijoules: 0,
        utilizationRatio: null,
      },
    ],
    jobShares: [],
  };
}

function fold(reports: readonly { window: number; report: LedgerEpoch }[]): HourLedger {
  let hour = EMPTY_HOUR;
  for (const { window, report: said } of reports) {
    const merge = mergeReport(hour, window, said);
    if (merge.outcome === 'accepted') hour = merge.ledger;
  }
  return hour;
}

test('any order and any repetition of the same reports ends in the same hour', () => {
  const said = fc.array(
    fc.record({
      window: fc.integer({ min: 0, max: 11 }),
      epoch: fc.constantFrom('epoch-aa', 'epoch-bb'),
      revision: fc.integer({ min: 1, max: 6 }),
    }),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(
      said.chain((each) =>
        fc.tuple(fc.constant(each), fc.shuffledSubarray([...each, ...each], { minLength: each.length * 2 })),
      ),
      ([once, shuffledTwice]) => {
        const reports = (list: typeof once) =>
          list.map(({ window, epoch, revision }) => ({ window, report: report(epoch, revision) }));
        expect(fold(reports(shuffledTwice))).toEqual(fold(reports(once)));
      },
    ),
  );
});

test('the highest revision stands, an older one and a repeat change nothing', () => {
  const hour = fold([{ window: 3, report: report('epoch-aa', 5) }]);
  expect(mergeReport(hour, 3, report('epoch-aa', 4)).outcome).toBe('unchanged');
  expect(mergeReport(hour, 3, report('epoch-aa', 5)).outcome).toBe('unchanged');
  const newer = mergeReport(hour, 3, report('epoch-aa', 6));
  expect(newer.outcome === 'accepted' && newer.ledger.windows[3]![0]!.devices[0]!.energyMillijoules).toBe(
    6_000,
  );
});

test('the same revision with other content is a conflict', () => {
  const hour = fold([{ window: 0, report: report('epoch-aa', 5, 100_000) }]);
  expect(mergeReport(hour, 0, report('epoch-aa', 5, 90_000)).outcome).toBe('conflict');
});

test('epochs add up, but never beyond the window', () => {
  const hour = fold([{ window: 0, report: report('epoch-aa', 5, 200_000) }]);
  expect(mergeReport(hour, 0, report('epoch-bb', 1, 100_000)).outcome).toBe('accepted');
  expect(mergeReport(hour, 0, report('epoch-bb', 1, 100_001))).toEqual({
    outcome: 'overMetered',
    deviceIndex: 0,
  });
});

test('epochs together never allocate a device for longer than the window lasts', () => {
  const allocated = (epoch: string, allocatedMilliseconds: number): LedgerEpoch => ({
    ...report(epoch, 1, 100_000),
    jobShares: [{ jobNumber: 1, deviceIndex: 0, energyMillijoules: 0, allocatedMilliseconds }],
  });
  const hour = fold([{ window: 0, report: allocated('epoch-aa', 200_000) }]);
  expect(mergeReport(hour, 0, allocated('epoch-bb', 100_000)).outcome).toBe('accepted');
  expect(mergeReport(hour, 0, allocated('epoch-bb', 100_001)).outcome).toBe('overMetered');
});

test('a window is sealed 36 hours after its last change, unless more was announced or nothing was seen', () => {
  const known = (final: boolean) => [report('epoch-aa', 5, 300_000, final)];
  const later = SEAL_AFTER_MS + 1;
  expect(isSealed(known(true), { epoch: 'epoch-aa' }, 0, later)).toBe(true);
  expect(isSealed(known(true), { epoch: 'epoch-aa' }, 0, 36 * HOUR)).toBe(false);
  expect(isSealed(known(false), { epoch: 'epoch-aa' }, 0, 30 * 24 * HOUR)).toBe(false);
  expect(isSealed(known(false), { epoch: 'epoch-bb' }, 0, later)).toBe(true);
  expect(isSealed([], { epoch: 'epoch-aa' }, 0, 30 * 24 * HOUR)).toBe(false);
});

test('an hour takes epochs, devices and shares up to its bound, and the dearest of them stay within 300 KB', () => {
  const dear = (index: number, shares: number): LedgerEpoch => ({
    epoch: String(index).padStart(32, 'z'),
    revision: 2 ** 31,
    final: true,
    contentDigest: 2 ** 32 - 1,
    devices: [],
    jobShares: Array.from({ length: shares }, () => ({
      jobNumber: 2 ** 31,
      deviceIndex: 255,
      energyMillijoules: 2 ** 45,
      allocatedMilliseconds: 0,
    })),
  });
  let hour: HourLedger = {
    windows: EMPTY_HOUR.windows.with(
      0,
      Array.from({ length: 5_000 }, (_, i) => dear(i, 0)),
    ),
  };
  const last = mergeReport(hour, 1, dear(5_000, 999));
  expect(last.outcome).toBe('accepted');
  if (last.outcome === 'accepted') hour = last.ledger;
  expect(MAX_HOUR_ENTRIES).toBe(6_000);
  expect(encodeHour(hour).length).toBeLessThan(300_000);
  expect(mergeReport(hour, 2, dear(5_001, 0))).toEqual({ outcome: 'hourFull' });
});
