/** What our own forecasts learn, over a real D1: in steps, once, whoever runs beside, and never wrong for ever. */
import { beforeEach, expect, test } from 'vitest';
import { Forecaster, STATE_LENGTH } from '../../../shared/grid/forecast/forecaster.ts';
import { usualIntensity } from '../../../shared/grid/forecast/hourly-series.ts';
import { firstDayEnd, learnDays } from '../../../shared/grid/forecast-learning.ts';
import { DAY_MS, HOUR_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { readFetches } from '../../../worker/storage/grid-fetches.ts';
import {
  type ForecastStateHead,
  readForecastState,
  readForecastStateHeads,
} from '../../../worker/storage/grid-forecast-states.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { generationAt } from '../../../worker/use-cases/grid-forecast-learn.ts';
import { makeForecasts } from '../../../worker/use-cases/grid-forecast-own.ts';
import { database } from '../ingest/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';
import { ensureSite } from '../support/enrolment.ts';

/** Two days into a generation. */
const START_MS = (generationAt(Date.parse('2026-03-10T00:00:00Z')) * 28 + 2) * DAY_MS;
const SERIES = {
  gridZone: 'DE',
  basis: 'direct',
  signal: 'average',
  scope: 'consumption',
  provider: 'a-provider',
} as const;
const SINCE_MS = START_MS - 40 * DAY_MS;
/** After the start of each step: a tick of the cron. */
const TICK_MS = 300_000;

/** Sun and weather; an hour here and there is not known, one is zero, one is as dirty as a value may be. */
function grams(hour: number): number {
  if ([300, 301, 555, 1_000].includes(hour)) return Number.NaN;
  if (hour === 700) return 0;
  if (hour === 710) return 2_000;
  return 300 + 90 * Math.cos(hour / 3.82) + 60 * Math.sin(hour / 31.7) + 20 * Math.sin(hour * hour);
}

/** Stores hours, counted from the beginning of the history. */
async function known(fromHour: number, toHour: number, changed = grams): Promise<void> {
  const hours = Array.from({ length: toHour - fromHour }, (_, index) => fromHour + index);
  const values = hours
    .filter((hour) => !Number.isNaN(changed(hour)))
    .map((hour) => ({
      startMs: epochMs(SINCE_MS + hour * HOUR_MS),
      endMs: epochMs(SINCE_MS + (hour + 1) * HOUR_MS),
      gramsPerKwh: gramsPerKwh(changed(hour)),
      kind: 'measured' as const,
      method: null,
      issuedAtMs: null,
    }));
  await storeValues(database, SERIES, values, SINCE_MS + toHour * HOUR_MS);
}

/** Ticks until there is nothing to do. */
async function untilDone(fromMs: number, on = database): Promise<string[]> {
  const methods: string[] = [];
  for (let nowMs = fromMs; ; nowMs += TICK_MS) {
    const before = await readForecastStateHeads(database);
    const made = await makeForecasts(on, nowMs);
    methods.push(...made.map(({ method }) => method ?? 'none'));
    const after = await readForecastStateHeads(database);
    if (made.length === 0 && JSON.stringify(after) === JSON.stringify(before)) return methods;
  }
}

/** What a generation knows that learns all stored hours at once. */
function atOnce(head: ForecastStateHead, of = grams): Float64Array {
  const hours = Float64Array.from({ length: head.learnedUntilHour - head.sinceHour }, (_, hour) => of(hour));
  const forecaster = new Forecaster();
  learnDays(
    forecaster,
    { startHour: head.sinceHour, gramsPerKwh: hours },
    {
      unitGramsPerKwh: head.unitGramsPerKwh,
      watchedFromHour: (head.generation * 28 - 30) * 24,
    },
    { firstHour: firstDayEnd(head.sinceHour, head.hourOfDay), lastHour: head.learnedUntilHour },
  );
  return forecaster.state;
}
function distance(a: Float64Array, b: Float64Array): number {
  const scale = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return a.reduce(
    (most, value, index) =>
      Math.max(most, Math.abs(value - b[index]!) / Math.max(Math.abs(value), 1e-6 * scale)),
    0,
  );
}
const heads = () => readForecastStateHeads(database);
const dump = async () =>
  (await database.prepare('SELECT * FROM grid_forecast_states ORDER BY key').all()).results;
const reset = (...tables: readonly string[]) =>
  database.batch(tables.map((table) => database.prepare(`DELETE FROM ${table}`)));

beforeEach(async () => {
  await reset(
    'grid_values',
    'grid_revisions',
    'grid_series',
    'grid_fetches',
    'grid_services',
    'grid_forecasts',
    'grid_forecast_states',
  );
  await ensureSite('berlin', 'DE');
});

test('learned day by day and in leaps, by lone and by doubled runs: it is what is learned at once, to 1e-12', async () => {
  await known(0, 40 * 24);
  const first = await untilDone(START_MS + 60_000);
  expect(first).toEqual(['usual day and the last hours, from 40 days of a-provider']);
  expect((await heads()).map(({ hourOfDay, version }) => [hourOfDay, version])).toEqual([
    [0, 1],
    [6, 1],
    [12, 1],
    [18, 1],
  ]);

  // Two days in single slots, doubled; then the cron was away for five days.
  for (let hour = 40 * 24; hour < 42 * 24; hour += 6) {
    await known(hour, hour + 6);
    const nowMs = SINCE_MS + (hour + 6) * HOUR_MS + 60_000;
    const [one, two] = await Promise.all([makeForecasts(database, nowMs), makeForecasts(database, nowMs)]);
    expect(one).toEqual(two);
    expect(one).toMatchObject([{ method: expect.stringMatching(/^learned, from 4\d days of a-provider$/) }]);
  }
  await known(42 * 24, 47 * 24);
  await untilDone(SINCE_MS + 47 * DAY_MS + 60_000);

  for (const head of await heads()) {
    expect(head.learnedUntilHour).toBeGreaterThanOrEqual(SINCE_MS / HOUR_MS + 46 * 24);
    const state = await readForecastState(database, head);
    expect(distance(atOnce(head), state!)).toBeLessThan(1e-12);
  }
});

test('two runs at once learn a step once, and one that comes late changes nothing', async () => {
  await known(0, 40 * 24);
  await makeForecasts(database, START_MS + 60_000);
  await Promise.all([1, 2].map(() => makeForecasts(database, START_MS + 2 * TICK_MS)));
  const [head, ...others] = await heads();
  expect(others).toEqual([]);
  expect(head).toMatchObject({ version: 1, learnedUntilHour: SINCE_MS / HOUR_MS + 40 * 24 });
  expect(distance(atOnce(head!), (await readForecastState(database, head!))!)).toBe(0);
  expect(await readForecastState(database, { ...head!, version: 2 })).toBeNull();
});

test('it is stored in one value that the database takes, in few queries a run', async () => {
  await known(0, 40 * 24);
  const { database: recording, recorded } = recordingDatabase(database);
  await makeForecasts(recording, START_MS + 60_000);
  const afterIssue = recorded.length;
  await makeForecasts(recording, START_MS + 2 * TICK_MS);
  expect(afterIssue).toBeLessThanOrEqual(14);
  expect(recorded.length - afterIssue).toBeLessThanOrEqual(14);
  const row = await database.prepare('SELECT length(state) AS length FROM grid_forecast_states').first();
  expect(row).toEqual({ length: 4 * Math.ceil((8 * STATE_LENGTH) / 3) });
  expect(row!.length as number).toBeLessThan(2_000_000);
  const hours = Float64Array.from({ length: 40 * 24 }, (_, hour) => grams(hour));
  expect((await heads())[0]!.unitGramsPerKwh).toBe(usualIntensity(hours));
});

test('with less than 30 days nothing is learned', async () => {
  await known(0, 29 * 24);
  await untilDone(SINCE_MS + 29 * DAY_MS + 60_000);
  expect(await heads()).toEqual([]);
});

test('what another model learned is not used, and is learned anew', async () => {
  await known(0, 40 * 24);
  await untilDone(START_MS + 60_000);
  const learned = await dump();
  await database.prepare(`UPDATE grid_forecast_states SET model = '0/7', version = 9, state = 'AAAA'`).run();
  await reset('grid_fetches', 'grid_forecasts');
  expect(await untilDone(START_MS + 120_000)).toEqual([expect.stringMatching(/^usual day/)]);
  expect(await dump()).toEqual(learned);
});

test('a value revised after it was learned is learned by the next generation, and until that has caught up the old one serves', async () => {
  await known(0, 40 * 24);
  await untilDone(START_MS + 60_000);
  const revised = (hour: number) => (hour === 600 ? 900 : grams(hour));
  await known(600, 601, revised);
  const [old] = await heads();
  expect(distance(atOnce(old!), (await readForecastState(database, old!))!)).toBe(0);

  const nextMs = (old!.generation + 1) * 28 * DAY_MS;
  const hours = (nextMs - SINCE_MS) / HOUR_MS;
  await known(40 * 24, hours - 24);
  await untilDone(nextMs - DAY_MS + 60_000);
  await known(hours - 24, hours);
  const made = await makeForecasts(database, nextMs + 60_000);
  expect(made).toMatchObject([{ method: expect.stringMatching(/^learned/) }]);
  expect((await heads()).every(({ generation }) => generation === old!.generation)).toBe(true);
  await untilDone(nextMs + TICK_MS);
  const next = (await heads()).filter(({ generation }) => generation === old!.generation + 1);
  expect(next).toHaveLength(4);
  for (const head of next) {
    const state = (await readForecastState(database, head))!;
    expect(distance(atOnce(head, revised), state)).toBeLessThan(1e-12);
    expect(distance(atOnce(head), state)).toBeGreaterThan(1e-9);
  }
});

test('a run that is cut off while it learns is tried twice, then once a day, and blocks no forecast', async () => {
  await known(0, 40 * 24);
  await makeForecasts(database, START_MS + 60_000);
  // Cut off: the platform ends the run while it waits for the hours.
  const cutOff = new Proxy(database, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (name === 'prepare')
        return (sql: string) => {
          if (sql.includes('avg(')) throw new Error('exceeded CPU time limit');
          return target.prepare(sql);
        };
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const state = async () =>
    (await readFetches(database)).find(({ provider }) => provider === 'wattshed learning direct average');
  for (const tick of [2, 3])
    await expect(makeForecasts(cutOff, START_MS + tick * TICK_MS)).rejects.toThrow('CPU');
  expect(await state()).toMatchObject({
    consecutiveFailures: 2,
    lastError: expect.stringContaining('cut off'),
    nextDueAtMs: START_MS + 3 * TICK_MS + DAY_MS,
  });
  expect(await makeForecasts(cutOff, START_MS + 4 * TICK_MS)).toEqual([]);
  expect(await heads()).toEqual([]);
  await known(40 * 24, 41 * 24);
  expect(await makeForecasts(database, START_MS + DAY_MS + 60_000)).toMatchObject([
    { method: expect.stringMatching(/^usual day/) },
  ]);
  await makeForecasts(database, START_MS + DAY_MS + 4 * TICK_MS);
  expect(await state()).toMatchObject({ consecutiveFailures: 0 });
  expect(await heads()).toHaveLength(1);
});
