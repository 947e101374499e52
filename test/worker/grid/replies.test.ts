/** What one reply holds: how often each provider is asked for all that a fleet needs of it, and that nothing in it is mixed up. */
import { beforeEach, describe, expect, test } from 'vitest';
import { UK_REGIONS } from '../../../shared/grid/uk-regions.ts';
import { epochMs } from '../../../shared/units.ts';
import { createProviderHttp } from '../../../worker/grid/http.ts';
import { intensityProviders } from '../../../worker/grid/list.ts';
import type { FetchOutcome, IntensityProvider } from '../../../worker/grid/provider.ts';
import { splitIntoReplies } from '../../../worker/grid/replies.ts';
import { refreshForecasts } from '../../../worker/use-cases/grid-forecast-refresh.ts';
import { MAX_REPLIES_PER_RUN, refreshGrid } from '../../../worker/use-cases/grid-refresh.ts';
import { rereadGrid } from '../../../worker/use-cases/grid-reread.ts';
import { database } from '../ingest/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';
import { ensureSite } from '../support/enrolment.ts';
import { ASKED_AT_MS, answering } from './answering.ts';
import { emptyGrid } from './empty-grid.ts';
import { anyGarbage, shapedGarbage } from './garbage.ts';
import { type Answer, fetchOf } from './recorded.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START_MS = ASKED_AT_MS;
const KEYS = {
  ELECTRICITY_MAPS_TOKEN: 'a-token',
  EIA_API_KEY: 'a-key-of-eia',
  ENTSOE_TOKEN: '00000000-0000-4000-8000-000000000000',
  WATTTIME_USER: 'somebody',
  WATTTIME_PASSWORD: 'a password',
  OPENELECTRICITY_API_KEY: 'another-key',
  CARBON_AWARE_URL: 'https://sdk.example.org',
  CARBON_AWARE_SOURCE: 'electricity-maps',
};
const named = (...names: string[]) => intensityProviders(KEYS).filter(({ name }) => names.includes(name));
const bases = (name: string) => named(name, `${name}-direct`);
const REGIONAL = named('uk-regional', 'uk-regional-mix');

beforeEach(emptyGrid);

const use = async (zones: readonly string[]) => {
  for (const zone of zones) await ensureSite(`in-${zone.toLowerCase()}`, zone);
};
type Job = typeof refreshGrid | typeof refreshForecasts | typeof rereadGrid;
async function run(job: Job, providers: readonly IntensityProvider[], minutes: number, answer = answering()) {
  const { fetch, asked } = fetchOf(answer);
  const results = await job({ db: database, providers, fetch, nowMs: START_MS + minutes * MINUTE_MS });
  return { asked, results };
}
/** Runs until each zone has its first week, then one more when every provider may have news. */
async function usualRun(providers: readonly IntensityProvider[]) {
  for (let minute = 0; minute < 60; minute += 5) {
    const { asked } = await run(refreshGrid, providers, minute / 60);
    if (asked.length === 0) break;
  }
  return run(refreshGrid, providers, 75);
}

