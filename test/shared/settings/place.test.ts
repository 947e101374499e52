import { expect, test } from 'vitest';
import { lifetimesOf, Places } from '../../../shared/settings/place.ts';
import { epochMs } from '../../../shared/units.ts';

const row = (subject: string, key: string, value: string, effectiveFromMs: number) => ({
  subject,
  key,
  value,
  effectiveFromMs,
  recordedAtMs: 0,
});
const rows = [
  row('site:a', 'gridZone', 'DE', 0),
  row('site:a', 'pueRatio', '1.2', 0),
  row('site:a', 'pueRatio', '1.4', 150),
  row('site:b', 'gridZone', 'FR', 0),
  row('site:b', 'gridZone', 'ES', 250),
  row('site:b', 'embodiedLifetimeYears', '6', 0),
  row('node:1', 'site', 'a', 100),
  row('node:1', 'site', 'b', 200),
];
const over = (node: number, startMs: number, endMs: number) =>
  new Places(rows)
    .of(node, { startMs: epochMs(startMs), endMs: epochMs(endMs) })
    .map(({ startMs: from, endMs: to, siteId, gridZone, pueRatio, lifetimeYears }) =>
      [from, to, siteId, gridZone, pueRatio, lifetimeYears].join(' '),
    );

test('a place ends where site, zone, PUE or lifetime changes, without gaps', () => {
  expect(over(1, 120, 300)).toEqual([
    '120 150 a DE 1.2 4',
    '150 200 a DE 1.4 4',
    '200 250 b FR 1 6',
    '250 300 b ES 1 6',
  ]);
});

test('a node stood at its first site before it was enrolled', () => {
  expect(over(1, 0, 110)).toEqual(['0 100 a DE 1.2 4', '100 110 a DE 1.2 4']);
});

test('a lifetime that a site does not say is the default, not that of the site before', () => {
  const years = (...each: number[]) =>
    each.map((lifetimeYears, i) => ({ startMs: epochMs(i), lifetimeYears }));
  expect(lifetimesOf(years(6, 6, 4, 4, 5))).toEqual([
    { fromMs: 0, years: 6 },
    { fromMs: 2, years: 4 },
    { fromMs: 4, years: 5 },
  ]);
  const moved = [
    row('site:six', 'embodiedLifetimeYears', '6', 0),
    row('node:9', 'site', 'six', 0),
    row('node:9', 'site', 'silent', 10),
  ];
  const places = new Places(moved).of(9, { startMs: epochMs(0), endMs: epochMs(20) });
  expect(places.map(({ lifetimeYears }) => lifetimeYears)).toEqual([6, 4]);
});

test('a node without a site has no zone', () => {
  expect(over(2, 0, 10)).toEqual(['0 10   1 4']);
});
