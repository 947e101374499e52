/**
 * Our own forecasts learn a zone's stored hours a bounded number of days a run, from where they had come; what they know
 * depends on the hours alone. A value that is revised after it was learned is not learned again at once: each generation of
 * 28 days begins anew from the hours as they are stored then, beside the one in use, so that none outlives two of them.
 */
import { Forecaster, STATE_LENGTH } from '../../shared/grid/forecast/forecaster.ts';
import { usualIntensity } from '../../shared/grid/forecast/hourly-series.ts';
import {
  dayEndUntil,
  firstDayEnd,
  fromWholeDay,
  type KnownHours,
  LOOK_BACK_HOURS,
  learnDays,
  MODEL_VERSION,
} from '../../shared/grid/forecast-learning.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import {
  type ForecastStateHead,
  forgetForecastStates,
  keepForecastState,
  readForecastState,
} from '../storage/grid-forecast-states.ts';
import { readHours, type SeriesReach } from '../storage/grid-forecasts.ts';

/** From here on what is learned beats the usual day; measured on eight zones (docs/grid.md). */
const LEARN_FROM_DAYS = 30;
/** What two years more would add is less than what they would cost. */
const HISTORY_DAYS = 730;
const GENERATION_DAYS = 28;
/** The errors of so many days before a generation tell how wide its band must be. */
const WATCHED_DAYS = 30;
/** Some 5 ms each, 20 ms where they are watched as well: a second or two of the paid plan's thirty. */
const MAX_DAYS_PER_STEP = 100;
/** Learned so long ago, a forecast is still made from it. */
const USABLE_DAYS = 7;
/** The usual intensity is told from the first year. */
const UNIT_HOURS = 365 * 24;
/** A day that is known whole is looked for so far before the hours that are needed. */
const MARGIN_HOURS = 7 * 24;

/** The hours of the day that forecasts are learned for: one made within three hours of it uses what was learned for it. */
const HOURS_OF_DAY = [0, 6, 12, 18] as const;

/** An array of another length is of another model in any case. */
const MODEL = `${MODEL_VERSION}/${STATE_LENGTH}`;

export const generationAt = (nowMs: number) => Math.floor(nowMs / (GENERATION_DAYS * DAY_MS));
const generationHour = (generation: number) => generation * GENERATION_DAYS * 24;
/** How far back a series is looked at. */
export const historyFromMs = (nowMs: number) =>
  generationHour(generationAt(nowMs)) * HOUR_MS - HISTORY_DAYS * DAY_MS;

/** Where a forecaster's day ends that is used for an origin: at the nearest of its four hours, no later than the origin. */
export function learnedUntilOf(originHour: number): { readonly hourOfDay: number; readonly dayEnd: number } {
  const nearest = Math.round(originHour / 6) * 6;
  const hourOfDay = nearest % 24;
  return { hourOfDay, dayEnd: dayEndUntil(originHour, hourOfDay) };
}

const ofSeries = (source: SeriesReach, hourOfDay: number) => (head: ForecastStateHead) =>
  head.seriesId === source.id && head.hourOfDay === hourOfDay && head.model === MODEL;

/** What is best used for an origin: the newest generation that has come near it; null where none has. */
export function usableHead(
  heads: readonly ForecastStateHead[],
  source: SeriesReach,
  originHour: number,
): ForecastStateHead | null {
  const { hourOfDay, dayEnd } = learnedUntilOf(originHour);
  const [best] = heads
    .filter(ofSeries(source, hourOfDay))
    .filter(({ learnedUntilHour }) => learnedUntilHour >= dayEnd - USABLE_DAYS * 24)
    .sort((a, b) => b.generation - a.generation);
  return best ?? null;
}

export interface LearningDue {
  readonly hourOfDay: number;
  /** Null: nothing is learned yet. */
  readonly head: ForecastStateHead | null;
  readonly untilHour: number;
}