describe('requests of a run, for all that is needed of a provider', () => {
  const table: [string, readonly IntensityProvider[], readonly string[], number][] = [
    ['both price areas of Denmark', named('energi-data-service'), ['DK-DK1', 'DK-DK2'], 1],
    ['both bases of an authority, and of two', bases('eia'), ['US-CAL-CISO', 'US-TEX-ERCO'], 1],
    ['both bases of an area', bases('entsoe'), ['SE-SE4'], 1],
    ['both bases of two areas, which have a document each', bases('entsoe'), ['SE-SE4', 'DE'], 2],
    ['both bases of an Australian network', bases('open-electricity'), ['AU-NSW', 'AU-VIC', 'AU-SA'], 1],
    ['both bases of two networks', bases('open-electricity'), ['AU-NSW', 'AU-WA'], 2],
    ['both bases of a region of Great Britain', REGIONAL, ['GB-LONDON'], 1],
    ['all regions of Great Britain', REGIONAL, UK_REGIONS.map(({ key }) => key), 1],
    [
      'Great Britain, whose intensity and mix are two documents',
      named('uk-carbon-intensity', 'uk-generation-mix'),
      ['GB'],
      2,
    ],
    ['both bases of France', named('rte-eco2mix', 'rte-generation-mix'), ['FR'], 1],
    ['bases of Electricity Maps, one a request', bases('electricity-maps'), ['DE', 'FR'], 4],
    ['a region of WattTime, and the login', named('watttime'), ['US-CAL-CISO'], 2],
    ['a place of a Carbon Aware server', named('carbon-aware'), ['NL'], 1],
  ];
  test.each(table)('%s', async (_, providers, zones, requests) => {
    await use(zones);
    const { asked, results } = await usualRun(providers);
    expect(asked).toHaveLength(requests);
    const served = results.map((result) => `${'provider' in result && result.provider} ${result.gridZone}`);
    const wanted = providers.flatMap(({ name }) => zones.map((zone) => `${name} ${zone}`));
    expect(served.sort()).toEqual(wanted.sort());
    expect(results.every(({ outcome }) => outcome === 'values')).toBe(true);
    const stored = await database
      .prepare(
        `SELECT DISTINCT s.provider || ' ' || s.grid_zone AS name
           FROM grid_series s JOIN grid_values v ON v.key / ${2 ** 24} = s.id`,
      )
      .all<{ name: string }>();
    expect(stored.results.length).toBe(wanted.length);
  });

  test('every provider that there is stands in the table', () => {
    const inTable = new Set(table.flatMap(([, providers]) => providers.map(({ name }) => name)));
    expect([...inTable].sort()).toEqual(
      intensityProviders(KEYS)
        .map(({ name }) => name)
        .sort(),
    );
  });

  test.each([
    ['both price areas of Denmark', named('energi-data-service'), ['DK-DK1', 'DK-DK2'], 1],
    ['both bases of a region of Great Britain', REGIONAL, ['GB-LONDON'], 1],
  ] as const)('forecasts: %s', async (_, providers, zones, requests) => {
    await use(zones);
    const { asked, results } = await run(refreshForecasts, providers, 0);
    expect(asked).toHaveLength(requests);
    expect(results.map(({ outcome }) => outcome)).toEqual(['values', 'values']);
  });

  test('days that are read again: both bases, and zones that have come as far', async () => {
    await use(['DK-DK1', 'DK-DK2', 'SE-SE4']);
    const providers = [...named('energi-data-service'), ...bases('entsoe')];
    for (const minutes of [0, 1, 2]) await run(refreshGrid, providers, minutes);
    const hosts = [];
    for (let minutes = 0; minutes < 10; minutes++) {
      const { asked, results } = await run(rereadGrid, providers, 60 + minutes);
      if (results.length === 0) break;
      expect(results).toHaveLength(2);
      hosts.push(asked.map(({ hostname }) => hostname));
    }
    // ENTSO-E has the price areas of Denmark too, each of the three in a document of its own.
    expect(hosts.flat().sort()).toEqual([
      'api.energidataservice.dk',
      ...Array(3).fill('web-api.tp.entsoe.eu'),
    ]);
  });
});

test('a zone that joins later is caught up on its own, and comes with the others from then on', async () => {
  const providers = named('energi-data-service');
  await use(['DK-DK1']);
  await run(refreshGrid, providers, 0);
  await use(['DK-DK2']);
  const areas = async (minutes: number) =>
    (await run(refreshGrid, providers, minutes)).asked.map(({ searchParams }) => [
      JSON.parse(searchParams.get('filter')!).PriceArea.join(),
      (Date.parse(`${searchParams.get('end')}Z`) - Date.parse(`${searchParams.get('start')}Z`)) / DAY_MS > 6,
    ]);
  expect(await areas(2)).toEqual([['DK2', true]]);
  expect(await areas(5)).toEqual([['DK1,DK2', false]]);
  expect(await areas(7)).toEqual([]);
  expect(await areas(10)).toEqual([['DK1,DK2', false]]);
});

