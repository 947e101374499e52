/** Services that answer whatever zones and times they are asked for, in their own words: one interval of each zone. */
import { ENTSOE_AREAS } from '../../../worker/grid/entsoe-areas.ts';
import type { Answer } from './recorded.ts';

/** The value that a zone is given, by the service's own name of it; default: 100. */
export type Given = (place: string) => unknown;

/** Where nothing in a request says what time it is of. */
export const ASKED_AT_MS = Date.parse('2026-03-01T12:00:00Z');

const HOUR_MS = 3_600_000;
const json = (body: unknown) => new Response(JSON.stringify(body));
const iso = (ms: number) => new Date(ms).toISOString();
const minute = (ms: number) => `${iso(ms).slice(0, 16)}Z`;
/** The start of the hour that an instant lies in. */
const hourOf = (text: string) => Math.floor(Date.parse(text) / HOUR_MS) * HOUR_MS;

const denmark =
  (given: Given): Answer =>
  (url) => {
    const areas = (JSON.parse(url.searchParams.get('filter')!) as { PriceArea: string[] }).PriceArea;
    const records = areas.map((PriceArea) => ({
      Minutes5UTC: `${url.searchParams.get('start')}:00`,
      PriceArea,
      CO2Emission: given(PriceArea),
    }));
    return json({ dataset: url.pathname.split('/').at(-1), records });
  };

/** Gas, in each hour the same. */
const unitedStates =
  (given: Given): Answer =>
  (url) => {
    const data = url.searchParams.getAll('facets[respondent][]').map((respondent) => ({
      period: url.searchParams.get('start'),
      respondent,
      fueltype: 'NG',
      value: given(respondent),
      'value-units': 'megawatthours',
    }));
    return json({ response: { data } });
  };

const REGIONS = { NEM: ['NSW1', 'QLD1', 'SA1', 'TAS1', 'VIC1'], WEM: ['WEM'] };
const australia =
  (given: Given): Answer =>
  (url) => {
    const network = url.pathname.split('/').at(-1) as keyof typeof REGIONS;
    const asked = url.searchParams.get('network_region');
    const time = `${url.searchParams.get('date_start')}+${network === 'NEM' ? '10' : '08'}:00`;
    const results = (asked === null ? REGIONS[network] : [asked]).flatMap((region) => [
      { columns: { region, fueltech: 'gas_ccgt' }, data: [[time, given(region)]] },
      { columns: { region, fueltech: 'solar_rooftop' }, data: [[time, 0]] },
    ]);
    return json({
      success: true,
      data: [{ network_code: network, metric: 'energy', unit: 'MWh', interval: '1h', results }],
    });
  };

const europe =
  (given: Given): Answer =>
  (url) => {
    const area = url.searchParams.get('in_Domain')!;
    const text = url.searchParams.get('periodStart')!;
    const startMs = Date.parse(
      `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}T${text.slice(8, 10)}:00Z`,
    );
    const zone = Object.entries(ENTSOE_AREAS).find(([, code]) => code === area)![0];
    return new Response(`<GL_MarketDocument><TimeSeries>
      <inBiddingZone_Domain.mRID>${area}</inBiddingZone_Domain.mRID>
      <quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>
      <MktPSRType><psrType>B04</psrType></MktPSRType>
      <Period>
        <timeInterval><start>${minute(startMs)}</start><end>${minute(startMs + HOUR_MS)}</end></timeInterval>
        <resolution>PT60M</resolution>
        <Point><position>1</position><quantity>${given(zone)}</quantity></Point>
      </Period>
    </TimeSeries></GL_MarketDocument>`);
  };

/** Regions, all or one; the country, intensity and mix. */
const greatBritain =
  (given: Given): Answer =>
  (url) => {
    const [, from] = /(\d{4}-[^/]*Z)/.exec(url.pathname)!;
    const startMs = Math.floor(Date.parse(from!) / (HOUR_MS / 2)) * (HOUR_MS / 2);
    const interval = { from: minute(startMs), to: minute(startMs + HOUR_MS / 2) };
    const values = (place: string) => ({
      intensity: { forecast: given(place), actual: null },
      generationmix: [{ fuel: 'gas', perc: given(place) }],
    });
    if (!url.pathname.startsWith('/regional')) return json({ data: [{ ...interval, ...values('18') }] });
    const id = /regionid\/(\d+)/.exec(url.pathname)?.[1];
    if (id !== undefined)
      return json({ data: { regionid: Number(id), data: [{ ...interval, ...values(id) }] } });
    const regions = Array.from({ length: 18 }, (_, i) => ({ regionid: i + 1, ...values(String(i + 1)) }));
    return json({ data: [{ ...interval, regions }] });
  };

const electricityMaps =
  (given: Given): Answer =>
  (url) => {
    const zone = url.searchParams.get('zone')!;
    const startMs = hourOf(url.searchParams.get('start') ?? iso(ASKED_AT_MS));
    const row = {
      zone,
      carbonIntensity: given(zone),
      datetime: iso(startMs),
      updatedAt: null,
      emissionFactorType: url.searchParams.get('emissionFactorType') ?? 'lifecycle',
      isEstimated: false,
      estimationMethod: null,
    };
    return json({ zone, history: [row], data: [row], forecast: [row], updatedAt: null });
  };

const wattTime =
  (given: Given): Answer =>
  (url) => {
    if (url.pathname === '/login') return json({ token: 'a token' });
    const region = url.searchParams.get('region')!;
    return json({
      data: [{ point_time: url.searchParams.get('start') ?? iso(ASKED_AT_MS), value: given(region) }],
      meta: { region, signal_type: 'co2_moer', units: 'lbs_co2_per_mwh', data_point_period_seconds: 300 },
    });
  };

const FRENCH_FUELS = [
  'bioenergies',
  'charbon',
  'eolien',
  'fioul',
  'hydraulique_fil_eau_eclusee',
  'hydraulique_lacs',
  'nucleaire',
  'solaire',
];
const france =
  (given: Given): Answer =>
  (url) => {
    const [, from] = /date_heure >= '([^']*)'/.exec(url.searchParams.get('where')!)!;
    const others = Object.fromEntries(FRENCH_FUELS.map((fuel) => [fuel, 0]));
    const record = { date_heure: iso(hourOf(from!)), taux_co2: given('FR'), ...others, gaz: given('FR') };
    return json({ results: [record] });
  };

const carbonAware =
  (given: Given): Answer =>
  (url) => {
    const location = url.searchParams.get('location')!;
    return json([{ location, time: iso(hourOf(url.searchParams.get('time')!)), rating: given(location) }]);
  };

const SERVICES: Readonly<Record<string, (given: Given) => Answer>> = {
  'api.energidataservice.dk': denmark,
  'api.eia.gov': unitedStates,
  'api.openelectricity.org.au': australia,
  'web-api.tp.entsoe.eu': europe,
  'api.carbonintensity.org.uk': greatBritain,
  'api.electricitymaps.com': electricityMaps,
  'api.watttime.org': wattTime,
  'odre.opendatasoft.com': france,
  'sdk.example.org': carbonAware,
};

/** Whoever is asked, answers. */
export const answering =
  (given: Given = () => 100): Answer =>
  (url, headers) =>
    SERVICES[url.hostname]!(given)(url, headers);
