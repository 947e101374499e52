/** One run of the evaluation, as the scheduled job calls it. */
import type { ForecastStep } from '../../../shared/alerts/outlook.ts';
import { readForecastsOf } from '../../storage/grid-forecasts.ts';
import { bestFirst } from '../grid-forecast.ts';
import { zoneScopes } from '../grid-scopes.ts';
import { NODES_PER_STEP } from './gather.ts';
import { type AlertDependencies, evaluateStep, type StepOutcome } from './step.ts';

/** A step takes at most 50 queries; a fleet that needs more than one of them for an hour is not on the free plan. */
const STEPS_PER_RUN = 2;

/** Steps until all is evaluated, or as many as a run may take: the next one goes on there. */
export async function evaluateAlerts(dependencies: AlertDependencies): Promise<StepOutcome> {
  for (let steps = 1; ; steps++) {
    const done = await evaluateStep(dependencies);
    const most = STEPS_PER_RUN * Math.max(1, Math.ceil(done.nodes / NODES_PER_STEP));
    if (done.outcome !== 'more' || steps >= most) return done;
  }
}

/** The best forecast of each zone that has one, as it stood at an instant, of the scope of the window that ends there. */
export async function bestForecasts(
  db: D1Database,
  gridZones: readonly string[],
  atMs: number,
): Promise<Map<string, readonly ForecastStep[]>> {
  const found = new Map<string, readonly ForecastStep[]>();
  const query = { gridZones, basis: 'lifecycle', signal: 'average' } as const;
  const [forecasts, scopes] = await Promise.all([
    readForecastsOf(db, query, atMs),
    zoneScopes(db, query, atMs - 1),
  ]);
  for (const [gridZone, kept] of forecasts) {
    const [best] = bestFirst(kept, atMs, scopes.get(gridZone)!);
    if (best !== undefined) found.set(gridZone, best.steps);
  }
  return found;
}
