/** Values of different lengths and kinds in one series: what gives way to what, and what is said of it. */
import { env } from 'cloudflare:test';
import { beforeEach, expect, test } from 'vitest';
import { intensityResolver } from '../../../shared/grid/resolve.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { readIntensity } from '../../../worker/storage/grid.ts';
import { readIntensitiesAsKnown } from '../../../worker/storage/grid-as-known.ts';
import { readHours } from '../../../worker/storage/grid-forecasts.ts';
import {
  findOrAddSeries,
  type StoredValue,
  storeSeries,
  storeValues,
} from '../../../worker/storage/grid-writes.ts';

const database = (env as unknown as { DB: D1Database }).DB;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOON_MS = Date.parse('2026-03-10T12:00:00Z');
const QUERY = { gridZone: 'SE-SE4', basis: 'lifecycle', signal: 'average' } as const;
const SERIES = { ...QUERY, scope: 'production', provider: 'a-provider' } as const;

function value(
  minutes: number,
  lengthMinutes: number,
  grams: number,
  kind: StoredValue['kind'],
): StoredValue {
  const startMs = NOON_MS + minutes * MINUTE_MS;
  return {
    startMs: epochMs(startMs),
    endMs: epochMs(startMs + lengthMinutes * MINUTE_MS),
    gramsPerKwh: gramsPerKwh(grams),
    kind,
    method: null,
    issuedAtMs: null,
  };
}
const quarters = (minutes: readonly number[], kind: StoredValue['kind'] = 'measured') =>
  minutes.map((minute) => value(minute, 15, 100 + minute, kind));

/** `afterMinutes`: when, after noon; four hours later the ordinary course is over. */
const store = (values: readonly StoredValue[], afterMinutes = 90) =>
  storeValues(database, SERIES, values, NOON_MS + afterMinutes * MINUTE_MS);

const range = { ...QUERY, fromMs: NOON_MS, toMs: NOON_MS + HOUR_MS };
const said = (points: Awaited<ReturnType<typeof readIntensity>>) =>
  points.map(({ startMs, endMs, gramsPerKwh: grams, kind }) => [
    (startMs - NOON_MS) / MINUTE_MS,
    (endMs - startMs) / MINUTE_MS,
    grams,
    kind,
  ]);
const stored = async () => said(await readIntensity(database, range));
/** What the four quarters of the hour are charged with. */
async function charged() {
  const resolve = intensityResolver(QUERY, await readIntensity(database, range));
  return [0, 15, 30, 45].map((minute) => resolve(NOON_MS + minute * MINUTE_MS)?.gramsPerKwh);
}
const rows = async (table: string) =>
  (await database.prepare(`SELECT * FROM ${table}`).all<Record<string, unknown>>()).results;

beforeEach(async () => {
  await database.batch(
    ['grid_values', 'grid_revisions', 'grid_series', 'changes'].map((name) =>
      database.prepare(`DELETE FROM ${name}`),
    ),
  );
});

test('an estimated hour replaces none of the measured quarters beneath it', async () => {
  const measured = quarters([0, 15, 30, 45]);
  await store(measured);
  expect(await store([value(0, 60, 500, 'estimated')], 91)).toEqual({ written: 0, revised: 0 });
  expect(await stored()).toHaveLength(4);
  expect(await charged()).toEqual([100, 115, 130, 145]);
  expect(await rows('grid_revisions')).toEqual([]);
});

test('it stands where nothing is measured, and the measured quarters beneath it hold', async () => {
  await store(quarters([15, 30, 45]));
  expect(await store([value(0, 60, 500, 'estimated')], 91)).toEqual({ written: 1, revised: 0 });
  expect(await stored()).toHaveLength(4);
  expect(await charged()).toEqual([500, 115, 130, 145]);
  expect(await rows('grid_revisions')).toEqual([]);
});

test('where it is refused for a better value at its own start, it takes nothing else away either', async () => {
  await store([...quarters([0]), ...quarters([15, 30], 'estimated')]);
  expect(await store([value(0, 60, 500, 'estimated')], 91)).toEqual({ written: 0, revised: 0 });
  expect(await charged()).toEqual([100, 115, 130, 130]);
  expect(await stored()).toHaveLength(3);
});

test('a measured hour replaces estimated quarters and no measured one of them, each as a revision', async () => {
  await store([...quarters([15]), ...quarters([30, 45], 'estimated')]);
  expect(await store([value(0, 60, 500, 'measured')], 91)).toEqual({ written: 1, revised: 3 });
  expect(await charged()).toEqual([500, 500, 500, 500]);
  expect(await rows('grid_revisions')).toMatchObject([
    { old_grams_per_kwh: 115, old_kind: 'measured', old_duration_ms: 15 * MINUTE_MS, new_grams_per_kwh: 500 },
    { old_grams_per_kwh: 130, old_kind: 'estimated', new_kind: 'measured' },
    { old_grams_per_kwh: 145, old_kind: 'estimated', new_kind: 'measured' },
  ]);
});

