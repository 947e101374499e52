/**
 * Our own forecast of every zone in use, on each basis and signal that has a stored series: made four times a day from what
 * was learned of the stored hours, else from the usual day. Between them a run learns a step. Either depends on the hours
 * alone, so that a run that was missed, doubled or cut off changes nothing.
 */
import type { HourForecast } from '../../shared/grid/forecast/forecaster.ts';
import { HourlySeries } from '../../shared/grid/forecast/hourly-series.ts';
import { fromWholeDay, type KnownHours, LOOK_BACK_HOURS } from '../../shared/grid/forecast-learning.ts';
import type { Scope } from '../../shared/grid/intensity.ts';
import { PROFILE_LEAST_HOURS, profileForecast } from '../../shared/grid/profile-forecast.ts';
import { scopeOfHour, USER_PROVIDER } from '../../shared/grid/scope.ts';
import type { SettingRow } from '../../shared/settings/effective.ts';
import { DAY_MS, HOUR_MS, hourStart } from '../../shared/time/window.ts';
import { dueAtMs } from '../grid/fetch-state.ts';
import { readFetches, type StoredFetch, writeFetches } from '../storage/grid-fetches.ts';
import { type ForecastStateHead, readForecastStateHeads } from '../storage/grid-forecast-states.ts';
import { keepForecast, readHours, readSeriesReach, type SeriesReach } from '../storage/grid-forecasts.ts';
import { findOrAddSeries } from '../storage/grid-writes.ts';
import { ownIssue } from './grid-forecast-issue.ts';
import { historyFromMs, learnedUntilOf, learningDue, learnStep, usableHead } from './grid-forecast-learn.ts';
import { readTrusts, trustAt } from './grid-trust.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

/** Provider name of the forecasts that are made here. */
export const OWN_PROVIDER = 'wattshed';

const SLOT_MS = 6 * HOUR_MS;
/** A series without a newer value says nothing of tomorrow. */
const STALE_MS = DAY_MS;
/** What the usual day and its back-test look at, and a week more than what is learned looks back. */
const READ_DAYS = 42;
/** A run that is cut off for its CPU time (10 ms on the free plan) leaves its attempt behind; after so many the simple way is taken. */
const MAX_ATTEMPTS = 2;
/** Then it is tried again once a day: the plan may have changed. */
const NEXT_TRY_MS = DAY_MS;
/** Where all is learned but for what came since. */
const LEARN_EVERY_MS = 6 * HOUR_MS;
const CUT_OFF =
  'failed: a run was cut off while it learned; the free plan gives 10 ms of CPU, learning takes more';

/** A zone, basis and signal that has stored series. */
interface Group {
  readonly gridZone: string;
  readonly basis: SeriesReach['basis'];
  readonly signal: SeriesReach['signal'];
  /** Null: all of its series are stale. */
  readonly source: SeriesReach | null;
  readonly forecastState: StoredFetch | null;
  readonly learningState: StoredFetch | null;
}

export interface OwnForecastResult {
  readonly gridZone: string;
  readonly basis: string;
  readonly signal: string;
  /** Null where none could be made; the reason is in `grid_fetches`. */
  readonly method: string | null;
}

/** How it stands with our own forecast of a zone, in `grid_fetches`; and with learning it. */
export const ownStateName = (basis: string, signal: string) => `${OWN_PROVIDER} forecast ${basis} ${signal}`;
const learningStateName = (basis: string, signal: string) => `${OWN_PROVIDER} learning ${basis} ${signal}`;

/** One run: makes one forecast that is due; where none is, learns one step. */
export async function makeForecasts(db: D1Database, nowMs: number): Promise<OwnForecastResult[]> {
  const groups = await readGroups(db, nowMs);
  const due = mostDue(groups, ({ forecastState }) => forecastState, nowMs);
  if (due) return [await makeOne(db, due, nowMs)];
  const learning = mostDue(
    groups.filter(({ source }) => source !== null),
    ({ learningState }) => learningState,
    nowMs,
  );
  if (learning) await learnOne(db, learning, nowMs);
  return [];
}

