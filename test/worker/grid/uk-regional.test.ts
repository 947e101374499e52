import { expect, test } from 'vitest';
import { UK_REGIONS } from '../../../shared/grid/uk-regions.ts';
import { annualIntensity, findZone, searchZones } from '../../../shared/grid/zones.ts';
import { electricityMaps } from '../../../worker/grid/electricity-maps.ts';
import { ukRegional } from '../../../worker/grid/uk-regional.ts';
import documented from '../../fixtures/grid-api/uk-carbon-intensity/docs_regional_ranged_postcode.json';
import recorded from '../../fixtures/grid-api/uk-carbon-intensity/regional_current_recorded_2026-05-31T0130Z.json';
import { ask, seriesOf } from './recorded.ts';

const direct = ukRegional('direct');
const mix = ukRegional('lifecycle');
const [current] = recorded.data;
const { from, to, regions } = current!;
const range = { from: '2026-05-31T01:30Z', to: '2026-05-31T02:00Z' };
/** The recorded half-hour of a region as a reply about a range has it: an object where the current one has a list. */
const ranged = (id: number, regionid = id) => {
  const { intensity, generationmix } = regions.find((region) => region.regionid === id)!;
  const data = { regionid, data: [{ from, to, intensity, generationmix }] };
  return () => new Response(JSON.stringify({ data }));
};

test('17 regions, as zones that can be found', () => {
  expect(UK_REGIONS.map(({ id }) => id)).toEqual(Array.from({ length: 17 }, (_, i) => i + 1));
  expect(UK_REGIONS.every(({ key }) => direct.covers(key) && mix.covers(key))).toBe(true);
  expect(direct.covers('GB')).toBe(false);
  expect(searchZones('south wales')[0]).toMatchObject({ key: 'GB-SOUTH-WALES' });
});

test('a region has no yearly average of its own and takes none of the country', () => {
  expect(findZone('GB-LONDON')).not.toBeNull();
  expect(annualIntensity('GB-LONDON', 'lifecycle', 'average', Date.UTC(2025, 0))).toBeNull();
});

test('nobody who knows only the zones of Electricity Maps is asked for one', () => {
  expect(electricityMaps('lifecycle', 'k').covers('GB-LONDON')).toBe(false);
});

test('the recorded half-hour: never more than a forecast, and a zero is a value', async () => {
  const east = await ask(direct, { ...range, gridZone: 'GB-EAST-ENGLAND', answer: ranged(10) });
  expect(seriesOf(east.outcome)).toEqual([['2026-05-31T01:30:00.000Z', 237, 'forecast']]);
  expect(east.asked.map(({ pathname }) => pathname)).toEqual([
    '/regional/intensity/2026-05-31T01:30Z/2026-05-31T02:00Z/regionid/10',
  ]);
  const north = await ask(direct, { ...range, gridZone: 'GB-NORTH-SCOTLAND', answer: ranged(1) });
  expect(seriesOf(north.outcome)).toEqual([['2026-05-31T01:30:00.000Z', 0, 'forecast']]);
});

test('its mix by hand, imports left out', async () => {
  const east = await ask(mix, { ...range, gridZone: 'GB-EAST-ENGLAND', answer: ranged(10) });
  // 12.7 x 230 + 42 x 490 + 4.4 x 12 + 0.1 x 24 + 12.8 x 11 = 23,697; over 72.0
  expect(seriesOf(east.outcome)).toEqual([['2026-05-31T01:30:00.000Z', 329.13, 'forecast']]);
  const north = await ask(mix, { ...range, gridZone: 'GB-NORTH-SCOTLAND', answer: ranged(1) });
  expect(seriesOf(north.outcome)).toEqual([['2026-05-31T01:30:00.000Z', 11, 'forecast']]);
});

test('the region in the reply is the one asked for', async () => {
  const { outcome } = await ask(direct, { ...range, gridZone: 'GB-WALES', answer: ranged(10) });
  expect(outcome).toEqual({ outcome: 'failed', reason: 'asked for region 17, the reply is of 10' });
});

test.each([
  ['the list that the documentation shows', documented],
  ['the reply about all regions', recorded],
  ['an empty list', { data: [] }],
])('%s is none of a region', async (_, body) => {
  const { outcome } = await ask(direct, {
    ...range,
    gridZone: 'GB-EAST-ENGLAND',
    answer: () => new Response(JSON.stringify(body)),
  });
  expect(outcome).toMatchObject({
    outcome: 'failed',
    reason: expect.stringMatching(/no region with a list/),
  });
});
