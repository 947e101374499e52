import { expect, test } from 'vitest';
import { bothText, digits, durationText, gramsText } from '../../../agent/green/words.ts';

test.each([
  [0, '0 s'],
  [44_100, '45 s'],
  [60_000, '1 min'],
  [3_600_000, '1 h'],
  [22_440_000, '6 h 14 min'],
  [2 * 86_400_000, '2 d'],
  [97_200_000, '1 d 3 h'],
  [86_400_000 + 120_000, '1 d'],
])('%d ms', (ms, text) => expect(durationText(ms)).toBe(text));

test.each([
  [0, '0 g'],
  [0.1234, '0.12 g'],
  [9.996, '10.0 g'],
  [-31.04, '-31.0 g'],
  [999.4, '999 g'],
  [999.6, '1.00 kg'],
  [12_345, '12.3 kg'],
  [1_500_000, '1.50 t'],
])('%d g', (grams, text) => expect(gramsText(grams)).toBe(text));

test('three digits', () => expect([99.96, 12.34, 1.234].map(digits)).toEqual(['100', '12.3', '1.23']));

test.each([
  ['2026-11-26T01:00:00Z', 'Europe/Berlin', 'Thu 26 Nov 02:00 CET (01:00 UTC)'],
  ['2026-11-25T23:30:00Z', 'Europe/Berlin', 'Thu 26 Nov 00:30 CET (Wed 23:30 UTC)'],
  ['2026-11-26T01:00:00Z', 'UTC', 'Thu 26 Nov 01:00 UTC'],
  // The hour that comes twice: the zone's name tells which.
  ['2026-10-25T00:30:00Z', 'Europe/Berlin', 'Sun 25 Oct 02:30 CEST (00:30 UTC)'],
  ['2026-10-25T01:30:00Z', 'Europe/Berlin', 'Sun 25 Oct 02:30 CET (01:30 UTC)'],
])('%s in %s', (instant, zone, text) => expect(bothText(Date.parse(instant), zone)).toBe(text));
