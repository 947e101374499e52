/**
 * Series often hold the running hour already, and then a forecast begins after it. What a job would emit that starts at once is
 * told from both.
 */
import type { GreenestStep } from '../../shared/grid/greenest/greenest.ts';
import type { Basis, IntensityPoint, Scope, Signal } from '../../shared/grid/intensity.ts';
import { intensityResolver } from '../../shared/grid/resolve.ts';
import { liveInScope, type TrustAt } from '../../shared/grid/trust.ts';
import { HOUR_MS, WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import { readIntensities } from '../storage/grid.ts';

/** Of one zone, from where a job may start to where its forecast begins. */
export interface BeforeForecast {
  readonly gridZone: string;
  /** Of what follows. */
  readonly scope: Scope;
  readonly fromMs: number;
  readonly toMs: number;
  readonly trustAt: TrustAt;
}

/**
 * By zone, the known values from the window of `fromMs` to `toMs`: live ones alone, by the zone's order of trust. None where
 * one is missing, and none for longer than an hour: that is no running hour.
 */
export async function runningHours(
  db: D1Database,
  series: { readonly basis: Basis; readonly signal: Signal },
  spans: readonly BeforeForecast[],
): Promise<ReadonlyMap<string, GreenestStep[]>> {
  const running = spans.filter(({ fromMs, toMs }) => toMs > fromMs && toMs - fromMs <= HOUR_MS);
  if (running.length === 0) return new Map();
  const points = await readIntensities(db, {
    ...series,
    gridZones: running.map(({ gridZone }) => gridZone),
    fromMs: windowStart(Math.min(...running.map(({ fromMs }) => fromMs))),
    toMs: Math.max(...running.map(({ toMs }) => toMs)),
  });
  return new Map(
    running.map((span) => [span.gridZone, knownSteps(series, span, points.get(span.gridZone) ?? [])]),
  );
}

function knownSteps(
  series: { readonly basis: Basis; readonly signal: Signal },
  { gridZone, scope, fromMs, toMs, trustAt }: BeforeForecast,
  points: readonly IntensityPoint[],
): GreenestStep[] {
  const firstMs = windowStart(fromMs);
  const known = points.filter(({ kind }) => kind !== 'forecast');
  const order = liveInScope(trustAt, scope)(firstMs);
  const valueAt = intensityResolver({ ...series, gridZone }, known, () => order);
  const steps: GreenestStep[] = [];
  for (let startMs: number = firstMs; startMs < toMs; startMs += WINDOW_MS) {
    const value = valueAt(startMs)?.gramsPerKwh;
    if (value === undefined) return [];
    const band = { gramsPerKwhLow: value, gramsPerKwhHigh: value };
    steps.push({ startMs, endMs: startMs + WINDOW_MS, gramsPerKwh: value, ...band });
  }
  return steps;
}
