/** How sure a sum over hours is, where neighbouring hours err alike. */
import type { ExpectedStep } from './steps.ts';

/** Of a normal distribution, 80 % lie within so many standard deviations. */
export const EIGHTY_PERCENT_HALF_WIDTH = 1.281_551_565_5;
/** After so long the errors of two hours of one forecast share 1/e of their variance. */
const ERROR_MEMORY_MS = 12 * 3_600_000;

/**
 * Standard deviation of sum(weight x intensity), errors correlated by exp(-distance / memory).
 * @param weights per step, of either sign: of a difference of two placements, what both share cancels
 */
export function deviationOfSum(steps: readonly ExpectedStep[], weights: ArrayLike<number>): number {
  let variance = 0;
  let carried = 0;
  let lastMs = 0;
  for (const [i, { startMs, endMs, deviation }] of steps.entries()) {
    const weight = weights[i]! * deviation;
    if (weight === 0) continue;
    const middleMs = (startMs + endMs) / 2;
    carried *= Math.exp((lastMs - middleMs) / ERROR_MEMORY_MS);
    variance += weight ** 2 + 2 * weight * carried;
    carried += weight;
    lastMs = middleMs;
  }
  return Math.sqrt(Math.max(0, variance));
}
