/**
 * Our own forecast of every zone in use, on each basis and signal that has a stored series: made four times a day from the
 * hours stored so far and nothing else, so that a run that was missed, doubled or cut off changes nothing.
 */
import { trainUntil } from '../../shared/grid/forecast/forecaster.ts';
import { HourlySeries, usualIntensity } from '../../shared/grid/forecast/hourly-series.ts';
import { PROFILE_LEAST_HOURS, profileForecast } from '../../shared/grid/profile-forecast.ts';
import { USER_PROVIDER } from '../../shared/grid/resolve.ts';
import { DAY_MS, HOUR_MS, hourStart } from '../../shared/time/window.ts';
import { readFetches, type StoredFetch, writeFetches } from '../storage/grid-fetches.ts';
import {
  type Issue,
  keepForecast,
  readHours,
  readSeriesReach,
  type SeriesReach,
} from '../storage/grid-forecasts.ts';
import { findOrAddSeries } from '../storage/grid-writes.ts';
import { ownIssue } from './grid-forecast-issue.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

/** Provider name of the forecasts that are made here. */
export const OWN_PROVIDER = 'wattshed';

const SLOT_MS = 6 * HOUR_MS;
/** One a run: with a year of history it is seconds of work. */
const MAX_PER_RUN = 1;
/** A series without a newer value says nothing of tomorrow. */
export const STALE_MS = DAY_MS;
/** From here on what is learned beats the usual day; measured on 14 zones (docs/decisions/0003-forecast.md). */
export const LEARN_FROM_DAYS = 240;
/** What two years more would add is less than what they would cost. */
const LEARN_MOST_DAYS = 730;
/** What the usual day and its back-test look at. */
const PROFILE_READ_DAYS = 42;
/** A run that is cut off for its CPU time (10 ms on the free plan) leaves its attempt behind; after so many the simple way is taken. */
const MAX_ATTEMPTS = 2;

interface Due {
  readonly stateName: string;
  readonly gridZone: string;
  readonly candidates: readonly SeriesReach[];
  readonly previous: StoredFetch | null;
}

export interface OwnForecastResult {
  readonly gridZone: string;
  readonly basis: string;
  readonly signal: string;
  /** Null where none could be made; the reason is in `grid_fetches`. */
  readonly method: string | null;
}

/** How it stands with our own forecast of a zone, in `grid_fetches`. */
export const ownStateName = (basis: string, signal: string) => `${OWN_PROVIDER} forecast ${basis} ${signal}`;

/** One run. */
export async function makeForecasts(db: D1Database, nowMs: number): Promise<OwnForecastResult[]> {
  const results: OwnForecastResult[] = [];
  for (const due of await dueOwn(db, nowMs)) results.push(await makeOne(db, due, nowMs));
  return results;
}