function mostDue(
  groups: readonly Group[],
  stateOf: (group: Group) => StoredFetch | null,
  nowMs: number,
): Group | null {
  const groupDueAtMs = (group: Group) => dueAtMs(stateOf(group), nowMs);
  const [first] = groups
    .filter((group) => groupDueAtMs(group) <= nowMs)
    .sort((a, b) => groupDueAtMs(a) - groupDueAtMs(b));
  return first ?? null;
}

async function readGroups(db: D1Database, nowMs: number): Promise<Group[]> {
  const zones = await gridZonesInUse(db, nowMs);
  const reach = { fromMs: historyFromMs(nowMs), toMs: nowMs };
  const [series, fetches, trusts] = await Promise.all([
    readSeriesReach(db, zones, reach),
    readFetches(db),
    readTrusts(db, zones),
  ]);
  const stored = series.filter(({ provider, newestMs }) => provider !== OWN_PROVIDER && newestMs !== null);
  const byKey = new Map<string, SeriesReach[]>();
  for (const one of stored) {
    const key = `${one.gridZone} ${one.basis} ${one.signal}`;
    byKey.set(key, [...(byKey.get(key) ?? []), one]);
  }
  return [...byKey.values()].map((candidates) => {
    const { gridZone, basis, signal } = candidates[0]!;
    const stateOf = (name: string) =>
      fetches.find((row) => row.provider === name && row.gridZone === gridZone) ?? null;
    return {
      gridZone,
      basis,
      signal,
      source: sourceOf(candidates, scopeOf(candidates, trusts, nowMs), nowMs),
      forecastState: stateOf(ownStateName(basis, signal)),
      learningState: stateOf(learningStateName(basis, signal)),
    };
  });
}

async function makeOne(db: D1Database, group: Group, nowMs: number): Promise<OwnForecastResult> {
  const { gridZone, basis, signal, source, forecastState } = group;
  const slotMs = Math.floor(nowMs / SLOT_MS) * SLOT_MS;
  const state = stateAfter(forecastState, ownStateName(basis, signal), gridZone);
  const noForecast = async (reason: string) => {
    const failed = { ...state, lastErrorAtMs: nowMs, lastError: `no data: ${reason}` };
    await writeFetches(db, [{ ...failed, nextDueAtMs: nowMs + HOUR_MS }]);
    return { gridZone, basis, signal, method: null };
  };

  if (source === null) return noForecast(`no series has a value of the last ${STALE_MS / HOUR_MS} hours`);
  const fromMs = hourStart(Math.max(source.oldestMs!, nowMs - READ_DAYS * DAY_MS));
  const gramsPerKwh = await readHours(db, source.id, { fromMs, toMs: nowMs });
  const hours = { startHour: fromMs / HOUR_MS, gramsPerKwh };
  const attempts = forecastState?.consecutiveFailures ?? 0;
  const heads = attempts < MAX_ATTEMPTS ? await readForecastStateHeads(db) : [];
  const head = usableHead(heads, source, hours.startHour + gramsPerKwh.length);
  if (head) {
    const attempt = { lastErrorAtMs: nowMs, lastError: CUT_OFF };
    await writeFetches(db, [{ ...state, ...attempt, consecutiveFailures: attempts + 1, nextDueAtMs: nowMs }]);
  }
  const made = (head && (await learned(db, head, hours, source, nowMs))) ?? usual(hours, source);
  if (made === null)
    return noForecast(`less than ${PROFILE_LEAST_HOURS} hours of ${source.provider} are known`);

  const originMs = fromMs + gramsPerKwh.length * HOUR_MS;
  const series = { gridZone, basis, signal, scope: source.scope, provider: OWN_PROVIDER };
  const seriesId = await findOrAddSeries(db, series);
  await keepForecast(db, seriesId, slotMs, ownIssue(made.forecast, originMs, made.method, nowMs));
  await writeFetches(db, [{ ...state, lastOkAtMs: nowMs, nextDueAtMs: slotMs + SLOT_MS }]);
  return { gridZone, basis, signal, method: made.method };
}

