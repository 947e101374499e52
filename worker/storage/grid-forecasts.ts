/** Forecasts as they were issued, newest by key; and the hours of a stored series that our own are made from. */
import type { Basis, Scope, Signal } from '../../shared/grid/intensity.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import { STEPS_PER_SERIES, startMsOf, startOf, valueKey } from './grid-keys.ts';
import { forgetReads } from './grid-recent.ts';
import type { SeriesIdentity } from './grid-writes.ts';

/** Long enough to see how good a forecast was; then it makes room. */
export const FORECAST_RETENTION_MS = 14 * DAY_MS;
/** Of these issues the errors of a provider are told: four a day. */
const RECORD_EVERY_STEPS = (6 * HOUR_MS) / WINDOW_MS;

export interface ForecastStep {
  readonly startMs: number;
  readonly endMs: number;
  readonly gramsPerKwh: number;
  /** 80 % of outcomes are expected between the two; null where nobody can tell yet. */
  readonly lowGramsPerKwh: number | null;
  readonly highGramsPerKwh: number | null;
}

export interface Issue {
  readonly issuedAtMs: number;
  readonly fetchedAtMs: number;
  readonly method: string | null;
  /** In order of time, of one length; hours without a value are left out. */
  readonly steps: readonly ForecastStep[];
}

export interface KeptForecast extends Issue {
  readonly provider: string;
  readonly scope: Scope;
}

interface IssueRow {
  readonly issuedAtMs: number;
  readonly fetchedAtMs: number;
  readonly method: string | null;
  readonly startMs: number;
  readonly stepMs: number;
  readonly steps: string;
}

const ISSUE_COLUMNS = `f.issued_at_ms AS issuedAtMs, f.fetched_at_ms AS fetchedAtMs, f.method AS method,
         f.start_ms AS startMs, f.step_ms AS stepMs, f.steps AS steps`;

/** CROSS JOIN fixes the order of the loops: tens of series, then one seek in each. */
const READ_NEWEST = `
  SELECT s.grid_zone AS gridZone, s.provider AS provider, s.scope AS scope, ${ISSUE_COLUMNS}
    FROM grid_series s
    CROSS JOIN grid_forecasts f ON f.key = (
      SELECT g.key FROM grid_forecasts g
       WHERE g.key >= s.id * ${STEPS_PER_SERIES} AND g.key < s.id * ${STEPS_PER_SERIES} + ?4 AND g.fetched_at_ms < ?5
       ORDER BY g.key DESC LIMIT 1)
   WHERE s.grid_zone IN (SELECT value FROM json_each(?1)) AND s.basis = ?2 AND s.signal = ?3
   ORDER BY s.provider, s.scope`;

/** The newest issue of every series of the zone, basis and signal that was here before the instant. */
export async function readForecasts(
  db: D1Database,
  query: { readonly gridZone: string; readonly basis: Basis; readonly signal: Signal },
  beforeMs: number,
): Promise<KeptForecast[]> {
  const { gridZone, ...series } = query;
  return (await readForecastsOf(db, { gridZones: [gridZone], ...series }, beforeMs)).get(gridZone) ?? [];
}

/** The same of many zones in one query; zones without any are missing. */
export async function readForecastsOf(
  db: D1Database,
  query: { readonly gridZones: readonly string[]; readonly basis: Basis; readonly signal: Signal },
  beforeMs: number,
): Promise<Map<string, KeptForecast[]>> {
  const { results } = await db
    .prepare(READ_NEWEST)
    .bind(
      JSON.stringify(query.gridZones),
      query.basis,
      query.signal,
      Math.ceil(beforeMs / WINDOW_MS),
      beforeMs,
    )
    .all<IssueRow & { readonly gridZone: string; readonly provider: string; readonly scope: Scope }>();
  const found = new Map<string, KeptForecast[]>();
  for (const { gridZone, provider, scope, ...row } of results) {
    const kept = { provider, scope, ...toIssue(row) };
    found.set(gridZone, [...(found.get(gridZone) ?? []), kept]);
  }
  return found;
}

/** One seek in each series for each instant; an issue that was the newest at several of them stands once. */
const READ_NEWEST_AT = `
  WITH newest AS (
    SELECT s.provider AS provider, s.scope AS scope, instant.value AS instant,
           (SELECT g.key FROM grid_forecasts g
             WHERE g.key >= s.id * ${STEPS_PER_SERIES}
               AND g.key < s.id * ${STEPS_PER_SERIES} + (instant.value + ${WINDOW_MS} - 1) / ${WINDOW_MS}
               AND g.fetched_at_ms < instant.value
             ORDER BY g.key DESC LIMIT 1) AS key
      FROM grid_series s CROSS JOIN json_each(?4) AS instant
     WHERE s.grid_zone = ?1 AND s.basis = ?2 AND s.signal = ?3)
  SELECT newest.provider AS provider, newest.scope AS scope, json_group_array(newest.instant) AS instants,
         ${ISSUE_COLUMNS}
    FROM newest CROSS JOIN grid_forecasts f ON f.key = newest.key
   GROUP BY f.key ORDER BY f.key`;

