import { expect, test } from 'vitest';
import { findZone } from '../../../shared/grid/zones.ts';
import { entsoe } from '../../../worker/grid/entsoe.ts';
import { ENTSOE_AREAS } from '../../../worker/grid/entsoe-areas.ts';
import finland from '../../fixtures/grid-api/entsoe/A75_FI_production_first-2-hours.xml?raw';
import norway5 from '../../fixtures/grid-api/entsoe/A75_NO-NO5_production-negatives.xml?raw';
import sweden4 from '../../fixtures/grid-api/entsoe/A75_SE-SE4_production_recorded.xml?raw';
import noData from '../../fixtures/grid-api/entsoe/Acknowledgement_999_no-data.xml?raw';
import { ask, seriesOf } from './recorded.ts';

const TOKEN = '0f8fad5b-d9cb-469f-a165-70867728950e';
const body = (text: string, init?: ResponseInit) => () => new Response(text, init);
const total = (series: readonly [string, number, string][]) =>
  series.reduce((sum, [, grams]) => sum + Math.round(grams * 100), 0) / 100;

const october = { gridZone: 'SE-SE4', from: '2025-10-20T11:00Z', to: '2025-10-23T10:00Z' };
const may = { gridZone: 'NO-NO5', from: '2023-05-09T09:00Z', to: '2023-05-11T09:00Z' };
const twoHours = { gridZone: 'FI', from: '2025-10-21T12:00Z', to: '2025-10-21T14:00Z' };

// The sums were worked out apart from this code, with another XML parser.
test.each([
  ['lifecycle', 80.02, 80.62, 8700.66],
  ['direct', 52.86, 57.3, 6514.04],
] as const)('hours of SE4 on %s, positions that repeat filled in', async (basis, first, fifth, sum) => {
  const { outcome } = await ask(entsoe(basis, TOKEN), { ...october, answer: body(sweden4) });
  const series = seriesOf(outcome);
  expect(series).toHaveLength(71);
  // (0.9 x 490 + 90.23 x 24 + 300.51 x 45 + 1434.47 x 11 + 184.23 x 700) / 2010.34 on lifecycle.
  expect(series[0]).toEqual(['2025-10-20T11:00:00.000Z', first, 'measured']);
  expect(series[4]).toEqual(['2025-10-20T15:00:00.000Z', fifth, 'measured']);
  expect(total(series)).toBe(sum);
  expect(outcome).toMatchObject({ refused: [] });
});

test('quarter hours of Finland', async () => {
  const { outcome, asked } = await ask(entsoe('lifecycle', TOKEN), { ...twoHours, answer: body(finland) });
  const series = seriesOf(outcome);
  expect(series.map(([, grams]) => grams)).toEqual([49.21, 49.01, 48.96, 48.79, 49.6, 49, 48.83, 48.36]);
  expect(series.at(-1)![0]).toBe('2025-10-21T13:45:00.000Z');
  expect(asked.map(String)).toEqual([
    `https://web-api.tp.entsoe.eu/api?securityToken=${TOKEN}&documentType=A75&processType=A16&in_Domain=10YFI-1--------U&periodStart=202510211200&periodEnd=202510211400`,
  ]);
});

test('a negative type is own use, pumped storage is none, and curve A01 is not filled in', async () => {
  const { outcome } = await ask(entsoe('lifecycle', TOKEN), { ...may, answer: body(norway5) });
  const series = seriesOf(outcome);
  // (296 x 24 + 769 x 24 + 15 x 230) / 1080: gas is -0.4, storage 61.
  expect(series[0]).toEqual(['2023-05-09T09:00:00.000Z', 26.86, 'measured']);
  expect(total(series)).toBe(1192.54);
  const water = norway5.replace(/(<psrType>B12[\s\S]*?)<Point>\s*<position>3<[\s\S]*?<\/Point>/, '$1');
  const gap = await ask(entsoe('lifecycle', TOKEN), { ...may, answer: body(water) });
  expect(seriesOf(gap.outcome)).toHaveLength(46);
  expect(gap.outcome).toMatchObject({ refused: ['B12 is missing at 2023-05-09T11:00:00.000Z'] });
});

test('water and wind alone are zero on direct', async () => {
  const { outcome } = await ask(entsoe('direct', TOKEN), { ...may, answer: body(norway5) });
  expect(seriesOf(outcome)[0]).toEqual(['2023-05-09T09:00:00.000Z', 0, 'measured']);
});

test('what flows out of the area is consumption, and no part of the mix', async () => {
  const pumping = /<TimeSeries>[\s\S]*?<\/TimeSeries>/
    .exec(sweden4)![0]
    .replaceAll('inBiddingZone_Domain', 'outBiddingZone_Domain')
    .replace('>B04<', '>B05<');
  const more = sweden4.replace('</GL_MarketDocument>', `${pumping}</GL_MarketDocument>`);
  const { outcome } = await ask(entsoe('lifecycle', TOKEN), { ...october, answer: body(more) });
  expect(total(seriesOf(outcome))).toBe(8700.66);
});

