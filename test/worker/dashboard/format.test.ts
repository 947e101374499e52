import { expect, test } from 'vitest';
import {
  formatAgo,
  formatCount,
  formatEnergy,
  formatIntensity,
  formatMass,
  formatPower,
  formatShare,
} from '../../../worker/dashboard/format.ts';

test.each([
  [0, '0 W'],
  [0.456, '0.456 W'],
  [412.4, '412 W'],
  [999.6, '1 kW'],
  [12_345, '12.3 kW'],
  [1_230_000, '1.23 MW'],
  [4_560_000_000, '4,560 MW'],
])('power of %d W', (watts, text) => expect(formatPower(watts)).toBe(text));

test.each([
  [0, '0 kWh'],
  [0.0006, '0.6 Wh'],
  [0.9999, '1 kWh'],
  [415.22, '415 kWh'],
  [12_345, '12.3 MWh'],
])('energy of %d kWh', (kilowattHours, text) => expect(formatEnergy(kilowattHours)).toBe(text));

test.each([
  [0, '0 g'],
  [0.0445, '44.5 mg'],
  [0.5, '500 mg'],
  [999.4, '999 g'],
  [999.6, '1 kg'],
  [4_642, '4.64 kg'],
  [1_234_567, '1.23 t'],
])('mass of %d g', (grams, text) => expect(formatMass(grams)).toBe(text));

test.each([
  [0, '0'],
  [999, '999'],
  [12_345, '12,345'],
  [1_234_567, '1,234,567'],
])('a count of %d', (count, text) => expect(formatCount(count)).toBe(text));

test.each([
  [0, '0%'],
  [0.0001, '<0.1%'],
  [0.5, '50%'],
  [0.9984, '99.8%'],
  [0.99999, '>99.9%'],
  [1, '100%'],
])('a share of %d', (ratio, text) => expect(formatShare(ratio)).toBe(text));

test.each([
  [1_000, 'just now'],
  [40_000, '40 s ago'],
  [300_000, '5 min ago'],
  [3 * 3_600_000, '3 h ago'],
  [12 * 86_400_000, '12 days ago'],
])('%d ms ago', (span, text) => expect(formatAgo(span)).toBe(text));

test('intensity', () => expect(formatIntensity(473.0065)).toBe('473 g/kWh'));
