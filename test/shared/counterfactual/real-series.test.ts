/** A year of Denmark and South Africa, hour by hour as recorded: jobs replayed over it, against a reference by the hour. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { spotByForecast } from '../../../shared/counterfactual/by-forecast.ts';
import { intensityTable } from '../../../shared/counterfactual/intensity-table.ts';
import { LoadBook } from '../../../shared/counterfactual/load.ts';
import { chargeAt, type Moves, movesOf } from '../../../shared/counterfactual/move.ts';
import { intensityResolver } from '../../../shared/grid/resolve.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';

const START_MS = Date.UTC(2023, 11, 1);
const hoursOf = (name: string) =>
  readFileSync(
    new URL(`../../fixtures/grid-history/${name}-2023-12-to-2024-12-hourly.txt`, import.meta.url),
    'utf8',
  )
    .trim()
    .split('\n')
    .map(Number);
const RECORDED = { DK: hoursOf('dk'), ZA: hoursOf('za') } as const;
type Zone = keyof typeof RECORDED;
const END_MS = START_MS + RECORDED.DK.length * HOUR_MS;

const tables = new Map(
  (['DK', 'ZA'] as const).map((gridZone) => {
    const points = RECORDED[gridZone].map((value, hour) => ({
      startMs: epochMs(START_MS + hour * HOUR_MS),
      endMs: epochMs(START_MS + (hour + 1) * HOUR_MS),
      gramsPerKwh: gramsPerKwh(value),
      kind: 'measured' as const,
      provider: 'recorded',
      method: null,
      issuedAtMs: null,
      fetchedAtMs: epochMs(START_MS),
    }));
    const resolve = intensityResolver({ gridZone, basis: 'lifecycle', signal: 'average' }, points);
    return [gridZone, intensityTable(resolve, START_MS, END_MS)] as const;
  }),
);
const tableOf = (gridZone: string) => tables.get(gridZone as Zone) ?? null;
const intensityAt = (zone: Zone, windowStartMs: number) =>
  RECORDED[zone][Math.floor((windowStartMs - START_MS) / HOUR_MS)]!;

const PUE_RATIO = 1.2;
const SLACK_MS = DAY_MS;
/** A training run in kW, hour by hour: warm-up, plateau, a checkpoint that waits for storage, plateau, evaluation. */
const POWER_KW = [3.1, 5.6, 5.6, 0.4, 5.5, 1.2];
/** Every 43 hours, so that starts fall on every hour of the day and on every day of the week. */
const STARTS = Array.from({ length: 200 }, (_, i) => START_MS + DAY_MS + i * 43 * HOUR_MS);

function jobFrom(startMs: number) {
  const book = new LoadBook();
  POWER_KW.forEach((kilowatts, hour) => {
    for (let window = 0; window < WINDOWS_PER_HOUR; window++)
      book.add(
        startMs + hour * HOUR_MS + window * WINDOW_MS,
        { energyMillijoules: kilowatts * 300_000_000, recoveredMillijoules: 0, kind: 'counter' },
        { gridZone: 'DK', pueRatio: PUE_RATIO },
      );
  });
  const load = book.toLoad();
  return { load, latestStartMs: startMs + SLACK_MS, gridZones: ['ZA'], tableOf };
}

/** kWh of each five minutes x the hour that they fall in. */
function reference(startMs: number, zone: Zone): number {
  let grams = 0;
  for (let window = 0; window < POWER_KW.length * WINDOWS_PER_HOUR; window++) {
    const kilowatts = POWER_KW[Math.floor(window / WINDOWS_PER_HOUR)]!;
    grams += (kilowatts / WINDOWS_PER_HOUR) * PUE_RATIO * intensityAt(zone, startMs + window * WINDOW_MS);
  }
  return grams;
}

const close = (actual: number, expected: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * expected);

test('what was emitted and the best of all starts agree with the reference, over a year', () => {
  let emitted = 0;
  let saved = 0;
  for (const startMs of STARTS) {
    const moves: Moves = movesOf(jobFrom(startMs))!;
    close(moves.stayed.grams, reference(startMs, 'DK'));
    let least = Number.POSITIVE_INFINITY;
    for (let start = startMs; start <= startMs + SLACK_MS; start += WINDOW_MS)
      least = Math.min(least, reference(start, 'DK'));
    close(moves.best.grams, least);
    close(reference(moves.best.startMs, 'DK'), moves.best.grams);
    // Coal in South Africa is never the better place than Denmark.
    expect(moves.inPlace).toEqual(moves.stayed);
    emitted += moves.stayed.grams;
    saved += moves.stayed.grams - moves.best.grams;
  }
  // A day of slack for six hours of work: the recorded year gives a third.
  expect(saved / emitted).toBeGreaterThan(0.2);
  expect(saved / emitted).toBeLessThan(0.5);
});

/** A forecast that takes the same hours `backMs` earlier for what is to come; 0: perfect. */
function forecastFrom(startMs: number, backMs: number, gridZone: Zone) {
  const steps = Array.from({ length: 48 }, (_, hour) => {
    const start = startMs + hour * HOUR_MS;
    const grams = intensityAt(gridZone, start - backMs);
    return {
      startMs: start,
      endMs: start + HOUR_MS,
      gramsPerKwh: grams,
      gramsPerKwhLow: grams * 0.999,
      gramsPerKwhHigh: grams * 1.001,
    };
  });
  return { gridZone, steps };
}

test("following a forecast never beats hindsight; yesterday's hours tell some of what was to come", () => {
  const saved = { hindsight: 0, perfect: 0, yesterday: 0 };
  for (const startMs of STARTS) {
    const question = jobFrom(startMs);
    const moves = movesOf(question)!;
    const byForecast = (backMs: number) => {
      const zones = (['DK', 'ZA'] as const).map((zone) => forecastFrom(startMs, backMs, zone));
      const spot = spotByForecast({ ...question, zones })!;
      expect(spot.gridZone).toBeNull();
      const { grams } = chargeAt(question.load, spot, tableOf);
      expect(grams).toBeGreaterThanOrEqual(moves.best.grams);
      return moves.stayed.grams - grams;
    };
    saved.hindsight += moves.stayed.grams - moves.best.grams;
    saved.perfect += byForecast(0);
    saved.yesterday += byForecast(DAY_MS);
  }
  // Even a perfect forecast does not know the profile of the job.
  expect(saved.perfect).toBeLessThan(saved.hindsight);
  expect(saved.perfect).toBeGreaterThan(0.9 * saved.hindsight);
  expect(saved.yesterday).toBeGreaterThan(0);
  expect(saved.yesterday).toBeLessThan(saved.perfect);
});

test('a forecast that does not cover the job where it ran tells nothing', () => {
  const startMs = STARTS[0]!;
  const question = jobFrom(startMs);
  const home = forecastFrom(startMs, 0, 'DK');
  const short = { ...home, steps: home.steps.slice(0, POWER_KW.length - 1) };
  expect(spotByForecast({ ...question, zones: [short, forecastFrom(startMs, 0, 'ZA')] })).toBeNull();
  expect(spotByForecast({ ...question, zones: [forecastFrom(startMs, 0, 'ZA'), home] })).toMatchObject({
    gridZone: 'DK',
  });
});
