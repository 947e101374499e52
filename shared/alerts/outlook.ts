/** What waiting or moving would save, from a forecast and from the other zones of the fleet. */

export interface ForecastStep {
  readonly startMs: number;
  readonly endMs: number;
  readonly gramsPerKwh: number;
}

export interface Waiting {
  /** When the forecast falls to what this rule calls over; null where it does not as far as it reaches. */
  readonly endMs: number | null;
  /** How far the forecast reaches. */
  readonly knownUntilMs: number;
  /** Of the same load paused until the end and made up for right after it; null without an end. */
  readonly savedGrams: number | null;
}

const HOUR_MS = 3_600_000;

/**
 * @param steps in order; those before `nowMs` do not count. Null where none is left.
 * @param facilityKilowatts load that would be paused, PUE included
 */
export function waiting(
  steps: readonly ForecastStep[],
  nowMs: number,
  offGramsPerKwh: number,
  facilityKilowatts: number,
): Waiting | null {
  const ahead = steps.filter((step) => step.endMs > nowMs);
  const knownUntilMs = ahead.at(-1)?.endMs;
  if (knownUntilMs === undefined) return null;
  const endMs = ahead.find((step) => step.gramsPerKwh <= offGramsPerKwh)?.startMs ?? null;
  if (endMs === null || endMs <= nowMs) return { endMs, knownUntilMs, savedGrams: null };
  const lengthMs = endMs - nowMs;
  const before = meanOver(ahead, nowMs, endMs);
  const after = meanOver(ahead, endMs, endMs + lengthMs);
  // The forecast may begin after now or end before the time that would be made up for.
  if (before === null || after === null) return { endMs, knownUntilMs, savedGrams: null };
  const savedGrams = Math.max(0, (before - after) * facilityKilowatts * (lengthMs / HOUR_MS));
  return { endMs, knownUntilMs, savedGrams };
}

/** gCO2eq/kWh, weighted by time, over what of the span the steps cover; null where they cover none of it. */
function meanOver(steps: readonly ForecastStep[], fromMs: number, toMs: number): number | null {
  let weighted = 0;
  let coveredMs = 0;
  for (const { startMs, endMs, gramsPerKwh } of steps) {
    const overlap = Math.min(toMs, endMs) - Math.max(fromMs, startMs);
    if (overlap <= 0) continue;
    weighted += gramsPerKwh * overlap;
    coveredMs += overlap;
  }
  return coveredMs === 0 ? null : weighted / coveredMs;
}

/** The first step within `withinMs` that is dirty; null where none is. */
export function dirtyAhead(
  steps: readonly ForecastStep[],
  nowMs: number,
  withinMs: number,
  onGramsPerKwh: number,
): ForecastStep | null {
  return (
    steps.find(
      ({ startMs, endMs, gramsPerKwh }) =>
        endMs > nowMs && startMs < nowMs + withinMs && gramsPerKwh > onGramsPerKwh,
    ) ?? null
  );
}
