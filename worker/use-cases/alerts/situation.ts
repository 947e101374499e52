/** How things stand for one instance of a rule at the end of the newest window: what its message is made from. */
import { meanWatts } from '../../../shared/alerts/condition.ts';
import { FACT, type Facts, NO_ZONE, type WindowFacts } from '../../../shared/alerts/facts.ts';
import { type RuleFold, WHOLE_SCOPE } from '../../../shared/alerts/fold.ts';
import { type ForecastStep, waiting } from '../../../shared/alerts/outlook.ts';
import type { AlertRule } from '../../../shared/alerts/rule.ts';
import { NOTHING_KNOWN, type Situation } from '../../../shared/alerts/situation.ts';
import { limitsOf } from '../../../shared/alerts/usual.ts';
import { WINDOW_MS, WINDOWS_PER_HOUR } from '../../../shared/time/window.ts';
import type { GridContext } from './grid-context.ts';
import type { Observed } from './observe.ts';

export interface SituationSources {
  /** Start and facts of the newest window; null where none was folded. */
  readonly newest: { readonly startMs: number; readonly facts: WindowFacts } | null;
  readonly grid: GridContext;
  readonly forecasts: ReadonlyMap<string, readonly ForecastStep[]>;
}

export function situationOf(
  { newest, grid, forecasts }: SituationSources,
  rule: AlertRule,
  scopeText: string,
  instance: string,
  fold: RuleFold | null,
  observed: Observed | null,
): Situation {
  if (newest === null) return NOTHING_KNOWN;
  const { startMs } = newest;
  const concerned = observed?.concerned ?? [];
  const budget = fold?.budgetReading(startMs) ?? null;
  if (instance === WHOLE_SCOPE) return { ...NOTHING_KNOWN, budget, concerned };
  const facts = newest.facts[scopeText]?.[instance];
  const point = grid.point(instance, startMs);
  const usual = grid.usual(instance, startMs);
  const limits = rule.kind === 'dirtyHours' || rule.kind === 'dirtyHoursAhead' ? limitsOf(rule, usual) : null;
  const load = facts === undefined ? null : loadOf(facts);
  const steps = forecasts.get(instance);
  return {
    ...NOTHING_KNOWN,
    ...load,
    gramsPerKwh: point?.gramsPerKwh ?? null,
    gridKind: point?.kind ?? null,
    usual,
    limits,
    waiting:
      steps === undefined || limits === null || load === null
        ? null
        : waiting(steps, startMs + WINDOW_MS, limits.offGramsPerKwh, load.facilityKilowatts),
    elsewhere: cleanestElsewhere(newest, grid, instance, point?.gramsPerKwh ?? null),
    ahead: observed?.ahead ?? null,
    concerned,
  };
}

function loadOf(facts: Facts) {
  const expected = facts[FACT.expectedMilliseconds]!;
  return {
    powerWatts: meanWatts(facts[FACT.energyMillijoules]!),
    idlePowerWatts: meanWatts(facts[FACT.idleMillijoules]!),
    facilityKilowatts: facts[FACT.facilityKwh]! * WINDOWS_PER_HOUR,
    nodesReporting: facts[FACT.nodesReporting]!,
    coverageRatio: expected === 0 ? null : Math.min(1, facts[FACT.coveredMilliseconds]! / expected),
    disagreementRatio: facts[FACT.disagreementRatio]!,
  };
}

/** Among the zones of the same scope where nodes of the fleet report now. */
function cleanestElsewhere(
  { startMs, facts }: { readonly startMs: number; readonly facts: WindowFacts },
  grid: GridContext,
  gridZone: string,
  gramsPerKwh: number | null,
): Situation['elsewhere'] {
  let best: Situation['elsewhere'] = null;
  if (gramsPerKwh === null) return best;
  for (const [other, ofZone] of Object.entries(facts[''] ?? {})) {
    if (other === gridZone || other === NO_ZONE || ofZone[FACT.nodesReporting] === 0) continue;
    if (grid.scope(other, startMs) !== grid.scope(gridZone, startMs)) continue;
    const point = grid.point(other, startMs);
    if (point !== null && point.gramsPerKwh < (best?.gramsPerKwh ?? gramsPerKwh))
      best = { gridZone: other, gramsPerKwh: point.gramsPerKwh };
  }
  return best;
}