/** What of a series lags most; null where its history is too short, or all of it is learned but for the last day. */
export function learningDue(
  heads: readonly ForecastStateHead[],
  source: SeriesReach,
  nowMs: number,
): LearningDue | null {
  const knownUntilHour = Math.floor(source.newestMs! / HOUR_MS) + 1;
  if (knownUntilHour - sinceHourOf(source) < LEARN_FROM_DAYS * 24) return null;
  const [due] = HOURS_OF_DAY.map((hourOfDay) => {
    const untilHour = dayEndUntil(knownUntilHour, hourOfDay);
    const head = heads
      .filter(ofSeries(source, hourOfDay))
      .find(({ generation }) => generation === generationAt(nowMs));
    const lag = untilHour - (head?.learnedUntilHour ?? 0);
    return { hourOfDay, head: head ?? null, untilHour, lag };
  })
    .filter(({ lag }) => lag > 24)
    .sort((a, b) => b.lag - a.lag || a.hourOfDay - b.hourOfDay);
  return due ?? null;
}

const sinceHourOf = ({ oldestMs }: SeriesReach) => Math.floor(oldestMs! / HOUR_MS);

export interface Learned {
  readonly head: ForecastStateHead;
  readonly forecaster: Forecaster;
}

/**
 * One step: learns the next days, `MAX_DAYS_PER_STEP` at most, and keeps it.
 * @returns what is known now; null where nothing could be learned, or another run has been faster
 */
export async function learnStep(
  db: D1Database,
  source: SeriesReach,
  { hourOfDay, head, untilHour }: LearningDue,
  nowMs: number,
): Promise<Learned | null> {
  const sinceHour = head?.sinceHour ?? sinceHourOf(source);
  const firstHour = head ? head.learnedUntilHour + 24 : firstDayEnd(sinceHour, hourOfDay);
  const state = head ? await readForecastState(db, head) : null;
  if (head && state === null) return null;
  const forecaster = new Forecaster(state ?? undefined);
  const wantedHour = Math.min(untilHour, firstHour + (MAX_DAYS_PER_STEP - 1) * 24);
  if (head && wantedHour < firstHour) return { head, forecaster };

  const known = await hoursToLearn(db, source, {
    sinceHour,
    firstHour,
    endHour: head ? wantedHour : Math.max(wantedHour, Math.min(untilHour, sinceHour + UNIT_HOURS)),
  });
  const lastHour = Math.min(wantedHour, dayEndUntil(known.startHour + known.gramsPerKwh.length, hourOfDay));
  if (lastHour < firstHour) return head && { head, forecaster };

  const generation = head?.generation ?? generationAt(nowMs);
  const unitGramsPerKwh = head?.unitGramsPerKwh ?? usualIntensity(known.gramsPerKwh.subarray(0, UNIT_HOURS));
  const watchedFromHour = generationHour(generation) - WATCHED_DAYS * 24;
  learnDays(forecaster, known, { unitGramsPerKwh, watchedFromHour }, { firstHour, lastHour });
  const next: ForecastStateHead = {
    seriesId: source.id,
    hourOfDay,
    generation,
    model: MODEL,
    version: (head?.version ?? 0) + 1,
    sinceHour,
    learnedUntilHour: lastHour,
    unitGramsPerKwh,
  };
  await keepForecastState(db, next, forecaster.state);
  if (head === null) await forgetForecastStates(db, generation - 1);
  return { head: next, forecaster };
}

async function hoursToLearn(
  db: D1Database,
  source: SeriesReach,
  span: { readonly sinceHour: number; readonly firstHour: number; readonly endHour: number },
): Promise<KnownHours> {
  const { sinceHour, firstHour, endHour } = span;
  const read = async (startHour: number): Promise<KnownHours> => ({
    startHour,
    gramsPerKwh: await readHours(db, source.id, { fromMs: startHour * HOUR_MS, toMs: endHour * HOUR_MS }),
  });
  const neededHour = firstHour - LOOK_BACK_HOURS;
  const startHour = Math.max(sinceHour, neededHour - MARGIN_HOURS);
  const near = await read(startHour);
  if (startHour === sinceHour) return near;
  return fromWholeDay(near, neededHour) ?? (await read(sinceHour));
}
