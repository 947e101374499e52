import { expect, test } from 'vitest';
import { CLOUD_REGIONS } from '../../../shared/grid/regions.ts';
import { carbonAware } from '../../../worker/grid/carbon-aware.ts';
import { configuredProviders } from '../../../worker/use-cases/grid-providers.ts';
import documented from '../../fixtures/grid-api/carbon-aware/emissions_bylocation_docs.json?raw';
import { database } from '../ingest/support.ts';
import { call } from '../support/api.ts';
import { ask, seriesOf } from './recorded.ts';

const server = carbonAware({ url: 'https://sdk.example.org/api', source: 'electricity-maps' });
const noon = { gridZone: 'NL', from: '2026-01-20T12:00Z', to: '2026-01-20T15:00Z' };
const row = (time: string, rating: number | null, location = 'westeurope') => ({ location, time, rating });
const rows =
  (...list: unknown[]) =>
  () =>
    new Response(JSON.stringify(list));

test('hours by the name of a region that lies in the zone, gaps staying gaps', async () => {
  const { outcome, asked } = await ask(server, {
    ...noon,
    answer: rows(
      row('2026-01-20T12:00:00+00:00', 301.5),
      row('2026-01-20T14:00:00+01:00', null),
      row('2026-01-20T14:00:00+00:00', 0),
    ),
  });
  expect(seriesOf(outcome)).toEqual([
    ['2026-01-20T12:00:00.000Z', 301.5, 'estimated'],
    ['2026-01-20T14:00:00.000Z', 0, 'estimated'],
  ]);
  expect(asked.map(String)).toEqual([
    'https://sdk.example.org/api/emissions/bylocation?location=westeurope&time=2026-01-20T12%3A00%3A00.000Z&toTime=2026-01-20T15%3A00%3A00.000Z',
  ]);
});

test('the zone is as good a name; another place is refused', async () => {
  const zone = await ask(server, { ...noon, answer: rows(row('2026-01-20T12:00:00Z', 300, 'NL')) });
  expect(seriesOf(zone.outcome)).toHaveLength(1);
  const other = await ask(server, { ...noon, answer: rows(row('2026-01-20T12:00:00Z', 300, 'eastus')) });
  expect(other.outcome).toMatchObject({
    outcome: 'failed',
    reason: expect.stringMatching(/a row of eastus, asked for westeurope/),
  });
});

test('the documented example holds for no hour that anybody knows', async () => {
  const range = { gridZone: 'US-MIDA-PJM', from: '2022-05-17T20:00Z', to: '2022-05-17T21:00Z' };
  const { outcome } = await ask(server, { ...range, answer: () => new Response(documented) });
  expect(outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/not on the step/) });
});

test('what a value is follows from the source behind the server', () => {
  expect(server).toMatchObject({ basis: 'lifecycle', signal: 'average' });
  const marginal = carbonAware({ url: 'http://localhost:8080', source: 'watttime' });
  expect(marginal).toMatchObject({ basis: 'direct', signal: 'marginal' });
  expect(server.covers('NL')).toBe(true);
  expect(server.covers('WORLD')).toBe(false);
});

test.each([
  ['an address that is none', { url: 'sdk', source: 'watttime' }, /CARBON_AWARE_URL/],
  [
    'an address with a password in it',
    { url: 'https://u:secret@sdk.example.org', source: 'watttime' },
    /without a user or password in it$/,
  ],
  ['another scheme', { url: 'file:///etc/passwd', source: 'watttime' }, /CARBON_AWARE_URL/],
  [
    'a source that it does not have',
    { url: 'https://sdk.example.org', source: 'json' },
    /electricity-maps, watttime/,
  ],
  ['no source', { url: 'https://sdk.example.org', source: '' }, /CARBON_AWARE_SOURCE/],
])('%s is asked nothing, and told at each turn', async (_, options, reason) => {
  const { outcome, asked } = await ask(carbonAware(options), { ...noon, answer: rows() });
  expect(outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(reason) });
  expect(asked).toEqual([]);
});

test('a region that tables place differently is asked for only where the operator has placed it', async () => {
  // westus and swedencentral are the only ones of their zones; northcentralus has a neighbour that nobody disputes.
  expect(['US-CAL-CISO', 'SE-SE3', 'US-MIDA-PJM'].filter(server.covers)).toEqual(['US-MIDA-PJM']);
  const { asked } = await ask(server, { ...noon, gridZone: 'US-MIDA-PJM', answer: rows() });
  expect(asked[0]!.searchParams.get('location')).toBe('eastus');

  const options = { url: 'https://sdk.example.org/api', source: 'electricity-maps' };
  const place = (gridZone: string) =>
    CLOUD_REGIONS.map((region) =>
      region.key === 'azure:westus' ? { ...region, gridZone, sources: ['operator'] } : region,
    );
  const placed = carbonAware(options, place('US-CAL-CISO'));
  const there = await ask(placed, { ...noon, gridZone: 'US-CAL-CISO', answer: rows() });
  expect(there.asked[0]!.searchParams.get('location')).toBe('westus');
  const moved = carbonAware(options, place('US-NW-PGE'));
  expect(['US-CAL-CISO', 'US-NW-PGE'].filter(moved.covers)).toEqual(['US-NW-PGE']);
});

test('the operator moves a region, and the next run asks for it there', async () => {
  const keys = { CARBON_AWARE_URL: 'https://sdk.example.org', CARBON_AWARE_SOURCE: 'watttime' };
  const zones = async () => {
    const providers = await configuredProviders(database, keys, Date.now() + 1_000);
    const sdk = providers.find(({ name }) => name === 'carbon-aware')!;
    return ['US-CAL-CISO', 'US-NW-BPAT'].filter(sdk.covers);
  };
  expect(await zones()).toEqual(['US-NW-BPAT']);
  expect((await call('PUT', '/v1/grid/cloud-regions/azure:westus', { gridZone: 'US-CAL-CISO' })).status).toBe(
    200,
  );
  expect(await zones()).toEqual(['US-CAL-CISO', 'US-NW-BPAT']);
});
