/** When to come again after an answer that says no: later the more are refused, and never all at once. */
import { DAY_MS } from '../time/window.ts';

/** Among as many answers one refusal is chance. */
const ANSWERS_OF_CALM = 20;
const LEAST_SPREAD_SECONDS = 30;
const MOST_SPREAD_SECONDS = 300;
/** After midnight a whole fleet may come again. */
const MORNING_SPREAD_SECONDS = 900;

/** 0..1: of the last answers, those that were refusals for overload. */
export function refusedRatio(refused: number, answers: number): number {
  return refused / (answers + ANSWERS_OF_CALM);
}

/**
 * Seconds for `Retry-After`. Who is refused comes again within as long as the others leave room for: with nine of ten
 * refused, ten times as long. `random` is uniform in [0, 1).
 */
export function retryAfterSeconds(refused: number, random: number): number {
  const spread = Math.min(MOST_SPREAD_SECONDS, LEAST_SPREAD_SECONDS / (1 - refused));
  return Math.ceil(spread * (1 / 3 + (2 / 3) * random));
}

/** Seconds until a day's limit begins anew, at midnight UTC, and a little more. */
export function untilTomorrowSeconds(nowMs: number, random: number): number {
  return Math.ceil((DAY_MS - (nowMs % DAY_MS)) / 1_000 + MORNING_SPREAD_SECONDS * random);
}