/** A step of what lags most; an attempt is noted before, since a run that is cut off says nothing afterwards. */
async function learnOne(db: D1Database, group: Group, nowMs: number): Promise<void> {
  const { gridZone, basis, signal, learningState } = group;
  const source = group.source!;
  const state = stateAfter(learningState, learningStateName(basis, signal), gridZone);
  const due = learningDue(await readForecastStateHeads(db), source, nowMs);
  const keep = (rest: Partial<StoredFetch>) =>
    writeFetches(db, [{ ...state, nextDueAtMs: nowMs + LEARN_EVERY_MS, ...rest }]);
  if (due === null) return keep({});
  const attempts = (learningState?.consecutiveFailures ?? 0) + 1;
  await keep({
    lastErrorAtMs: nowMs,
    lastError: CUT_OFF,
    consecutiveFailures: attempts,
    nextDueAtMs: attempts < MAX_ATTEMPTS ? nowMs : nowMs + NEXT_TRY_MS,
  });
  const step = await learnStep(db, source, due, nowMs);
  const wentOn = step !== null && step.head.version !== due.head?.version;
  await keep({ lastOkAtMs: nowMs, ...(wentOn && { nextDueAtMs: nowMs }) });
}

/** As it stood, without failures. */
function stateAfter(previous: StoredFetch | null, provider: string, gridZone: string) {
  return {
    provider,
    gridZone,
    lastOkAtMs: previous?.lastOkAtMs ?? null,
    lastErrorAtMs: previous?.lastErrorAtMs ?? null,
    lastError: previous?.lastError ?? null,
    consecutiveFailures: 0,
  };
}

/** What the zone is charged with now. */
function scopeOf(candidates: readonly SeriesReach[], trusts: readonly SettingRow[], nowMs: number): Scope {
  const ends = candidates.map(({ provider, scope, newestEndMs }) => ({
    provider,
    scope,
    endMs: newestEndMs!,
  }));
  const hourMs = hourStart(nowMs);
  return scopeOfHour(trustAt(trusts, candidates[0]!)(hourMs), ends, hourMs);
}

/** One series alone, since two would meet in a jump: of the zone's scope the user's, then the longest; null where all are stale. */
function sourceOf(candidates: readonly SeriesReach[], scope: Scope, nowMs: number): SeriesReach | null {
  const [best] = candidates
    .filter((one) => one.scope === scope && nowMs - one.newestMs! <= STALE_MS)
    .sort(
      (a, b) =>
        Number(b.provider === USER_PROVIDER) - Number(a.provider === USER_PROVIDER) ||
        a.oldestMs! - b.oldestMs! ||
        a.id - b.id,
    );
  return best ?? null;
}

interface Made {
  readonly forecast: readonly HourForecast[];
  readonly method: string;
}

/** From what was learned, after it has learned the days that came since; null where too little is known. */
async function learned(
  db: D1Database,
  head: ForecastStateHead,
  hours: KnownHours,
  source: SeriesReach,
  nowMs: number,
): Promise<Made | null> {
  const originHour = hours.startHour + hours.gramsPerKwh.length;
  const { hourOfDay, dayEnd } = learnedUntilOf(originHour);
  const goOn = (from: ForecastStateHead | null) =>
    from && learnStep(db, source, { hourOfDay, head: from, untilHour: dayEnd }, nowMs);
  // A run at the same time may have gone on in between: then from where it came to.
  const step =
    (await goOn(head)) ?? (await goOn(usableHead(await readForecastStateHeads(db), source, originHour)));
  if (step === null) return null;
  const { startHour, gramsPerKwh } = fromWholeDay(hours, originHour - LOOK_BACK_HOURS) ?? hours;
  const series = new HourlySeries(startHour, gramsPerKwh, head.unitGramsPerKwh);
  const forecast = step.forecaster.forecast(series, gramsPerKwh.length);
  return forecast && { forecast, method: describe('learned', originHour - head.sinceHour, source) };
}

function usual({ gramsPerKwh }: KnownHours, source: SeriesReach): Made | null {
  const forecast = profileForecast(gramsPerKwh);
  return (
    forecast && { forecast, method: describe('usual day and the last hours', gramsPerKwh.length, source) }
  );
}

function describe(how: string, hours: number, { provider }: SeriesReach): string {
  const days = hours / 24;
  return `${how}, from ${days < 10 ? days.toFixed(1) : Math.round(days)} days of ${provider}`;
}