test('types of a finer step are averaged over the coarsest', async () => {
  const series = (type: string, resolution: string, quantities: number[]) => `<TimeSeries>
    <inBiddingZone_Domain.mRID>10YFI-1--------U</inBiddingZone_Domain.mRID>
    <quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>A01</curveType>
    <MktPSRType><psrType>${type}</psrType></MktPSRType>
    <Period><timeInterval><start>2025-10-21T12:00Z</start><end>2025-10-21T13:00Z</end></timeInterval>
    <resolution>${resolution}</resolution>${quantities
      .map(
        (quantity, index) =>
          `<Point><position>${index + 1}</position><quantity>${quantity}</quantity></Point>`,
      )
      .join('')}</Period></TimeSeries>`;
  const document = (...parts: string[]) => `<GL_MarketDocument>${parts.join('')}</GL_MarketDocument>`;
  const hour = series('B19', 'PT60M', [100]);
  const mixed = document(hour, series('B04', 'PT15M', [0, 0, 100, 300]));
  const { outcome } = await ask(entsoe('direct', TOKEN), { ...twoHours, answer: body(mixed) });
  expect(seriesOf(outcome)).toEqual([['2025-10-21T12:00:00.000Z', 185, 'measured']]);
  const inPart = document(hour, series('B04', 'PT15M', [0, 0, 100]));
  const partly = await ask(entsoe('direct', TOKEN), { ...twoHours, answer: body(inPart) });
  expect(partly.outcome).toMatchObject({
    outcome: 'failed',
    reason: expect.stringMatching(/no amount of B04 at 2025-10-21T12:00/),
  });
});

test.each([
  ['200', 200],
  ['400', 400],
])('no data is no data, also with status %s', async (_, status) => {
  const { outcome } = await ask(entsoe('direct', TOKEN), { ...october, answer: body(noData, { status }) });
  expect(outcome).toMatchObject({
    outcome: 'noData',
    reason: expect.stringMatching(/^No matching data found/),
  });
});

const acknowledged = (text: string) =>
  `<Acknowledgement_MarketDocument><Reason><code>999</code><text>${text}</text></Reason></Acknowledgement_MarketDocument>`;

test.each([
  [
    'a refused token',
    acknowledged(`Invalid security token ${TOKEN}`),
    401,
    'failed',
    /^Invalid security token \(secret\)$/,
  ],
  [
    'an acknowledgement without a reason',
    '<Acknowledgement_MarketDocument/>',
    200,
    'failed',
    /without a reason/,
  ],
  ['too many requests', acknowledged('Max requests'), 429, 'rateLimited', /^HTTP 429/],
  [
    'maintenance with 200',
    '<!DOCTYPE html><html>maintenance</html>',
    200,
    'failed',
    /no document of generation/,
  ],
  ['maintenance with 503', '<!DOCTYPE html><html>maintenance</html>', 503, 'failed', /^HTTP 503/],
  ['a document cut short', sweden4.slice(0, 9_000), 200, 'failed', /no document of generation/],
  ['another document', '<Publication_MarketDocument/>', 200, 'failed', /no document of generation/],
  [
    'another area',
    sweden4.replaceAll('10Y1001A1001A47J', '10Y1001A1001A46L'),
    200,
    'failed',
    /a series of area 10Y1001A1001A46L/,
  ],
  ['another unit', sweden4.replace('>MAW<', '>KWH<'), 200, 'failed', /a series in KWH/],
  ['a resolution that nobody knows', sweden4.replace('PT60M', 'P1Y'), 200, 'failed', /a period of B04/],
  [
    'a position beyond the period',
    sweden4.replace('<position>4<', '<position>400<'),
    200,
    'failed',
    /a period of B04/,
  ],
  [
    'a position given twice',
    sweden4.replace('<position>4<', '<position>3<'),
    200,
    'failed',
    /a period of B04/,
  ],
  [
    'a quantity that is none',
    sweden4.replace('<quantity>0.9<', '<quantity>NaN<'),
    200,
    'failed',
    /a period of B04/,
  ],
  [
    'a period that ends before it starts',
    sweden4.replace(
      /<end>2025-10-23T10:00Z(?=<\/end>\s*<\/timeInterval>\s*<resolution>)/,
      '<end>2025-10-19T10:00Z',
    ),
    200,
    'failed',
    /a period of B04/,
  ],
  ['a type that nobody knows', sweden4.replace('>B19<', '>B99<'), 200, 'failed', /unknown fuel "B99"/],
] as const)('names %s', async (_, text, status, expected, reason) => {
  const { outcome } = await ask(entsoe('direct', TOKEN), { ...october, answer: body(text, { status }) });
  expect(outcome).toMatchObject({ outcome: expected, reason: expect.stringMatching(reason) });
  expect(JSON.stringify(outcome)).not.toContain(TOKEN.slice(0, 8));
});

test('areas are known zones, and their codes hold by their check character', () => {
  const value = (character: string) => (character === '-' ? 36 : Number.parseInt(character, 36));
  for (const [zone, code] of Object.entries(ENTSOE_AREAS)) {
    expect(findZone(zone)?.key).toBe(zone);
    const weighted = [...code.slice(0, 15)].reduce((sum, each, index) => sum + value(each) * (16 - index), 0);
    expect([code, value(code[15]!)]).toEqual([code, 36 - ((weighted - 1) % 37)]);
  }
  const { covers } = entsoe('direct', TOKEN);
  expect(covers('DE')).toBe(true);
  expect(covers('GB')).toBe(false);
  expect(covers('toString')).toBe(false);
});
