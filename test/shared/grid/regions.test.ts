import { expect, test } from 'vitest';
import {
  CLOUD_REGIONS,
  cloudRegionsOf,
  findCloudRegion,
  nearestCloudRegions,
} from '../../../shared/grid/regions.ts';
import { findZone, nearestZones, searchZones } from '../../../shared/grid/zones.ts';

test('every region lies in a known zone, and is named once', () => {
  for (const { key, gridZone, sources, otherZones } of CLOUD_REGIONS) {
    expect(key).toMatch(/^(aws|azure|gcp|hlrs|itenos|ovh):[a-z0-9_-]+$/);
    for (const zone of [gridZone, ...otherZones]) expect(findZone(zone), `${key} in ${zone}`).not.toBeNull();
    expect(sources.length).toBeGreaterThan(0);
    expect(otherZones).not.toContain(gridZone);
  }
  expect(new Set(CLOUD_REGIONS.map(({ key }) => key)).size).toBe(CLOUD_REGIONS.length);
});

test('the nine that the tables place differently say where else', () => {
  const disputed = CLOUD_REGIONS.filter(({ otherZones }) => otherZones.length > 0);
  expect(disputed.map(({ key, gridZone, otherZones }) => [key, gridZone, ...otherZones])).toEqual([
    ['aws:eu-north-1', 'SE-SE3', 'SE'],
    ['aws:us-gov-west-1', 'US-NW-PACW', 'US-NW-BPAT'],
    ['aws:us-west-2', 'US-NW-PACW', 'US-NW-BPAT'],
    ['azure:northcentralus', 'US-MIDA-PJM', 'US-MIDW-MISO'],
    ['azure:swedencentral', 'SE-SE3', 'SE'],
    ['azure:westus', 'US-CAL-CISO', 'US-NW-BPAT'],
    ['gcp:us-central1', 'US-CENT-SWPP', 'US-MIDW-MISO'],
    ['gcp:us-east1', 'US-CAR-SCEG', 'US-CAR-SC'],
    ['gcp:us-west1', 'US-NW-PACW', 'US-NW-BPAT'],
  ]);
});

test('regions are known by their exact key', () => {
  expect(findCloudRegion('gcp:europe-west4')?.gridZone).toBe('NL');
  expect(findCloudRegion('europe-west4')).toBeNull();
  expect(findCloudRegion('constructor')).toBeNull();
  expect(cloudRegionsOf('IE').map(({ key }) => key)).toEqual([
    'aws:eu-west-1',
    'azure:northeurope',
    'ovh:ie-dublin',
  ]);
  expect(cloudRegionsOf('WORLD')).toEqual([]);
});

test.each([
  ['eu-west-1', ['aws:eu-west-1']],
  ['EU-WEST-1', ['aws:eu-west-1']],
  ['aws:eu-west-1b', ['aws:eu-west-1']],
  ['amazon:eu-west-1', ['aws:eu-west-1']],
  ['uksouth', ['azure:uksouth']],
  ['roubaix', ['ovh:fr-roubaix']],
  ['DE', []],
  ['nowhere', []],
])('whoever writes %s means %j', (written, meant) => {
  expect(nearestCloudRegions(written).map(({ key }) => key)).toEqual(meant);
});

test('a zone is found by a region in it, behind those whose own name fits', () => {
  expect(searchZones('us-west-2').map(({ key }) => key)).toEqual(['US-NW-PACW']);
  expect(searchZones('ie')[0]?.key).toBe('IE');
  expect(nearestZones('westeurope')).toEqual(['NL']);
});
