/** The energy between two reads of a counter, or why it is unknown. */
import type { GapReason } from './meter-state.ts';
import type { CounterReading } from './reading.ts';

/**
 * Longest downtime that a counter may fill. Energy spread over more would reach windows that the server may have sealed
 * (36 hours after their last change, by default).
 */
export const MAX_RECOVERY_MS = 24 * 3_600_000;

/** Counters move in steps (NVML about every 100 ms), so that a short span may hold one step more than its time allows. */
const COUNTER_STEP_MS = 250;

export type CounterDelta =
  | { readonly known: true; readonly units: number }
  | { readonly known: false; readonly reason: GapReason };

/**
 * @param spanMs monotonic time between the two reads, above zero
 * @returns native units, exact; a decrease counts as a wrap only with the same identity and a plausible rate
 */
export function counterDelta(
  before: CounterReading,
  now: CounterReading,
  spanMs: number,
  maxPlausibleWatts: number,
): CounterDelta {
  if (
    before.identity !== now.identity ||
    before.unitsPerMillijoule !== now.unitsPerMillijoule ||
    before.wrapsAt !== now.wrapsAt
  )
    return { known: false, reason: 'counterRestarted' };
  if (spanMs > MAX_RECOVERY_MS || spanMs >= shortestWrapMs(now, maxPlausibleWatts) / 2)
    return { known: false, reason: 'counterUnknowable' };
  let units = now.value - before.value;
  if (units < 0) {
    if (now.wrapsAt === null || before.value > now.wrapsAt || now.value > now.wrapsAt)
      return { known: false, reason: 'counterDecreased' };
    units += now.wrapsAt;
  }
  const millijoules = units / now.unitsPerMillijoule;
  if (millijoules > maxPlausibleWatts * (spanMs + COUNTER_STEP_MS))
    return { known: false, reason: now.value < before.value ? 'counterDecreased' : 'counterImplausible' };
  return { known: true, units };
}

/** Millijoules per watt are milliseconds. */
function shortestWrapMs(counter: CounterReading, maxPlausibleWatts: number): number {
  if (counter.wrapsAt === null) return Number.POSITIVE_INFINITY;
  return counter.wrapsAt / counter.unitsPerMillijoule / maxPlausibleWatts;
}
