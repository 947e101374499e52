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

export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

export interface Placement {
  /** When the job runs: one span, or several where it may pause. */
  readonly spans: readonly Span[];
  /** Of the job, in each step. */
  readonly milliseconds: Float64Array;
}

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

/** From an instant on without a pause; null where the steps do not cover it whole. */
export function placeAt(
  steps: readonly ExpectedStep[],
  startMs: number,
  durationMs: number,
): Placement | null {
  const endMs = startMs + durationMs;
  const milliseconds = Float64Array.from(steps, (step) =>
    Math.max(0, Math.min(step.endMs, endMs) - Math.max(step.startMs, startMs)),
  );
  const covered = milliseconds.reduce((sum, ms) => sum + ms, 0);
  return covered < durationMs ? null : { spans: [{ startMs, endMs }], milliseconds };
}

/**
 * The start of least expected intensity over the whole duration; of equal ones the earliest. Between two instants at which the
 * job starts or ends on the edge of a step, its grams change evenly: one of those is the best.
 */
export function placeBest(steps: readonly ExpectedStep[], durationMs: number): Placement | null {
  const starts = steps.flatMap(({ startMs, endMs }) => [startMs, endMs - durationMs]).sort((a, b) => a - b);
  const untilStart = integral(steps);
  const untilEnd = integral(steps);
  let best: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const startMs of starts) {
    const before = untilStart(startMs);
    const after = untilEnd(startMs + durationMs);
    const sum = after.intensityMs - before.intensityMs;
    if (after.coveredMs - before.coveredMs < durationMs || sum >= least - Math.abs(least) * 1e-12) continue;
    best = startMs;
    least = sum;
  }
  return best === null ? null : placeAt(steps, best, durationMs);
}

/** Of the intensity, and of the time that the steps cover, up to instants that never go back. */
function integral(steps: readonly ExpectedStep[]) {
  let next = 0;
  let intensityMs = 0;
  let coveredMs = 0;
  return (untilMs: number) => {
    for (let step = steps[next]; step !== undefined && step.endMs <= untilMs; step = steps[++next]) {
      intensityMs += step.mean * (step.endMs - step.startMs);
      coveredMs += step.endMs - step.startMs;
    }
    const partMs = Math.max(0, untilMs - (steps[next]?.startMs ?? untilMs));
    return {
      intensityMs: intensityMs + partMs * (steps[next]?.mean ?? 0),
      coveredMs: coveredMs + partMs,
    };
  };
}

/** The cleanest steps, wherever they lie; of equal ones the earlier. Null where all steps together are too short. */
export function placePieces(steps: readonly ExpectedStep[], durationMs: number): Placement | null {
  const milliseconds = new Float64Array(steps.length);
  const order = steps.map((_, i) => i).sort((a, b) => steps[a]!.mean - steps[b]!.mean || a - b);
  let left = durationMs;
  for (const i of order) {
    milliseconds[i] = Math.min(left, steps[i]!.endMs - steps[i]!.startMs);
    left -= milliseconds[i]!;
    if (left <= 0) return { spans: joined(steps, milliseconds), milliseconds };
  }
  return null;
}

function joined(steps: readonly ExpectedStep[], milliseconds: Float64Array): Span[] {
  const spans: { startMs: number; endMs: number }[] = [];
  for (const [i, ms] of milliseconds.entries()) {
    if (ms === 0) continue;
    const { startMs } = steps[i]!;
    const last = spans.at(-1);
    if (last?.endMs === startMs) last.endMs = startMs + ms;
    else spans.push({ startMs, endMs: startMs + ms });
  }
  return spans;
}