test('a reply is split where it would hold too much', () => {
  const authorities = ['AZPS', 'EPE', 'PNM', 'SRP', 'TEPC', 'WALC'].map((code) => `US-SW-${code}`);
  const wanted = bases('eia').flatMap((provider) => authorities.map((gridZone) => ({ provider, gridZone })));
  const sizes = (days: number) => splitIntoReplies(wanted, () => days * DAY_MS).map((reply) => reply.length);
  expect(sizes(1)).toEqual([12]);
  // Three zones, both bases: 16 codes an hour of each are at most 5,000 rows.
  expect(sizes(3)).toEqual([8, 4]);
  expect(sizes(7)).toEqual(Array(6).fill(2));
  const regions = REGIONAL.flatMap((provider) => UK_REGIONS.map(({ key }) => ({ provider, gridZone: key })));
  expect(splitIntoReplies(regions, () => 3 * DAY_MS)).toHaveLength(17);
});

test('all series of a reply take as many queries as one', async () => {
  const queries = async (seconds: number) => {
    const { database: recording, recorded } = recordingDatabase(database);
    const nowMs = START_MS + seconds * 1_000;
    await refreshGrid({ db: recording, providers: REGIONAL, fetch: fetchOf(answering()).fetch, nowMs });
    return recorded.length;
  };
  await use(['GB-LONDON']);
  await queries(0);
  const ofOne = await queries(30 * 60);
  await use(UK_REGIONS.map(({ key }) => key));
  for (let run = 1; run <= 5; run++) await queries(30 * 60 + run);
  expect(await queries(60 * 60)).toBe(ofOne);
});

test.each([
  ['free', 50, 10],
  ['paid', 1_000, 30],
] as const)(
  'with every provider and sixty zones no service is asked for more than it allows, nor a run for more than the %s plan',
  async (plan, mostOfRun, mostOfService) => {
    const zones = [
      ...UK_REGIONS.map(({ key }) => key),
      ...[
        'GB',
        'DK-DK1',
        'DK-DK2',
        'FR',
        'DE',
        'ES',
        'PL',
        'NL',
        'AT',
        'BE',
        'CZ',
        'IE',
        'IT-NO',
        'SE-SE4',
        'FI',
      ],
      ...[
        'AU-NSW',
        'AU-QLD',
        'AU-SA',
        'AU-TAS',
        'AU-VIC',
        'AU-WA',
        'JP-TK',
        'ZA',
        'SG',
        'KR',
        'IN-WE',
        'CA-QC',
      ],
      ...['CAL-CISO', 'TEX-ERCO', 'MIDA-PJM', 'MIDW-MISO', 'NW-BPAT', 'NW-PACW', 'SE-SOCO', 'CAR-DUK'].map(
        (key) => `US-${key}`,
      ),
      ...['FLA-FPL', 'TEN-TVA', 'SW-SRP', 'SW-AZPS', 'NY-NYIS', 'NE-ISNE', 'CENT-SWPP', 'NW-PGE'].map(
        (key) => `US-${key}`,
      ),
    ];
    expect(zones).toHaveLength(60);
    await use(zones);
    const providers = intensityProviders(KEYS);
    const HOURS = 3;
    const hosts = new Map<string, number[]>();
    let logins = 0;
    for (let minute = 0; minute < HOURS * 60; minute += 5) {
      const five: string[] = [];
      for (const [turn, job] of [refreshGrid, rereadGrid, refreshForecasts].entries()) {
        const { fetch, asked } = fetchOf(answering());
        const nowMs = START_MS + (minute + turn) * MINUTE_MS;
        await job({ db: database, providers, fetch, nowMs, maxReplies: MAX_REPLIES_PER_RUN[plan] });
        expect(asked.length).toBeLessThanOrEqual(mostOfRun);
        five.push(...asked.map(({ hostname }) => hostname));
        logins = Math.max(logins, asked.filter(({ pathname }) => pathname === '/login').length);
      }
      for (const host of new Set(five))
        hosts.set(host, [...(hosts.get(host) ?? []), five.filter((one) => one === host).length]);
    }
    const most = (host: string) => Math.max(...hosts.get(host)!);
    const sum = (host: string) => hosts.get(host)!.reduce((total, count) => total + count, 0);
    // Published: 40 in ten seconds; 400 a minute; 3,000 and 100 logins in five minutes; 50,000 a month. Here: in five minutes.
    expect(most('api.energidataservice.dk')).toBeLessThanOrEqual(40);
    expect(most('web-api.tp.entsoe.eu')).toBeLessThanOrEqual(400);
    expect(most('api.watttime.org')).toBeLessThanOrEqual(3_000);
    expect(logins).toBeLessThanOrEqual(100);
    expect((sum('odre.opendatasoft.com') / HOURS) * 24 * 31).toBeLessThanOrEqual(50_000);
    // Where nothing is published, or it depends on what was bought.
    for (const host of hosts.keys()) expect([host, most(host) <= mostOfService]).toEqual([host, true]);
  },
);