test('whatever is replaced beneath a longer value is in the change log too, and asOf knows it', async () => {
  await store(quarters([15, 30, 45]));
  const beforeMs = NOON_MS + 90 * MINUTE_MS;
  await store([value(0, 60, 500, 'measured')], 91);
  const [logged, ...others] = await rows('changes');
  expect(others).toEqual([]);
  expect(logged).toMatchObject({
    who: 'grid:a-provider',
    what: 'intensity',
    subject: 'grid:SE-SE4',
    effective_from_ms: NOON_MS,
    effective_to_ms: NOON_MS + HOUR_MS,
  });
  expect(JSON.parse(logged!.old_value as string)).toMatchObject({ values: 3, meanGramsPerKwh: 130 });
  expect(JSON.parse(logged!.new_value as string)).toMatchObject({ values: 1, meanGramsPerKwh: 500 });
  const { gridZone, ...times } = range;
  const known = await readIntensitiesAsKnown(database, { ...times, gridZones: [gridZone] }, beforeMs);
  expect(said(known.get(gridZone)!)).toEqual([
    [15, 15, 115, 'measured'],
    [30, 15, 130, 'measured'],
    [45, 15, 145, 'measured'],
  ]);
});

test('several series at once: each has its own values, revisions and entry in the change log, or none where it is as it was', async () => {
  const other = { ...SERIES, basis: 'direct', provider: 'a-provider-direct' } as const;
  const elsewhere = { ...SERIES, gridZone: 'SE-SE3' } as const;
  const storeAll = (grams: readonly number[], afterMinutes: number) =>
    storeSeries(
      database,
      [SERIES, other, elsewhere].map((series, index) => ({
        series,
        values: [0, 15].map((minutes) => value(minutes, 15, grams[index]! + minutes, 'measured')),
      })),
      NOON_MS + afterMinutes * MINUTE_MS,
    );
  expect(await storeAll([100, 200, 300], 90)).toEqual({ written: 6, revised: 0 });
  expect(await rows('changes')).toEqual([]);
  expect(await storeAll([100, 250, 360], 95)).toEqual({ written: 4, revised: 4 });
  expect((await stored()).map(([, , grams]) => grams)).toEqual([100, 115]);
  expect((await rows('grid_revisions')).map((row) => [row.old_grams_per_kwh, row.new_grams_per_kwh])).toEqual(
    [
      [200, 250],
      [215, 265],
      [300, 360],
      [315, 375],
    ],
  );
  const said = (await rows('changes')).map((row) => [
    row.who,
    row.subject,
    JSON.parse(row.old_value as string),
    JSON.parse(row.new_value as string),
  ]);
  const kept = { signal: 'average', scope: 'production', values: 2 };
  const direct = { ...kept, provider: 'a-provider-direct', basis: 'direct' };
  const lifecycle = { ...kept, provider: 'a-provider', basis: 'lifecycle' };
  expect(said).toEqual([
    [
      'grid:a-provider-direct',
      'grid:SE-SE4',
      { ...direct, meanGramsPerKwh: 207.5 },
      { ...direct, meanGramsPerKwh: 257.5 },
    ],
    [
      'grid:a-provider',
      'grid:SE-SE3',
      { ...lifecycle, meanGramsPerKwh: 307.5 },
      { ...lifecycle, meanGramsPerKwh: 367.5 },
    ],
  ]);
  expect(await storeAll([100, 250, 360], 100)).toEqual({ written: 0, revised: 0 });
  expect(await rows('changes')).toHaveLength(2);
});

test('an hour that a longer value and shorter ones share is still one hour to a forecast', async () => {
  await store(quarters([15, 30, 45]));
  await store([value(0, 60, 500, 'estimated'), value(60, 60, 300, 'measured')], 91);
  const id = await findOrAddSeries(database, SERIES);
  const hours = await readHours(database, id, { fromMs: NOON_MS, toMs: NOON_MS + 2 * HOUR_MS });
  expect([...hours]).toEqual([(500 + 115 + 130 + 145) / 4, 300]);
});

test('a value of several hours gives way where a shorter one lies beneath it, and there alone', async () => {
  await store([...quarters([15]), value(0, 180, 500, 'estimated'), value(60, 60, 300, 'measured')], 91);
  const id = await findOrAddSeries(database, SERIES);
  const hours = await readHours(database, id, { fromMs: NOON_MS, toMs: NOON_MS + 3 * HOUR_MS });
  expect([...hours]).toEqual([(3 * 500 + 115) / 4, 300, 500]);
});
