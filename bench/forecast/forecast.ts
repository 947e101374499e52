/**
 * The forecaster against real series: every day at 00 UTC of the test months, nothing after the origin is seen, one recipe
 * for all zones. `p24` is the same hour of the latest known day.
 */
import type { Figure } from '../figures.ts';
import { type Issue, issues, Score, type Scores, score } from './back-test.ts';
import { readFoundation } from './foundation.ts';
import { letsWaitAwhile } from './lets-wait-awhile.ts';
import { greenestFigures } from './pooling.ts';
import { publishedShifting } from './published.ts';
import { readSeries, type ZoneSeries } from './series.ts';
import { ISSUED_EVERY_HOURS, JOBS, type Savings, savings } from './shifting.ts';

const HOUR_MS = 3_600_000;
const DAY = 24;
const FROM_MS = Date.parse('2024-10-01T00:00:00Z');
const TO_MS = Date.parse('2025-01-01T00:00:00Z');
const LAG_HOURS = 2;

interface ZoneResult {
  readonly zone: string;
  readonly full: Scores;
  readonly lagged: Scores;
  readonly days30: Scores;
  readonly days90: Scores;
  readonly foundation: { readonly ours: Score; readonly theirs: Score } | null;
  readonly jobs: readonly Savings[];
}

/** The three last whole months, or those that the project's figures are told of, where the series reaches them. */
function testMonths({ startHour, lifecycle }: ZoneSeries): { first: number; end: number } {
  const endMs = (startHour + lifecycle.length) * HOUR_MS;
  if (endMs >= TO_MS) return { first: FROM_MS / HOUR_MS - startHour, end: TO_MS / HOUR_MS - startHour };
  const last = new Date(endMs);
  const month = (back: number) =>
    Date.UTC(last.getUTCFullYear(), last.getUTCMonth() - back) / HOUR_MS - startHour;
  return { first: month(3), end: month(0) };
}

function measure(folder: string, zone: ZoneSeries, tick: () => void): ZoneResult {
  const { startHour, lifecycle, direct } = zone;
  const { first, end } = testMonths(zone);
  const stage = <T>(result: T): T => {
    tick();
    return result;
  };
  const made = stage(issues(startHour, lifecycle, first, end));
  return {
    zone: zone.zone,
    full: score(lifecycle, made),
    lagged: stage(score(lifecycle, issues(startHour, lifecycle, first - LAG_HOURS, end), LAG_HOURS)),
    days30: stage(score(lifecycle, issues(startHour, lifecycle, first, end, 30))),
    days90: stage(score(lifecycle, issues(startHour, lifecycle, first, end, 90))),
    foundation: stage(
      against(readFoundation(folder, zone.zone), zone, issues(startHour, direct, first, end)),
    ),
    jobs: stage(jobsOf(zone, made, first, end)),
  };
}

/** What each job saves by one answer at midnight, and by asking again while it waits. */
function jobsOf(
  { startHour, lifecycle }: ZoneSeries,
  made: readonly Issue[],
  first: number,
  end: number,
): Savings[] {
  const later = new Map(made.map(({ origin, forecast }) => [origin, forecast]));
  for (let hour = ISSUED_EVERY_HOURS; hour < DAY; hour += ISSUED_EVERY_HOURS)
    for (const { origin, forecast } of issues(startHour, lifecycle, first + hour, end))
      later.set(origin, forecast);
  return JOBS.map((job) => savings(lifecycle, made, later, job));
}

/** Both on the same origins and hours. */
function against(
  recorded: Map<number, number[]> | null,
  { startHour, direct }: ZoneSeries,
  made: readonly Issue[],
): ZoneResult['foundation'] {
  if (recorded === null) return null;
  const ours = new Score();
  const theirs = new Score();
  for (const { origin, forecast } of made) {
    const other = recorded.get(startHour + origin);
    if (other === undefined) continue;
    for (let lead = 0; lead < DAY; lead++) {
      ours.add(forecast[lead]!.gramsPerKwh, direct[origin + lead]!);
      theirs.add(other[lead]!, direct[origin + lead]!);
    }
  }
  return { ours, theirs };
}

const STAGES = 6;

