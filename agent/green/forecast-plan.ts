/** A plan from the forecast of one zone: its greenest start, kept until a newer forecast is there. */
import type { Api } from '../api/api-client.ts';
import { askGreenest, type GreenestAnswer, HORIZON_MS, type ZoneAnswer } from './greenest-answer.ts';
import { worthText } from './greenest-text.ts';
import type { Plan } from './wait.ts';
import { gramsText, shareText } from './words.ts';

export interface ForecastQuestion {
  readonly gridZone: string;
  readonly durationMs: number;
  readonly latestStartMs: number;
  /** Null: grams are left out, shares are the same at any power. */
  readonly powerWatts: number | null;
  readonly basis: string;
  readonly signal: string;
}

/** Less room than this is no choice: the server's clock and ours may differ by it. */
const LEAST_ROOM_MS = 2 * 60_000;

/** @throws ApiError, HttpError */
export async function forecastPlan(
  api: Api,
  question: ForecastQuestion,
  previous: Plan | null,
): Promise<Plan> {
  const nowMs = Date.now();
  const { durationMs, latestStartMs } = question;
  const roomMs = Math.max(latestStartMs - nowMs, LEAST_ROOM_MS);
  const answer = await askGreenest(api, {
    ...question,
    gridZones: [question.gridZone],
    notBeforeMs: null,
    deadlineMs: nowMs + Math.min(durationMs + roomMs, HORIZON_MS),
    interruptible: false,
  });
  const [zone] = answer.zones;
  if (zone === undefined) return previous ?? noForecast(answer, nowMs);
  const { provider, issuedAt, fetchedAt } = zone.forecast;
  const source = `${provider} ${issuedAt} ${fetchedAt}`;
  return previous?.source === source ? previous : planOf(answer, zone, { source, nowMs, question });
}

function noForecast({ excluded }: GreenestAnswer, nowMs: number): Plan {
  const reason = excluded[0]?.reason ?? 'there is no forecast';
  return {
    startMs: nowMs,
    source: 'none',
    reason: 'noForecast',
    text: `no start can be told from another: ${reason}`,
    fields: { detail: reason },
  };
}

function planOf(
  answer: GreenestAnswer,
  { best, startNow, saving, forecast }: ZoneAnswer,
  { source, nowMs, question }: { source: string; nowMs: number; question: ForecastQuestion },
): Plan {
  const { provider, issuedAt } = forecast;
  const fields = { best, startNow, saving, forecast: { provider, issuedAt } };
  // Where nobody knows what a start now would emit, the greenest known one stands.
  if (saving !== null && startNow !== null && !saving.worthWaiting) {
    const text = worthText(answer).replace(/^Not/, 'not').replace(/\.$/, '');
    return { startMs: nowMs, source, reason: 'notWorthWaiting', text, fields };
  }
  const ofNow = (grams: number) => shareText(grams / startNow!.grams);
  const saves =
    saving === null || startNow === null
      ? 'what a start now would emit is not known'
      : `saves ${ofNow(saving.grams)} (${ofNow(saving.gramsLow)} to ${ofNow(saving.gramsHigh)})`;
  const grams =
    saving === null || question.powerWatts === null
      ? ''
      : `, ${gramsText(saving.grams)} at ${question.powerWatts} W`;
  return {
    startMs: Date.parse(best.start),
    source,
    reason: 'greenest',
    text: `${saves}${grams}`,
    fields,
  };
}
