/** When and where a job is best started: one forecast per zone, picked here; the choice itself is shared/grid/greenest. */
import { type GreenestAnswer, type GreenestStep, greenest } from '../../shared/grid/greenest/greenest.ts';
import type { Basis, Scope, Signal } from '../../shared/grid/intensity.ts';
import type { IntensityQuery } from '../../shared/grid/resolve.ts';
import { otherScope } from '../../shared/grid/scope.ts';
import { findZone } from '../../shared/grid/zones.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { type ForecastStep, type KeptForecast, readForecastsOf } from '../storage/grid-forecasts.ts';
import { readRecently } from '../storage/grid-recent.ts';
import { bestFirst, endOf, whyNone } from './grid-forecast.ts';
import { zoneScopes } from './grid-scopes.ts';
import { readTrusts, trustAt } from './grid-trust.ts';
import { unknownZone } from './grid-unknown-zone.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';
import { runningHours } from './running-hour.ts';

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
  /** Zones are compared by values of one scope; default: that of the first zone. */
  readonly scope?: Scope | undefined;
  readonly interruptible: boolean;
}

export interface GreenestResult {
  /** Null where no site has a zone. */
  readonly firstZone: string | null;
  /** Of all that is compared; null where no site has a zone. */
  readonly scope: Scope | null;
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
  const asked = [...new Set(query.gridZones ?? (await gridZonesInUse(db, nowMs)))];
  const zones = asked.slice(0, MAX_GREENEST_ZONES);
  const unknown = zones.find((gridZone) => findZone(gridZone) === null);
  if (unknown !== undefined) return unknownZone(unknown);
  const notBeforeMs = query.notBeforeMs ?? nowMs;
  const deadlineMs =
    query.deadlineMs ?? Math.min(notBeforeMs + query.durationMs + DEFAULT_SLACK_MS, nowMs + HORIZON_MS);
  const wrong = problemOf(query.durationMs, notBeforeMs, deadlineMs, nowMs);
  if (wrong !== null) return wrong;

  const series = { basis: query.basis, signal: query.signal };
  const { kept, trusts, scopes } = await zoneFacts(db, { ...series, gridZones: zones }, nowMs);
  const firstScope = zones.map((gridZone) => scopes.get(gridZone)!)[0];
  const scope = query.scope ?? firstScope ?? 'consumption';
  const forecasts = new Map<string, KeptForecast>();
  const excluded: { gridZone: string; reason: string }[] = [];
  for (const gridZone of zones) {
    const of = (wanted: Scope) => bestFirst(kept.get(gridZone) ?? [], nowMs + 1, wanted);
    const known = of(scope);
    const chosen = chooseForecast(known, notBeforeMs, deadlineMs);
    if (chosen !== null) forecasts.set(gridZone, chosen);
    else if (known.length === 0 && of(otherScope(scope)).length > 0)
      excluded.push({ gridZone, reason: whyOtherScope(scope) });
    else excluded.push({ gridZone, reason: await whyExcluded(db, { ...series, gridZone }, known[0], nowMs) });
  }
  const ahead = new Map([...forecasts].map(([gridZone, { steps }]) => [gridZone, bandedSteps(steps)]));
  const running = await runningHours(
    db,
    series,
    [...ahead].map(([gridZone, steps]) => ({
      gridZone,
      scope: forecasts.get(gridZone)!.scope,
      fromMs: notBeforeMs,
      toMs: steps[0]!.startMs,
      trustAt: trustAt(trusts, { ...series, gridZone }),
    })),
  );
  const stepsOf = (gridZone: string) => [...(running.get(gridZone) ?? []), ...(ahead.get(gridZone) ?? [])];
  const answer = greenest({
    ...query,
    notBeforeMs,
    deadlineMs,
    // A zone without a forecast stays in its place, so that the first asked for is still the first.
    zones: zones.map((gridZone) => ({ gridZone, steps: stepsOf(gridZone) })),
  });
  for (const gridZone of answer.excluded) {
    const forecast = forecasts.get(gridZone);
    if (forecast === undefined) continue;
    const until = new Date(endOf(forecast.steps)).toISOString();
    excluded.push({ gridZone, reason: `its forecast, until ${until}, nowhere covers the whole job` });
  }
  for (const gridZone of asked.slice(MAX_GREENEST_ZONES)) {
    const reason = `only the first ${MAX_GREENEST_ZONES} zones by name are looked at; ask for it with gridZones`;
    excluded.push({ gridZone, reason });
  }
  const compared = zones.length === 0 ? null : scope;
  return ok({
    firstZone: zones[0] ?? null,
    scope: compared,
    notBeforeMs,
    deadlineMs,
    answer,
    forecasts,
    excluded,
  });
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

/** Many jobs that wait ask alike, so what changes a few times an hour is read once a minute. */
function zoneFacts(
  db: D1Database,
  query: { readonly gridZones: readonly string[]; readonly basis: Basis; readonly signal: Signal },
  nowMs: number,
) {
  return readRecently(JSON.stringify(query), nowMs, async () => {
    const [kept, trusts] = await Promise.all([
      readForecastsOf(db, query, nowMs + 1),
      readTrusts(db, query.gridZones),
    ]);
    return { kept, trusts, scopes: await zoneScopes(db, query, nowMs, trusts) };
  });
}

const whyOtherScope = (scope: Scope) =>
  `its forecast is of ${otherScope(scope)}, and zones are compared by values of ${scope} here; ask with scope=${otherScope(scope)} for those that have it`;

/** @param best of the zone's forecasts, none of which could be chosen */
async function whyExcluded(
  db: D1Database,
  series: IntensityQuery,
  best: KeptForecast | undefined,
  nowMs: number,
): Promise<string> {
  return best === undefined
    ? whyNone(db, { ...series, beforeMs: nowMs + 1 })
    : `too few forecasts of ${best.provider} are kept to tell how far it is off, and a saving without a band is none`;
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
