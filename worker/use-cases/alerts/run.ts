/** One run of the evaluation, as the scheduled job calls it. */
import type { ForecastStep } from '../../../shared/alerts/outlook.ts';
import { readForecastsOf } from '../../storage/grid-forecasts.ts';
import { bestFirst } from '../grid-forecast.ts';
import { zoneScopes } from '../grid-scopes.ts';
import { type AlertDependencies, evaluateStep, type StepOutcome } from './step.ts';

/**
 * A step takes at most 50 queries, which is a run of the free plan, and 10 ms of CPU are some nodes there. Else a step is one
 * page of hours, a second of work at most.
 */
export const NODES_PER_STEP = { free: 12, paid: 2_000 };
/** Of the whole fleet. */
const HOURS_PER_RUN = 2;

/**
 * Steps until all is evaluated, or as many as a run may take: the next one goes on there.
 * @param isOneStep whether a run may take one alone
 */
export async function evaluateAlerts(
  dependencies: AlertDependencies,
  isOneStep = false,
): Promise<StepOutcome> {
  for (let steps = 1; ; steps++) {
    const done = await evaluateStep(dependencies);
    const stepsPerHour = Math.max(1, Math.ceil(done.nodes / dependencies.nodesPerStep));
    const most = isOneStep ? 1 : HOURS_PER_RUN * stepsPerHour;
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
