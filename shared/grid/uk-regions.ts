/**
 * The 17 regions of Great Britain that its Carbon Intensity API knows and Electricity Maps does not: the areas of the 14
 * distribution networks, and the three countries. Source: carbon-intensity/api-definitions at e3f25a1, CC BY 4.0.
 */

export interface UkRegion {
  /** `regionid` of the API; 18 is the whole, which is zone GB. */
  readonly id: number;
  readonly key: string;
  readonly name: string;
}

export const UK_REGIONS: readonly UkRegion[] = [
  { id: 1, key: 'GB-NORTH-SCOTLAND', name: 'North Scotland' },
  { id: 2, key: 'GB-SOUTH-SCOTLAND', name: 'South Scotland' },
  { id: 3, key: 'GB-NORTH-WEST-ENGLAND', name: 'North West England' },
  { id: 4, key: 'GB-NORTH-EAST-ENGLAND', name: 'North East England' },
  { id: 5, key: 'GB-YORKSHIRE', name: 'Yorkshire' },
  { id: 6, key: 'GB-NORTH-WALES-MERSEYSIDE', name: 'North Wales and Merseyside' },
  { id: 7, key: 'GB-SOUTH-WALES', name: 'South Wales' },
  { id: 8, key: 'GB-WEST-MIDLANDS', name: 'West Midlands' },
  { id: 9, key: 'GB-EAST-MIDLANDS', name: 'East Midlands' },
  { id: 10, key: 'GB-EAST-ENGLAND', name: 'East England' },
  { id: 11, key: 'GB-SOUTH-WEST-ENGLAND', name: 'South West England' },
  { id: 12, key: 'GB-SOUTH-ENGLAND', name: 'South England' },
  { id: 13, key: 'GB-LONDON', name: 'London' },
  { id: 14, key: 'GB-SOUTH-EAST-ENGLAND', name: 'South East England' },
  { id: 15, key: 'GB-ENGLAND', name: 'England' },
  { id: 16, key: 'GB-SCOTLAND', name: 'Scotland' },
  { id: 17, key: 'GB-WALES', name: 'Wales' },
];
