import { expect, test } from 'vitest';
import countryCodes from '../../../shared/grid/country-codes.data.json' with { type: 'json' };
import { UK_REGIONS } from '../../../shared/grid/uk-regions.ts';
import {
  annualIntensity,
  findZone,
  GRID_ZONES,
  nearestZones,
  searchZones,
} from '../../../shared/grid/zones.ts';

const at = (year: number) => Date.UTC(year, 6, 1);

test('zones are known by their exact key', () => {
  expect(findZone('DK-DK1')).toMatchObject({ key: 'DK-DK1', name: 'West Denmark', country: 'Denmark' });
  expect(findZone('WORLD')?.name).toBe('World average');
  expect(findZone('dk-dk1')).toBeNull();
  expect(findZone('constructor')).toBeNull();
  expect(new Set(GRID_ZONES.map((zone) => zone.key)).size).toBe(GRID_ZONES.length);
  // WORLD, 352 of Electricity Maps, 17 regions of Great Britain.
  expect(GRID_ZONES).toHaveLength(1 + 352 + UK_REGIONS.length);
});

test.each([
  ['the year of the instant', 'DE', 2023, 379, 2023],
  ['the newest year before it', 'DE', 2031, 342, 2025],
  ['the oldest, for what is older', 'DE', 1999, 439, 2021],
  ['the sub-zone, not its country', 'DK-DK1', 2025, 112, 2025],
  ['the one year that the world has', 'WORLD', 2026, 473.0065, 2024],
])('a yearly average is of %s', (_, zone, year, gramsPerKwh, ofYear) => {
  expect(annualIntensity(zone, 'lifecycle', 'average', at(year))).toMatchObject({
    gramsPerKwh,
    year: ofYear,
  });
});

test('the year is that of UTC', () => {
  const newYear = Date.UTC(2024, 0, 1);
  expect(annualIntensity('DE', 'lifecycle', 'average', newYear)?.year).toBe(2024);
  expect(annualIntensity('DE', 'lifecycle', 'average', newYear - 1)?.year).toBe(2023);
});

test('the table is of lifecycle averages and answers nothing else', () => {
  expect(annualIntensity('DE', 'direct', 'average', at(2024))).toBeNull();
  expect(annualIntensity('DE', 'lifecycle', 'marginal', at(2024))).toBeNull();
  expect(annualIntensity('XX', 'lifecycle', 'average', at(2024))).toBeNull();
});

test('every yearly average is plausible', () => {
  for (const { key } of GRID_ZONES.filter(({ key }) => !UK_REGIONS.some((region) => region.key === key))) {
    for (const year of [2021, 2022, 2023, 2024, 2025]) {
      const { gramsPerKwh } = annualIntensity(key, 'lifecycle', 'average', at(year))!;
      expect(gramsPerKwh, `${key} ${year}`).toBeGreaterThan(10);
      expect(gramsPerKwh, `${key} ${year}`).toBeLessThan(1000);
    }
  }
});

test.each([
  ['de', 'DE'],
  ['DK1', 'DK-DK1'],
  ['germany', 'DE'],
  ['California', 'US-CAL-CISO'],
  ['US-CAL-CIS0', 'US-CAL-CISO'],
  ['world', 'WORLD'],
])('whoever writes %s is offered %s', (written, meant) => {
  expect(nearestZones(written)).toContain(meant);
});

test.each([
  ['DEU', 'DE'],
  ['gbr', 'GB'],
  ['UK', 'GB'],
  ['CHL', 'CL-SEN'],
  ['USA', 'US'],
])('the country code %s finds %s first', (code, key) => {
  expect(searchZones(code)[0]?.key).toBe(key);
  expect(nearestZones(code)[0]).toBe(key);
  expect(findZone(code)).toBeNull();
});

test('every country code leads to a known zone', () => {
  for (const [code, key] of Object.entries(countryCodes.zones)) {
    expect(code).toMatch(/^([A-Z]{3}|UK)$/);
    expect(findZone(key), code).not.toBeNull();
  }
});

test('search finds key, name and country, exact matches first', () => {
  expect(searchZones('denmark').map((zone) => zone.key)).toEqual(['DK', 'DK-BHM', 'DK-DK1', 'DK-DK2']);
  expect(searchZones('no such place anywhere')).toEqual([]);
});