/** Each service whose reply holds several zones, with two of them and the service's own names of those. */
const together = [
  ['energi-data-service', 'DK-DK1', 'DK-DK2', 'DK1', 100],
  ['eia', 'US-CAL-CISO', 'US-TEX-ERCO', 'CISO', 490],
  ['eia-direct', 'US-CAL-CISO', 'US-TEX-ERCO', 'CISO', 370],
  ['open-electricity', 'AU-NSW', 'AU-VIC', 'NSW1', 490],
  ['open-electricity-direct', 'AU-NSW', 'AU-VIC', 'NSW1', 370],
  ['uk-regional', 'GB-LONDON', 'GB-SCOTLAND', '13', 100],
  ['uk-regional-mix', 'GB-LONDON', 'GB-SCOTLAND', '13', 490],
] as const;

async function ask(
  name: string,
  gridZone: string,
  zones: readonly string[],
  answer: Answer,
): Promise<FetchOutcome> {
  const { fetch } = fetchOf(answer);
  const request = {
    gridZone,
    gridZonesOfReply: [...zones].sort(),
    fromMs: epochMs(START_MS - 3_600_000),
    toMs: epochMs(START_MS),
    nowMs: epochMs(START_MS),
  };
  return named(name)[0]!.fetchSeries(request, createProviderHttp({ fetch, nowMs: START_MS }));
}

describe.each(together)('%s', (name, first, second, place, grams) => {
  const zones = [first, second];

  test('each zone takes its own, and what is wrong with one is none of the other', async () => {
    const good = answering();
    expect(await ask(name, first, zones, good)).toMatchObject({
      values: [{ gramsPerKwh: grams }],
      refused: [],
    });
    for (const [kind, { value }] of Object.entries(shapedGarbage)) {
      if (value === undefined || (grams !== 100 && kind === 'a value beyond any grid')) continue;
      if (name.startsWith('eia') && kind === 'a value as text') continue;
      const answer = answering((of) => (of === place ? value : 100));
      expect([kind, (await ask(name, first, zones, answer)).outcome]).toEqual([
        kind,
        expect.stringMatching(/failed|noData/),
      ]);
      expect([kind, await ask(name, second, zones, answer)]).toEqual([
        kind,
        expect.objectContaining({
          outcome: 'values',
          values: [expect.objectContaining({ gramsPerKwh: grams })],
        }),
      ]);
    }
  });

  test('a reply without the zone is none of it', async () => {
    // The answer to whoever asks for the second one alone.
    const { fetch, asked } = fetchOf(answering());
    const request = {
      gridZone: second,
      fromMs: epochMs(START_MS - 3_600_000),
      toMs: epochMs(START_MS),
      nowMs: epochMs(START_MS),
    };
    await named(name)[0]!.fetchSeries(request, createProviderHttp({ fetch, nowMs: START_MS }));
    const other = await answering()(asked[0]!, new Headers());
    expect((await ask(name, first, zones, () => other)).outcome).toMatch(/^(failed|noData)$/);
  });

  test.each(Object.entries(anyGarbage))('%s is no value', async (_, answer) => {
    for (const zone of zones) expect((await ask(name, zone, zones, answer)).outcome).toBe('failed');
  });
});

test('one bad series of a reply is told of itself; the service has answered', async () => {
  await use(['DK-DK1', 'DK-DK2']);
  const providers = named('energi-data-service');
  for (const minutes of [0, 5]) await run(refreshGrid, providers, minutes);
  const { results } = await run(
    refreshGrid,
    providers,
    10,
    answering((area) => (area === 'DK1' ? -1 : 100)),
  );
  expect(results.map(({ gridZone, outcome }) => [gridZone, outcome])).toEqual([
    ['DK-DK1', 'failed'],
    ['DK-DK2', 'values'],
  ]);
  expect(await database.prepare('SELECT count(*) AS count FROM grid_services').first()).toEqual({ count: 0 });
});
