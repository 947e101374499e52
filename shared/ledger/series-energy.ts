/**
 * Whether a power series can be the shape of the energy beside it. Energy is booked from counters and integrals, never from
 * the series; but one of another device, another window or another step would be shown and archived as this one's power.
 */
import { WINDOW_MS } from '../time/window.ts';
import type { DeviceReport } from '../wire/ingest.ts';
import { MAX_WATTS } from './plausibility.ts';

/** Samples are whole watts, and those of a device may be sums over its meters, each rounded. */
const QUANTUM_WATTS = 2;
/** Agents draw a line over at most ten seconds between readings: that much at either end may be in another window. */
const EDGE_MS = 10_000;
/** By how much the sum of the samples may differ from their own integral: lines between samples miss something. */
const OF_INTEGRAL_RATIO = 0.05;
/** Of energy that is integrated, in part from other meters: cards read 6 % low to 11 % high (arXiv 2312.02741). */
const OF_INTEGRATED_RATIO = 0.15;
/**
 * Of a counter with no integral beside it, as where one reading of power failed: it sees what a load does within a second, and
 * an idle card's was 43 % off its power (shared/metering/window-report.ts). Within twice, either way.
 */
const OF_COUNTER_RATIO = 1;

/**
 * A sentence with the figures where the series agrees neither with the energy nor with the integral beside it, else null.
 * Where samples are missing the device may have drawn anything up to the most that its type can.
 */
export function seriesDisagreement(
  device: DeviceReport,
  samplesWatts: readonly (number | null)[],
  stepMilliseconds: number,
): string | null {
  const { type, kind, energyMillijoules, integratedMillijoules, meteredMilliseconds } = device;
  const recovered = device.recoveredMillijoules ?? 0;
  let sumWatts = 0;
  let maxWatts = 0;
  let samples = 0;
  for (const watts of samplesWatts) {
    if (watts === null) continue;
    sumWatts += watts;
    if (watts > maxWatts) maxWatts = watts;
    samples++;
  }
  // Watts times milliseconds are millijoules.
  const ofSeries = sumWatts * stepMilliseconds;
  const sampledMs = samples * stepMilliseconds;
  const rounding = QUANTUM_WATTS * sampledMs + maxWatts * (EDGE_MS + stepMilliseconds);
  // Power goes on being sampled where a counter says nothing, and the other way round.
  const mostUnmetered = maxWatts * Math.max(0, Math.min(sampledMs, WINDOW_MS - meteredMilliseconds));
  const mostUnsampled = MAX_WATTS[type] * Math.max(0, Math.min(meteredMilliseconds, WINDOW_MS - sampledMs));
  /** What was recovered is of a time in which power may have been sampled, or not. */
  const agrees = (least: number, ratio: number) =>
    least <= ofSeries * (1 + ratio) + rounding + mostUnsampled &&
    ofSeries <= (least + recovered) * (1 + ratio) + rounding + mostUnmetered;
  if (agrees(energyMillijoules - recovered, kind === 'counter' ? OF_COUNTER_RATIO : OF_INTEGRATED_RATIO))
    return null;
  if (integratedMillijoules !== undefined && agrees(integratedMillijoules, OF_INTEGRAL_RATIO)) return null;
  return `The series of ${sampledMs} ms sums up to ${ofSeries} mJ, where ${integratedMillijoules ?? energyMillijoules} mJ were metered in ${meteredMilliseconds} ms.`;
}