/** Like `readForecasts`, for many instants in one query; an instant before which nothing was kept has none. */
export async function readForecastsAt(
  db: D1Database,
  query: { readonly gridZone: string; readonly basis: Basis; readonly signal: Signal },
  instants: readonly number[],
): Promise<ReadonlyMap<number, readonly KeptForecast[]>> {
  const { results } = await db
    .prepare(READ_NEWEST_AT)
    .bind(query.gridZone, query.basis, query.signal, JSON.stringify(instants))
    .all<IssueRow & { readonly provider: string; readonly scope: Scope; readonly instants: string }>();
  const known = new Map<number, KeptForecast[]>(instants.map((instant) => [instant, []]));
  for (const { provider, scope, instants: at, ...row } of results) {
    const forecast = { provider, scope, ...toIssue(row) };
    for (const instant of JSON.parse(at) as number[]) known.get(instant)!.push(forecast);
  }
  return known;
}

const KEEP = `
  INSERT INTO grid_forecasts (key, issued_at_ms, fetched_at_ms, method, start_ms, step_ms, steps)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (key) DO NOTHING`;
const FORGET = 'DELETE FROM grid_forecasts WHERE key >= ?1 AND key < ?2';

/**
 * Keeps an issue, one per series and slot: the first one stays. Issues of the series beyond the retention leave. The steps
 * are of one length and begin on it.
 */
export async function keepForecast(
  db: D1Database,
  seriesId: number,
  slotMs: number,
  issue: Issue,
): Promise<void> {
  const [first] = issue.steps;
  if (first === undefined) return;
  const stepMs = first.endMs - first.startMs;
  const expiredMs = Math.floor((slotMs - FORECAST_RETENTION_MS) / WINDOW_MS) * WINDOW_MS;
  await db.batch([
    db
      .prepare(KEEP)
      .bind(
        valueKey(seriesId, slotMs),
        issue.issuedAtMs,
        issue.fetchedAtMs,
        issue.method,
        first.startMs,
        stepMs,
        encodeSteps(issue.steps, first.startMs, stepMs),
      ),
    db.prepare(FORGET).bind(valueKey(seriesId, 0), valueKey(seriesId, expiredMs)),
  ]);
  forgetReads();
}

const READ_RECORD = `
  SELECT ${ISSUE_COLUMNS} FROM grid_forecasts f
   WHERE f.key >= ?1 AND f.key < ?2 AND f.key % ${STEPS_PER_SERIES} % ${RECORD_EVERY_STEPS} = 0 ORDER BY f.key`;

/** Issues of the last days, every sixth hour's: what errors are told from. */
export async function readForecastRecord(db: D1Database, seriesId: number, nowMs: number): Promise<Issue[]> {
  const fromMs = Math.floor((nowMs - FORECAST_RETENTION_MS) / WINDOW_MS) * WINDOW_MS;
  const { results } = await db
    .prepare(READ_RECORD)
    .bind(valueKey(seriesId, fromMs), valueKey(seriesId, Math.floor(nowMs / WINDOW_MS) * WINDOW_MS))
    .all<IssueRow>();
  return results.map(toIssue);
}

/** A stored series and how far it reaches. */
export interface SeriesReach extends SeriesIdentity {
  readonly id: number;
  /** Starts of its newest value, and of its oldest within the reach asked for; null where it has none. */
  readonly newestMs: number | null;
  readonly oldestMs: number | null;
  /** Until when the newest value holds. */
  readonly newestEndMs: number | null;
}

const READ_REACH = `
  SELECT s.id AS id, s.grid_zone AS gridZone, s.basis AS basis, s.signal AS signal, s.scope AS scope,
         s.provider AS provider,
         (SELECT max(v.key) FROM grid_values v
           WHERE v.key >= s.id * ${STEPS_PER_SERIES} + ?2 AND v.key < s.id * ${STEPS_PER_SERIES} + ?3) AS newest,
         (SELECT min(v.key) FROM grid_values v
           WHERE v.key >= s.id * ${STEPS_PER_SERIES} + ?2 AND v.key < s.id * ${STEPS_PER_SERIES} + ?3) AS oldest,
         (SELECT ${startMsOf('v.key')} + v.duration_ms FROM grid_values v
           WHERE v.key >= s.id * ${STEPS_PER_SERIES} + ?2 AND v.key < s.id * ${STEPS_PER_SERIES} + ?3
           ORDER BY v.key DESC LIMIT 1) AS newestEndMs
    FROM grid_series s WHERE s.grid_zone IN (SELECT value FROM json_each(?1))
   ORDER BY s.id`;