async function dueOwn(db: D1Database, nowMs: number): Promise<Due[]> {
  const zones = await gridZonesInUse(db, nowMs);
  const reach = { fromMs: nowMs - LEARN_MOST_DAYS * DAY_MS, toMs: nowMs };
  const [series, fetches] = await Promise.all([readSeriesReach(db, zones, reach), readFetches(db)]);
  const stored = series.filter(({ provider, newestMs }) => provider !== OWN_PROVIDER && newestMs !== null);
  const groups = new Map<string, SeriesReach[]>();
  for (const one of stored) {
    const key = `${one.gridZone} ${one.basis} ${one.signal}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()]
    .map((candidates) => {
      const { gridZone, basis, signal } = candidates[0]!;
      const stateName = ownStateName(basis, signal);
      const previous = fetches.find((row) => row.provider === stateName && row.gridZone === gridZone) ?? null;
      return { stateName, gridZone, candidates, previous };
    })
    .filter(({ previous }) => previous === null || previous.nextDueAtMs <= nowMs)
    .sort((a, b) => (a.previous?.nextDueAtMs ?? 0) - (b.previous?.nextDueAtMs ?? 0))
    .slice(0, MAX_PER_RUN);
}

async function makeOne(db: D1Database, due: Due, nowMs: number): Promise<OwnForecastResult> {
  const { gridZone, stateName, previous, candidates } = due;
  const { basis, signal } = candidates[0]!;
  const slotMs = Math.floor(nowMs / SLOT_MS) * SLOT_MS;
  const state = {
    provider: stateName,
    gridZone,
    lastOkAtMs: previous?.lastOkAtMs ?? null,
    lastErrorAtMs: previous?.lastErrorAtMs ?? null,
    lastError: previous?.lastError ?? null,
    consecutiveFailures: 0,
  };
  const noForecast = async (reason: string) => {
    const failed = { ...state, lastErrorAtMs: nowMs, lastError: `no data: ${reason}` };
    await writeFetches(db, [{ ...failed, nextDueAtMs: nowMs + HOUR_MS }]);
    return { gridZone, basis, signal, method: null };
  };

  const source = sourceOf(candidates, nowMs);
  if (source === null) return noForecast(`no series has a value of the last ${STALE_MS / HOUR_MS} hours`);
  const attempts = previous?.consecutiveFailures ?? 0;
  const mayLearn = nowMs - source.oldestMs! >= LEARN_FROM_DAYS * DAY_MS && attempts < MAX_ATTEMPTS;
  if (mayLearn) {
    const attempt = { lastErrorAtMs: nowMs, lastError: 'failed: a run was cut off while it learned' };
    await writeFetches(db, [{ ...state, ...attempt, consecutiveFailures: attempts + 1, nextDueAtMs: nowMs }]);
  }
  const days = mayLearn ? LEARN_MOST_DAYS : PROFILE_READ_DAYS;
  const fromMs = hourStart(Math.max(source.oldestMs!, nowMs - days * DAY_MS));
  const hours = await readHours(db, source.id, { fromMs, toMs: nowMs });
  const issue =
    (mayLearn ? learned(hours, fromMs, source, nowMs) : null) ?? usual(hours, fromMs, source, nowMs);
  if (issue === null)
    return noForecast(`less than ${PROFILE_LEAST_HOURS} hours of ${source.provider} are known`);

  const { scope } = source;
  const seriesId = await findOrAddSeries(db, { gridZone, basis, signal, scope, provider: OWN_PROVIDER });
  await keepForecast(db, seriesId, slotMs, issue);
  await writeFetches(db, [{ ...state, lastOkAtMs: nowMs, nextDueAtMs: slotMs + SLOT_MS }]);
  return { gridZone, basis, signal, method: issue.method };
}

/** One series alone, since two would meet in a jump: the user's, consumption, then the longest; null where all are stale. */
function sourceOf(candidates: readonly SeriesReach[], nowMs: number): SeriesReach | null {
  const [best] = candidates
    .filter(({ newestMs }) => nowMs - newestMs! <= STALE_MS)
    .sort(
      (a, b) =>
        Number(b.provider === USER_PROVIDER) - Number(a.provider === USER_PROVIDER) ||
        Number(a.scope === 'production') - Number(b.scope === 'production') ||
        a.oldestMs! - b.oldestMs! ||
        a.id - b.id,
    );
  return best ?? null;
}

function learned(hours: Float64Array, fromMs: number, source: SeriesReach, nowMs: number): Issue | null {
  const series = new HourlySeries(fromMs / HOUR_MS, hours, usualIntensity(hours));
  const forecast = trainUntil(series, hours.length).forecast(series, hours.length);
  return (
    forecast && ownIssue(forecast, fromMs + hours.length * HOUR_MS, describe('learned', hours, source), nowMs)
  );
}

function usual(hours: Float64Array, fromMs: number, source: SeriesReach, nowMs: number): Issue | null {
  const forecast = profileForecast(hours);
  const method = describe('usual day and the last hours', hours, source);
  return forecast && ownIssue(forecast, fromMs + hours.length * HOUR_MS, method, nowMs);
}

function describe(how: string, hours: Float64Array, { provider }: SeriesReach): string {
  const days = hours.length / 24;
  return `${how}, from ${days < 10 ? days.toFixed(1) : Math.round(days)} days of ${provider}`;
}
