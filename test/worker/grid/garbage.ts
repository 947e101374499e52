/** Garbage as an address may answer it: of the transport, of any JSON, and in each provider's own shape. */
import { carbonAware } from '../../../worker/grid/carbon-aware.ts';
import { eia } from '../../../worker/grid/eia.ts';
import { electricityMaps } from '../../../worker/grid/electricity-maps.ts';
import { energiDataService } from '../../../worker/grid/energi-data-service.ts';
import { entsoe } from '../../../worker/grid/entsoe.ts';
import { openElectricity } from '../../../worker/grid/open-electricity.ts';
import type { IntensityProvider } from '../../../worker/grid/provider.ts';
import { rteEco2mix } from '../../../worker/grid/rte-eco2mix.ts';
import { ukCarbonIntensity } from '../../../worker/grid/uk-carbon-intensity.ts';
import { ukGenerationMix } from '../../../worker/grid/uk-generation-mix.ts';
import { ukRegional } from '../../../worker/grid/uk-regional.ts';
import { wattTime } from '../../../worker/grid/watttime.ts';
import type { Answer } from './recorded.ts';

export interface GarbageCase {
  readonly provider: IntensityProvider;
  /** Who reads the other basis from the very same reply. */
  readonly besides?: IntensityProvider;
  readonly gridZone: string;
  /** A reply in the provider's own shape, of one hour or less from noon, around the fields given; the value is 100. */
  readonly reply: (fields: { start?: unknown; value?: unknown }) => string;
  /** The same of what it expects, where it has a forecast: `reply` in other words. */
  readonly forecastReply?: (fields: { start?: unknown; value?: unknown }) => string;
  /** The start of an interval in the provider's own words. */
  readonly startOf: (ms: number) => string;
  /** What the 100 is in g/kWh: itself, unless it is an amount of a fuel or in other units. */
  readonly grams?: number;
  /** What a null in the place of the value is; else no data. */
  readonly nullIs?: 'failed';
  /** What an empty list is; else a failure. */
  readonly emptyListIs?: 'noData';
  /** Garbage that is none here, since the provider does write its values so or in other units. */
  readonly takes?: readonly string[];
}

export const NOON = '2026-01-20T12:00';

const iso = (ms: number) => new Date(ms).toISOString();
const minute = (ms: number) => `${iso(ms).slice(0, 16)}Z`;
/** The end of an interval that begins so; of garbage, that of the interval from noon. */
const endAfter = (start: unknown, minutes: number) =>
  minute(
    (/^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/.test(String(start))
      ? Date.parse(String(start))
      : Date.parse(`${NOON}Z`)) +
      minutes * 60_000,
  );