/** The stored series of the zones, and how far each reaches within `[fromMs, toMs)`: three seeks each. */
export async function readSeriesReach(
  db: D1Database,
  gridZones: readonly string[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<SeriesReach[]> {
  const { results } = await db
    .prepare(READ_REACH)
    .bind(JSON.stringify(gridZones), Math.floor(fromMs / WINDOW_MS), Math.ceil(toMs / WINDOW_MS))
    .all<Omit<SeriesReach, 'newestMs' | 'oldestMs'> & { newest: number | null; oldest: number | null }>();
  return results.map(({ newest, oldest, ...series }) => ({
    ...series,
    newestMs: newest === null ? null : startOf(newest),
    oldestMs: oldest === null ? null : startOf(oldest),
  }));
}

/**
 * Hours of a series: means over the time of what they hold. A longer value stands for each of its hours, and gives way to shorter
 * ones that lie beneath it, as it does in the join. The plain mean of equal lengths is that to the last bit, so that one value is
 * itself.
 */
const READ_HOURS = `
  SELECT hour, longest, max(gramsOfLongest) AS gramsOfLongest, sum(within) AS known,
         CASE WHEN shortest = longest THEN avg(grams)
              ELSE (sum(grams * within) - max(gramsOfLongest) * max(0, sum(within) - ${HOUR_MS}))
                   / min(${HOUR_MS}, sum(within)) END AS gramsPerKwh
    FROM (SELECT hour, grams, min(durationMs, ${HOUR_MS}) AS within,
                 min(durationMs) OVER lengths AS shortest, max(durationMs) OVER lengths AS longest,
                 first_value(grams) OVER (PARTITION BY hour ORDER BY durationMs DESC) AS gramsOfLongest
            FROM (SELECT (v.key % ${STEPS_PER_SERIES}) / ${WINDOWS_PER_HOUR} AS hour, v.grams_per_kwh AS grams,
                         v.duration_ms AS durationMs
                    FROM grid_values v
                   WHERE v.key >= ?1 AND v.key < ?2 AND v.kind <> 'forecast')
          WINDOW lengths AS (PARTITION BY hour))
   GROUP BY hour ORDER BY hour`;

interface HourRow {
  readonly hour: number;
  /** ms, of the longest value that begins in the hour. */
  readonly longest: number;
  readonly gramsOfLongest: number;
  /** ms of the hour, or more where values lie over each other. */
  readonly known: number;
  readonly gramsPerKwh: number;
}

/** @returns g/kWh hour by hour from `fromMs` (a whole hour) to the last known one; NaN where an hour is not known whole */
export async function readHours(
  db: D1Database,
  seriesId: number,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<Float64Array> {
  const { results } = await db
    .prepare(READ_HOURS)
    .bind(valueKey(seriesId, fromMs), valueKey(seriesId, Math.ceil(toMs / WINDOW_MS) * WINDOW_MS))
    .all<HourRow>();
  const firstHour = fromMs / HOUR_MS;
  const endOf = ({ hour, longest, known }: HourRow) =>
    hour + Math.max(Math.floor(longest / HOUR_MS), known >= HOUR_MS ? 1 : 0);
  const endHour = results.reduce((end, row) => Math.max(end, endOf(row)), firstHour);
  const hours = new Float64Array(endHour - firstHour).fill(Number.NaN);
  for (const row of results) {
    const start = row.hour - firstHour;
    hours.fill(row.gramsOfLongest, start, endOf(row) - firstHour);
    if (row.known >= HOUR_MS) hours[start] = row.gramsPerKwh;
  }
  return hours;
}

function encodeSteps(steps: readonly ForecastStep[], startMs: number, stepMs: number): string {
  const cells: (number[] | null)[] = [];
  for (const step of steps) {
    const index = (step.startMs - startMs) / stepMs;
    while (cells.length < index) cells.push(null);
    const { gramsPerKwh, lowGramsPerKwh, highGramsPerKwh } = step;
    const band = lowGramsPerKwh === null || highGramsPerKwh === null ? [] : [lowGramsPerKwh, highGramsPerKwh];
    // Four digits: no forecast is known better.
    cells.push([gramsPerKwh, ...band].map((grams) => Number(grams.toPrecision(4))));
  }
  return JSON.stringify(cells);
}

function toIssue({ steps, startMs, stepMs, ...issue }: IssueRow): Issue {
  const cells = JSON.parse(steps) as (readonly [number, number?, number?] | null)[];
  return {
    ...issue,
    steps: cells.flatMap((cell, index) =>
      cell === null
        ? []
        : [
            {
              startMs: startMs + index * stepMs,
              endMs: startMs + (index + 1) * stepMs,
              gramsPerKwh: cell[0],
              lowGramsPerKwh: cell[1] ?? null,
              highGramsPerKwh: cell[2] ?? null,
            },
          ],
    ),
  };
}
