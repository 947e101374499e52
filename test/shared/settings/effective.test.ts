import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type SettingRow,
  segmentsOver,
  settingHistory,
  valueAt,
} from '../../../shared/settings/effective.ts';
import { epochMs } from '../../../shared/units.ts';

const row = (value: string, effectiveFromMs: number, recordedAtMs: number): SettingRow => ({
  subject: 'site:a',
  key: 'gridZone',
  value,
  effectiveFromMs,
  recordedAtMs,
});
const range = (startMs: number, endMs: number) => ({ startMs: epochMs(startMs), endMs: epochMs(endMs) });
const history = (rows: SettingRow[], knownAtMs?: number) =>
  settingHistory(rows, 'site:a', 'gridZone', knownAtMs);

test('the latest start not after the instant holds', () => {
  const zones = history([row('DE', 0, 1), row('FR', 100, 2)]);
  expect([valueAt(zones, -1), valueAt(zones, 0), valueAt(zones, 99), valueAt(zones, 100)]).toEqual([
    null,
    'DE',
    'DE',
    'FR',
  ]);
});

test('of one start the last recorded holds, also within one millisecond', () => {
  expect(valueAt(history([row('DE', 0, 5), row('FR', 0, 9)]), 50)).toBe('FR');
  expect(valueAt(history([row('DE', 0, 5), row('FR', 0, 5)]), 50)).toBe('FR');
});

test('a value recorded late about the past does not undo what starts after it', () => {
  const zones = history([row('DE', 0, 1), row('FR', 100, 2), row('PL', 50, 3)]);
  expect([valueAt(zones, 49), valueAt(zones, 50), valueAt(zones, 100)]).toEqual(['DE', 'PL', 'FR']);
});

test('asOf leaves out what was recorded later', () => {
  const rows = [row('DE', 0, 10), row('FR', 0, 20)];
  expect(valueAt(history(rows, 9), 50)).toBeNull();
  expect(valueAt(history(rows, 10), 50)).toBe('DE');
  expect(valueAt(history(rows, 20), 50)).toBe('FR');
});

test('other subjects and keys are left out', () => {
  const rows = [
    row('DE', 0, 1),
    { ...row('FR', 5, 2), subject: 'site:b' },
    { ...row('1.2', 5, 2), key: 'pueRatio' },
  ];
  expect(valueAt(history(rows), 50)).toBe('DE');
});

test('segments name what holds, null before the first', () => {
  const zones = history([row('DE', 100, 1), row('FR', 200, 2), row('FR', 250, 3), row('PL', 300, 4)]);
  expect(segmentsOver(zones, range(50, 300))).toEqual([
    { startMs: 50, endMs: 100, value: null },
    { startMs: 100, endMs: 200, value: 'DE' },
    { startMs: 200, endMs: 300, value: 'FR' },
  ]);
  expect(segmentsOver(zones, range(60, 60))).toEqual([]);
});

test('segments cover the range without gap or overlap and agree with the value at every instant', () => {
  const rows = fc.array(
    fc.record({
      value: fc.constantFrom('DE', 'FR', 'PL'),
      from: fc.integer({ min: -20, max: 60 }),
      at: fc.nat(30),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(
      rows,
      fc.integer({ min: -10, max: 40 }),
      fc.nat(40),
      fc.nat(30),
      (drawn, start, length, known) => {
        const recorded = drawn.map(({ value, from, at }) => row(value, from, at));
        recorded.sort((a, b) => a.recordedAtMs - b.recordedAtMs);
        const zones = history(recorded, known);
        const segments = segmentsOver(zones, range(start, start + length));
        let at = start;
        for (const segment of segments) {
          expect(segment.startMs).toBe(at);
          expect(segment.endMs).toBeGreaterThan(segment.startMs);
          for (let instant = segment.startMs; instant < segment.endMs; instant++) {
            const holding = recorded
              .filter((r) => r.recordedAtMs <= known && r.effectiveFromMs <= instant)
              .reduce<SettingRow | null>(
                (best, r) => (best && best.effectiveFromMs > r.effectiveFromMs ? best : r),
                null,
              );
            expect(segment.value).toBe(holding?.value ?? null);
          }
          at = segment.endMs;
        }
        expect(at).toBe(start + length);
        const values = segments.map((segment) => segment.value);
        expect(values.some((value, index) => index > 0 && value === values[index - 1])).toBe(false);
      },
    ),
  );
});
