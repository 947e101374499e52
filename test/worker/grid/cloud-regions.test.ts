/** Where a cloud region lies: shown with who says so, and the operator's to decide. */
import { expect, test } from 'vitest';
import { api, call } from '../support/api.ts';

interface Region {
  key: string;
  gridZone: string;
  sources: string[];
  otherZones: string[];
}

const regions = () =>
  api<{ cloudRegions: Region[] }>('GET', '/v1/grid/cloud-regions').then((answer) => answer.cloudRegions);
const site = (id: string, cloudRegion: string) =>
  api<{ gridZone: string }>('POST', '/v1/sites', { id, cloudRegion, pueRatio: 1.1 });

test('the nine that sources place differently show where others do', async () => {
  const disputed = (await regions()).filter(({ otherZones }) => otherZones.length > 0);
  expect(disputed.map(({ key, gridZone, otherZones }) => [key, gridZone, otherZones])).toEqual(
    expect.arrayContaining([
      ['aws:us-west-2', 'US-NW-PACW', ['US-NW-BPAT']],
      ['gcp:us-central1', 'US-CENT-SWPP', ['US-MIDW-MISO']],
      ['aws:eu-north-1', 'SE-SE3', ['SE']],
    ]),
  );
  expect(disputed).toHaveLength(9);
});

test('the word of the operator holds for the sites that come after it, names those it leaves, and can be taken back', async () => {
  await api('POST', '/v1/sites', { id: 'elsewhere', gridZone: 'DE', pueRatio: 1.1 });
  await api('POST', '/v1/sites', { id: 'by-key', gridZone: 'US-NW-PACW', pueRatio: 1.1 });
  expect(await site('before', 'aws:us-west-2')).toMatchObject({ gridZone: 'US-NW-PACW' });
  const moved = await api<Region>('PUT', '/v1/grid/cloud-regions/aws:us-west-2', {
    gridZone: 'US-NW-BPAT',
    why: 'our contract says Bonneville',
  });
  expect(moved).toEqual({
    key: 'aws:us-west-2',
    gridZone: 'US-NW-BPAT',
    sources: ['operator'],
    otherZones: ['US-NW-PACW'],
    sitesInFormerZone: ['before', 'by-key'],
  });
  expect(await site('after', 'aws:us-west-2')).toMatchObject({ gridZone: 'US-NW-BPAT' });
  expect(await api('PATCH', '/v1/sites/after', { cloudRegion: 'aws:us-west-2' })).toMatchObject({
    gridZone: 'US-NW-BPAT',
  });
  expect(await api('GET', '/v1/sites/before')).toMatchObject({ gridZone: 'US-NW-PACW' });
  const { zones } = await api<{ zones: { cloudRegions: { key: string }[] }[] }>(
    'GET',
    '/v1/grid/zones?search=US-NW-BPAT',
  );
  expect(zones[0]!.cloudRegions).toContainEqual({
    key: 'aws:us-west-2',
    sources: ['operator'],
    otherZones: ['US-NW-PACW'],
  });
  const { changes } = await api<{ changes: object[] }>(
    'GET',
    '/v1/changes?subject=cloudRegion:aws:us-west-2',
  );
  expect(changes).toMatchObject([{ to: 'US-NW-BPAT', why: 'our contract says Bonneville' }]);

  const back = await api<Region>('PUT', '/v1/grid/cloud-regions/aws:us-west-2', { gridZone: null });
  expect(back).toMatchObject({
    gridZone: 'US-NW-PACW',
    otherZones: ['US-NW-BPAT'],
    sitesInFormerZone: ['after'],
  });
  const again = await api<Region>('PUT', '/v1/grid/cloud-regions/aws:us-west-2', { gridZone: null });
  expect(again).toMatchObject({ sitesInFormerZone: [] });
  expect(await site('again', 'aws:us-west-2')).toMatchObject({ gridZone: 'US-NW-PACW' });
});

test('an unknown region or zone is refused with the nearest', async () => {
  const region = await call('PUT', '/v1/grid/cloud-regions/us-west-2', { gridZone: 'US-NW-BPAT' });
  expect([region.status, await region.json()]).toMatchObject([
    404,
    { code: 'not_found', detail: expect.stringContaining('aws:us-west-2') },
  ]);
  const zone = await call('PUT', '/v1/grid/cloud-regions/aws:us-west-2', { gridZone: 'BPAT' });
  expect(await zone.json()).toMatchObject({
    code: 'unknown_grid_zone',
    detail: expect.stringContaining('US-NW-BPAT'),
  });
});
