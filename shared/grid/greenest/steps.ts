/** The steps of one zone's forecast, cut to the time that a job may use, and the ways to place a job on them. */
import { EIGHTY_PERCENT_HALF_WIDTH } from './saving-band.ts';

/** One interval of a forecast or of a known value; 80 % of outcomes are expected between low and high. */
export interface GreenestStep {
  readonly startMs: number;
  readonly endMs: number;
  readonly gramsPerKwh: number;
  readonly gramsPerKwhLow: number;
  readonly gramsPerKwhHigh: number;
}

/** A step as the choice sees it: what is expected of it, and how far outcomes scatter. */
export interface ExpectedStep {
  readonly startMs: number;
  readonly endMs: number;
  readonly mean: number;
  readonly deviation: number;
}

/** Milliseconds of the job in each step. */
export type Placement = Float64Array;

/** @throws RangeError for steps that are empty, out of order or overlap */
export function cutSteps(
  steps: readonly GreenestStep[],
  notBeforeMs: number,
  deadlineMs: number,
): ExpectedStep[] {
  const cut: ExpectedStep[] = [];
  let lastEndMs = Number.NEGATIVE_INFINITY;
  for (const step of steps) {
    if (step.startMs < lastEndMs || step.endMs <= step.startMs)
      throw new RangeError(`steps must follow each other in time; see the one at ${step.startMs}`);
    lastEndMs = step.endMs;
    const startMs = Math.max(step.startMs, notBeforeMs);
    const endMs = Math.min(step.endMs, deadlineMs);
    if (endMs > startMs) cut.push({ startMs, endMs, ...moments(step) });
  }
  return cut;
}

/**
 * A sum is best told by means, and the point of a forecast need not be one. The band gives it: of a log-normal outcome if the band
 * is positive, else the point stands and the band is read as a normal one.
 */
function moments(step: GreenestStep): { mean: number; deviation: number } {
  const { gramsPerKwh, gramsPerKwhLow: low, gramsPerKwhHigh: high } = step;
  if (!(low > 0)) return { mean: gramsPerKwh, deviation: (high - low) / (2 * EIGHTY_PERCENT_HALF_WIDTH) };
  const sigma = Math.log(high / low) / (2 * EIGHTY_PERCENT_HALF_WIDTH);
  const mean = Math.sqrt(low * high) * Math.exp(sigma ** 2 / 2);
  return { mean, deviation: mean * Math.sqrt(Math.expm1(sigma ** 2)) };
}

/** From the first step on without a pause; null where the steps have a gap in it or end too soon. */
export function placeAt(steps: readonly ExpectedStep[], first: number, durationMs: number): Placement | null {
  const placement = new Float64Array(steps.length);
  let left = durationMs;
  for (let i = first; i < steps.length; i++) {
    const { startMs, endMs } = steps[i]!;
    if (i > first && startMs !== steps[i - 1]!.endMs) return null;
    placement[i] = Math.min(left, endMs - startMs);
    left -= placement[i]!;
    if (left <= 0) return placement;
  }
  return null;
}

/** The start, at a step, of least expected intensity over the whole duration; of equal ones the earliest. */
export function placeBest(steps: readonly ExpectedStep[], durationMs: number): Placement | null {
  const before = new Float64Array(steps.length + 1);
  for (const [i, step] of steps.entries())
    before[i + 1] = before[i]! + step.mean * (step.endMs - step.startMs);
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  let last = 0;
  let gapAfter = 0;
  for (const [first, { startMs }] of steps.entries()) {
    while (last < steps.length && steps[last]!.endMs < startMs + durationMs) {
      if (last + 1 < steps.length && steps[last + 1]!.startMs !== steps[last]!.endMs) gapAfter = last + 1;
      last++;
    }
    if (last === steps.length) break;
    if (first < gapAfter) continue;
    const end = steps[last]!;
    const sum = before[last]! - before[first]! + end.mean * (startMs + durationMs - end.startMs);
    if (sum >= least - Math.abs(least) * 1e-12) continue;
    best = first;
    least = sum;
  }
  return best < 0 ? null : placeAt(steps, best, durationMs);
}

/** The cleanest steps, wherever they lie; of equal ones the earlier. Null where all steps together are too short. */
export function placePieces(steps: readonly ExpectedStep[], durationMs: number): Placement | null {
  const placement = new Float64Array(steps.length);
  const order = steps.map((_, i) => i).sort((a, b) => steps[a]!.mean - steps[b]!.mean || a - b);
  let left = durationMs;
  for (const i of order) {
    placement[i] = Math.min(left, steps[i]!.endMs - steps[i]!.startMs);
    left -= placement[i]!;
    if (left <= 0) return placement;
  }
  return null;
}