export const cases: readonly GarbageCase[] = [
  {
    provider: ukCarbonIntensity,
    gridZone: 'GB',
    startOf: minute,
    reply: ({ start = `${NOON}Z`, value = 100 }) =>
      JSON.stringify({
        data: [{ from: start, to: endAfter(start, 30), intensity: { forecast: value, actual: value } }],
      }),
    forecastReply: ({ start = `${NOON}Z`, value = 100 }) =>
      JSON.stringify({
        data: [{ from: start, to: endAfter(start, 30), intensity: { forecast: value, actual: null } }],
      }),
  },
  {
    provider: ukGenerationMix,
    gridZone: 'GB',
    startOf: minute,
    reply: ({ start = `${NOON}Z`, value = 100 }) =>
      JSON.stringify({
        data: [{ from: start, to: endAfter(start, 30), generationmix: [{ fuel: 'gas', perc: value }] }],
      }),
    grams: 490,
    nullIs: 'failed',
  },
  {
    provider: energiDataService,
    gridZone: 'DK-DK1',
    startOf: (ms) => iso(ms).slice(0, 19),
    reply: (fields) => danishRecords('CO2Emis', fields),
    forecastReply: (fields) => danishRecords('CO2EmisProg', fields),
  },
  {
    provider: rteEco2mix('direct'),
    gridZone: 'FR',
    startOf: (ms) => `${iso(ms + 7_200_000).slice(0, 19)}+02:00`,
    reply: frenchRecord,
    takes: ['a local time'],
  },
  {
    provider: rteEco2mix('lifecycle'),
    gridZone: 'FR',
    startOf: (ms) => `${iso(ms + 7_200_000).slice(0, 19)}+02:00`,
    reply: frenchRecord,
    grams: 490,
    takes: ['a local time', 'a value beyond any grid'],
    nullIs: 'failed',
  },
  {
    provider: electricityMaps('lifecycle', 'k'),
    gridZone: 'DE',
    startOf: iso,
    reply: ({ start = `${NOON}:00.000Z`, value = 100 }) =>
      JSON.stringify({
        zone: 'DE',
        history: [
          {
            zone: 'DE',
            carbonIntensity: value,
            datetime: start,
            updatedAt: `${NOON}:00.000Z`,
            emissionFactorType: 'lifecycle',
            isEstimated: false,
            estimationMethod: null,
          },
        ],
      }),
    forecastReply: ({ start = `${NOON}:00.000Z`, value = 100 }) =>
      JSON.stringify({
        zone: 'DE',
        forecast: [{ carbonIntensity: value, datetime: start }],
        updatedAt: `${NOON}:00.000Z`,
      }),
  },
  {
    provider: eia('lifecycle', 'k'),
    besides: eia('direct', 'k'),
    gridZone: 'US-CAL-CISO',
    startOf: (ms) => iso(ms + 3_600_000).slice(0, 13),
    reply: ({ start = '2026-01-20T13', value = 100 }) =>
      JSON.stringify({
        response: {
          data: [
            { period: start, respondent: 'CISO', fueltype: 'NG', value, 'value-units': 'megawatthours' },
          ],
        },
      }),
    grams: 490,
    takes: ['a value beyond any grid', 'a value as text'],
  },
  {
    provider: wattTime({ user: 'u', password: 'a password' }),
    gridZone: 'US-CAL-CISO',
    startOf: (ms) => `${iso(ms).slice(0, 19)}+00:00`,
    reply: marginalReply,
    forecastReply: marginalReply,
    grams: 45.359237,
    takes: ['a value beyond any grid', 'a local time'],
  },
  {
    provider: entsoe('lifecycle', '00000000-0000-4000-8000-000000000000'),
    besides: entsoe('direct', '00000000-0000-4000-8000-000000000000'),
    gridZone: 'SE-SE4',
    startOf: minute,
    reply: ({ start = `${NOON}Z`, value = 100 }) => generationDocument(start, value),
    grams: 490,
    takes: ['a value beyond any grid', 'a value as text', 'a list as value'],
    nullIs: 'failed',
  },
  {
    provider: ukRegional('direct'),
    besides: ukRegional('lifecycle'),
    gridZone: 'GB-LONDON',
    startOf: minute,
    reply: regionalReply,
    forecastReply: regionalReply,
  },
  {
    provider: ukRegional('lifecycle'),
    gridZone: 'GB-LONDON',
    startOf: minute,
    reply: regionalReply,
    forecastReply: regionalReply,
    grams: 490,
    nullIs: 'failed',
  },
  {
    provider: openElectricity('lifecycle', 'k'),
    besides: openElectricity('direct', 'k'),
    gridZone: 'AU-NSW',
    startOf: (ms) => `${iso(ms + 36_000_000).slice(0, 19)}+10:00`,
    reply: ({ start = `${NOON}:00+00:00`, value = 100 }) =>
      JSON.stringify({
        success: true,
        data: [
          {
            network_code: 'NEM',
            metric: 'energy',
            unit: 'MWh',
            interval: '1h',
            results: [
              { columns: { region: 'NSW1', fueltech: 'gas_ccgt' }, data: [[start, value]] },
              { columns: { region: 'NSW1', fueltech: 'solar_rooftop' }, data: [[start, 0]] },
            ],
          },
        ],
      }),
    grams: 490,
    takes: ['a value beyond any grid', 'a local time'],
  },
  {
    provider: carbonAware({ url: 'https://sdk.example.org', source: 'electricity-maps' }),
    gridZone: 'NL',
    startOf: (ms) => `${iso(ms).slice(0, 19)}+00:00`,
    reply: ({ start = `${NOON}:00+00:00`, value = 100 }) =>
      JSON.stringify([{ location: 'westeurope', time: start, rating: value }]),
    takes: ['a local time'],
    emptyListIs: 'noData',
  },
];

/** One quarter-hour of France, with intensity and mix. */
function frenchRecord({
  start = `${NOON}:00+00:00`,
  value = 100,
}: {
  start?: unknown;
  value?: unknown;
}): string {
  const none = { bioenergies: 0, charbon: 0, eolien: 0, fioul: 0, nucleaire: 0, solaire: 0 };
  const hydro = { hydraulique_fil_eau_eclusee: 0, hydraulique_lacs: 0 };
  const record = { date_heure: start, taux_co2: value, ...none, ...hydro, gaz: value };
  return JSON.stringify({ total_count: 1, results: [record] });
}

/** One half-hour of London, with intensity and mix. */
function regionalReply({ start = `${NOON}Z`, value = 100 }: { start?: unknown; value?: unknown }): string {
  const row = {
    from: start,
    to: endAfter(start, 30),
    intensity: { forecast: value },
    generationmix: [{ fuel: 'gas', perc: value }],
  };
  return JSON.stringify({ data: { regionid: 13, data: [row] } });
}

/** One five-minute step of either Danish dataset. */
function danishRecords(
  dataset: string,
  { start = `${NOON}:00`, value = 100 }: { start?: unknown; value?: unknown },
): string {
  return JSON.stringify({
    dataset,
    records: [{ Minutes5UTC: start, PriceArea: 'DK1', CO2Emission: value }],
  });
}