export function forecast(folder: string): Figure[] {
  const zones = readSeries(folder);
  if (zones.length === 0)
    throw new Error(`${folder} holds no em_<ZONE>_*_hourly.csv.gz of a year and a half or more`);
  let done = 0;
  const all = zones.map((zone) =>
    measure(folder, zone, () => progress(++done, STAGES * zones.length, zone.zone)),
  );
  process.stderr.write('\n');
  return [
    ...figuresOf(all),
    ...greenestFigures(folder, all),
    ...publishedShifting(folder),
    ...letsWaitAwhile(folder),
  ];
}

function progress(done: number, total: number, what: string): void {
  const width = 40;
  const filled = Math.round((width * done) / total);
  process.stderr.write(
    `\r[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${done}/${total} ${what.padEnd(14)}`,
  );
}

function figuresOf(all: readonly ZoneResult[]): Figure[] {
  const average = (pick: (result: ZoneResult) => number, of = all) =>
    of.reduce((sum, result) => sum + pick(result), 0) / of.length;
  const percent = (
    name: string,
    pick: (result: ZoneResult) => Score,
    other: (result: ZoneResult) => Score,
  ) => ({
    name,
    value: average((result) => pick(result).mapePercent),
    unit: '%',
    note: `mean of ${all.length} zones; same hour of the latest day ${average((result) => other(result).mapePercent).toFixed(2)} %`,
  });
  const figures = all.flatMap(({ zone, full }): Figure[] => {
    const better =
      full.ours24.rmse < full.p24At24.rmse &&
      full.ours96.rmse < full.p24At96.rmse &&
      full.ours24.mapePercent < full.p24At24.mapePercent &&
      full.ours96.mapePercent < full.p24At96.mapePercent;
    const note = (p24: Score) => `same hour yesterday ${p24.mapePercent.toFixed(1)} %`;
    return [
      {
        name: `forecast.mape_24h{${zone}}`,
        value: full.ours24.mapePercent,
        unit: '%',
        note: `${note(full.p24At24)}; MAPE and RMSE ${better ? 'below' : 'NOT below'} it at 24 and 96 h`,
      },
      {
        name: `forecast.mape_96h{${zone}}`,
        value: full.ours96.mapePercent,
        unit: '%',
        note: note(full.p24At96),
      },
      { name: `forecast.rmse_to_mean_24h{${zone}}`, value: full.ours24.rmseToMean, unit: 'ratio', note: '' },
    ];
  });
  figures.push(
    percent(
      'forecast.mean_mape_24h',
      ({ full }) => full.ours24,
      ({ full }) => full.p24At24,
    ),
    percent(
      'forecast.mean_mape_96h',
      ({ full }) => full.ours96,
      ({ full }) => full.p24At96,
    ),
    percent(
      'forecast.mean_mape_24h_30d',
      ({ days30 }) => days30.ours24,
      ({ days30 }) => days30.p24At24,
    ),
    percent(
      'forecast.mean_mape_24h_90d',
      ({ days90 }) => days90.ours24,
      ({ days90 }) => days90.p24At24,
    ),
    percent(
      'forecast.mean_mape_24h_lag2h',
      ({ lagged }) => lagged.ours24,
      ({ lagged }) => lagged.p24At24,
    ),
    {
      name: 'forecast.interval_coverage',
      value: average(({ full }) => full.ours96.coverage),
      unit: 'ratio',
      note: 'share of outcomes within the 80 % band, 96 h',
    },
  );
  const compared = all.flatMap(({ foundation }) => foundation ?? []);
  if (compared.length > 0) {
    const mean = (pick: (pair: (typeof compared)[number]) => number) =>
      compared.reduce((sum, pair) => sum + pick(pair), 0) / compared.length;
    const ours = mean((pair) => pair.ours.mapePercent);
    const theirs = mean((pair) => pair.theirs.mapePercent);
    const rmse = mean((pair) => pair.ours.rmse) / mean((pair) => pair.theirs.rmse);
    figures.push({
      name: 'forecast.vs_foundation_24h',
      value: ours / theirs,
      unit: 'ratio',
      note: `mean MAPE over that of recorded Sundial forecasts, direct intensity, ${compared.length} zones: ${ours.toFixed(2)} over ${theirs.toFixed(2)} %; of mean RMSE ${rmse.toFixed(3)}`,
    });
  }
  return figures;
}
