/** When and where a job is best started: one forecast per zone, picked here; the choice itself is shared/grid/greenest. */
import { type GreenestAnswer, type GreenestStep, greenest } from '../../shared/grid/greenest/greenest.ts';
import type { Basis, Signal } from '../../shared/grid/intensity.ts';
import { findZone } from '../../shared/grid/zones.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import type { ForecastStep, KeptForecast } from '../storage/grid-forecasts.ts';
import { endOf, forecastsAt, whyNone } from './grid-forecast.ts';
import { unknownZone } from './grid-unknown-zone.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';
import { runningHour } from './running-hour.ts';

/** As far as any forecast looks. */
const HORIZON_MS = 4 * DAY_MS;
export const MAX_GREENEST_ZONES = 10;
const DEFAULT_SLACK_MS = DAY_MS;

export interface GreenestQuery {
  /** Default: the zones in use; the first is where the job would run otherwise. */
  readonly gridZones?: readonly string[] | undefined;
  readonly durationMs: number;
  /** Default: now. */
  readonly notBeforeMs?: number | undefined;
  /** Default: a day after the job could have ended at the earliest, within the horizon. */
  readonly deadlineMs?: number | undefined;
  readonly powerWatts: number;
  readonly basis: Basis;
  readonly signal: Signal;
  readonly interruptible: boolean;
}

export interface GreenestResult {
  /** Null where no site has a zone. */
  readonly firstZone: string | null;
  readonly notBeforeMs: number;
  readonly deadlineMs: number;
  readonly answer: GreenestAnswer;
  /** What each zone of the answer was computed from. */
  readonly forecasts: ReadonlyMap<string, KeptForecast>;
  readonly excluded: readonly { readonly gridZone: string; readonly reason: string }[];
}

/** Problems: `unknown_grid_zone`, `invalid_parameter`. */
export async function greenestStart(
  db: D1Database,
  query: GreenestQuery,
  nowMs: number,
): Promise<Result<GreenestResult>> {
  const zones = [...new Set(query.gridZones ?? (await gridZonesInUse(db, nowMs)))].slice(
    0,
    MAX_GREENEST_ZONES,
  );
  const unknown = zones.find((gridZone) => findZone(gridZone) === null);
  if (unknown !== undefined) return unknownZone(unknown);
  const notBeforeMs = query.notBeforeMs ?? nowMs;
  const deadlineMs =
    query.deadlineMs ?? Math.min(notBeforeMs + query.durationMs + DEFAULT_SLACK_MS, nowMs + HORIZON_MS);
  const wrong = problemOf(query.durationMs, notBeforeMs, deadlineMs, nowMs);
  if (wrong !== null) return wrong;

  const forecasts = new Map<string, KeptForecast>();
  const stepsOf = new Map<string, readonly GreenestStep[]>();
  const excluded: { gridZone: string; reason: string }[] = [];
  for (const gridZone of zones) {
    const chosen = await forecastFor(db, query, gridZone, { notBeforeMs, deadlineMs, nowMs });
    if (typeof chosen === 'string') {
      excluded.push({ gridZone, reason: chosen });
      continue;
    }
    forecasts.set(gridZone, chosen);
    const { scope, steps } = chosen;
    const ahead = bandedSteps(steps);
    const series = { gridZone, basis: query.basis, signal: query.signal, scope };
    const known = await runningHour(db, series, notBeforeMs, ahead[0]!.startMs);
    stepsOf.set(gridZone, [...known, ...ahead]);
  }
  const answer = greenest({
    ...query,
    notBeforeMs,
    deadlineMs,
    // A zone without a forecast stays in its place, so that the first asked for is still the first.
    zones: zones.map((gridZone) => ({ gridZone, steps: stepsOf.get(gridZone) ?? [] })),
  });
  for (const gridZone of answer.excluded) {
    const forecast = forecasts.get(gridZone);
    if (forecast === undefined) continue;
    const until = new Date(endOf(forecast.steps)).toISOString();
    excluded.push({ gridZone, reason: `its forecast, until ${until}, nowhere covers the whole job` });
  }
  return ok({ firstZone: zones[0] ?? null, notBeforeMs, deadlineMs, answer, forecasts, excluded });
}

function problemOf(durationMs: number, notBeforeMs: number, deadlineMs: number, nowMs: number) {
  if (notBeforeMs < nowMs - WINDOW_MS)
    return fail('invalid_parameter', 'notBefore must not lie in the past.', 'notBefore');
  if (deadlineMs > nowMs + HORIZON_MS) {
    return fail(
      'invalid_parameter',
      `deadline must be within ${HORIZON_MS / HOUR_MS} hours from now: no forecast looks further.`,
      'deadline',
    );
  }
  if (notBeforeMs + durationMs > deadlineMs) {
    return fail(
      'invalid_parameter',
      'The job cannot end by the deadline; name a later deadline or a shorter duration.',
      'deadline',
    );
  }
  return null;
}

/** The forecast to ask, or why there is none. */
async function forecastFor(
  db: D1Database,
  { basis, signal }: GreenestQuery,
  gridZone: string,
  { notBeforeMs, deadlineMs, nowMs }: { notBeforeMs: number; deadlineMs: number; nowMs: number },
): Promise<KeptForecast | string> {
  const query = { gridZone, basis, signal, beforeMs: nowMs + 1 };
  const known = await forecastsAt(db, query);
  if (known.length === 0) return whyNone(db, query);
  return (
    chooseForecast(known, notBeforeMs, deadlineMs) ??
    `too few forecasts of ${known[0]!.provider} are kept to tell how far it is off, and a saving without a band is none`
  );
}

/**
 * The best forecast that reaches the deadline, else the one that reaches furthest; null where none with a band reaches
 * beyond `notBeforeMs`.
 *
 * @param known the best first
 */
export function chooseForecast(
  known: readonly KeptForecast[],
  notBeforeMs: number,
  deadlineMs: number,
): KeptForecast | null {
  const banded = known.filter(({ steps }) => endOf(bandedSteps(steps)) > notBeforeMs);
  const [furthest] = banded.toSorted((a, b) => endOf(bandedSteps(b.steps)) - endOf(bandedSteps(a.steps)));
  return banded.find(({ steps }) => endOf(bandedSteps(steps)) >= deadlineMs) ?? furthest ?? null;
}

/** Those of which it is known how far they may be off. */
export function bandedSteps(steps: readonly ForecastStep[]): GreenestStep[] {
  return steps.flatMap(({ startMs, endMs, gramsPerKwh, lowGramsPerKwh, highGramsPerKwh }) =>
    lowGramsPerKwh === null || highGramsPerKwh === null
      ? []
      : [
          {
            startMs,
            endMs,
            gramsPerKwh,
            gramsPerKwhLow: lowGramsPerKwh,
            gramsPerKwhHigh: highGramsPerKwh,
          },
        ],
  );
}