/** One five-minute step of WattTime, measured or expected. */
function marginalReply({
  start = `${NOON}:00+00:00`,
  value = 100,
}: {
  start?: unknown;
  value?: unknown;
}): string {
  return JSON.stringify({
    data: [{ point_time: start, value }],
    meta: {
      region: 'CAISO_NORTH',
      signal_type: 'co2_moer',
      units: 'lbs_co2_per_mwh',
      data_point_period_seconds: 300,
    },
  });
}

/** One type over one hour, in the words of ENTSO-E. */
function generationDocument(start: unknown, value: unknown): string {
  return `<?xml version="1.0" encoding="utf-8"?>
    <GL_MarketDocument>
      <TimeSeries>
        <inBiddingZone_Domain.mRID codingScheme="A01">10Y1001A1001A47J</inBiddingZone_Domain.mRID>
        <quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>
        <curveType>A03</curveType>
        <MktPSRType><psrType>B04</psrType></MktPSRType>
        <Period>
          <timeInterval><start>${start}</start><end>${endAfter(start, 60)}</end></timeInterval>
          <resolution>PT60M</resolution>
          <Point><position>1</position><quantity>${value}</quantity></Point>
        </Period>
      </TimeSeries>
    </GL_MarketDocument>`;
}

export const text =
  (body: BodyInit | null, init?: ResponseInit): Answer =>
  () =>
    new Response(body, init);
/** One provider logs in first; it gets what it needs for that. */
export const afterLogin =
  (answer: Answer): Answer =>
  (url, headers) =>
    url.pathname === '/login' ? new Response('{"token":"a token"}') : answer(url, headers);
const endless = () =>
  new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(256 * 1024).fill(0x20)),
  });

/** Garbage of the transport, and of any JSON that is not the provider's. */
export const anyGarbage: Record<string, Answer> = {
  'an empty body': text(''),
  'a web page with 200': text('<!DOCTYPE html><html><body>maintenance</body></html>'),
  'JSON cut short': text('{"data":[{"from":"2026-01-'),
  'bytes that are no text': text(new Uint8Array([0xff, 0xfe, 0x00, 0xc3, 0x28])),
  null: text('null'),
  'a number': text('42'),
  'a string': text('"data"'),
  'an empty list': text('[]'),
  'an empty object': text('{}'),
  'lists that are no lists': text(
    '{"data":{},"records":"x","dataset":"CO2Emis","zone":"DE","history":7,"forecast":7,"response":{"data":7},"results":{}}',
  ),
  'rows of nonsense': text(
    JSON.stringify({
      data: [null, 1, 'x', [], {}],
      dataset: 'CO2Emis',
      forecast: [null, 1, 'x', [], {}],
      records: [null, 1, 'x', [], {}],
      zone: 'DE',
      history: [null, 1, 'x', [], {}],
      response: { data: [null, 1, 'x', [], {}] },
      results: [null, 1, 'x', [], {}],
    }),
  ),
  'an endless body': () => new Response(endless()),
  'a redirect': text(null, { status: 302, headers: { Location: 'http://elsewhere.test/' } }),
  'no content': text(null, { status: 204 }),
  'a 500': text('boom', { status: 500 }),
  'a 503 without a time': text('busy', { status: 503 }),
  'a connection that breaks': () => {
    throw new TypeError('connection reset');
  },
  'a body that breaks': () =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.error(new Error('connection reset')) }),
    ),
};

/** Garbage in the provider's own shape. */
export const shapedGarbage: Record<string, { start?: unknown; value?: unknown }> = {
  'a negative value': { value: -1 },
  'a value beyond any grid': { value: 2000.1 },
  'a value in t/kWh': { value: 1e300 },
  'a value as text': { value: '100' },
  'a list as value': { value: [100] },
  'a boolean as value': { value: true },
  'an object as value': { value: { value: 100 } },
  'a start off the step': { start: '2026-01-20T12:01:30.000Z' },
  'a start that is no date': { start: '2026-02-30T12:00:00.000Z' },
  'a start as number': { start: 1_768_910_400_000 },
  'a local time': { start: '2026-01-20T13:00:00+01:00' },
  'no start': { start: null },
  'a start in another century': { start: '1926-01-20T12:00:00.000Z' },
  'a start far ahead': { start: '2126-01-20T12:00:00.000Z' },
};

/** Every kind of garbage that a provider may answer with, around what it answers in its own shape. */
export const garbageOf = (
  { takes = [] }: GarbageCase,
  reply: GarbageCase['reply'],
): readonly (readonly [string, Answer])[] => [
  ...Object.entries(anyGarbage),
  ...Object.entries(shapedGarbage)
    .filter(([name]) => !takes.includes(name))
    .map(([name, fields]) => [name, afterLogin(text(reply(fields)))] as const),
];
