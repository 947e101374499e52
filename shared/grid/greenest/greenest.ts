/**
 * The greenest time for a job: of all starts between `notBeforeMs` and `deadlineMs` the one with the least expected grams, in each zone
 * asked for, against starting at once. Pure: forecasts come in, and it does not matter whose they are.
 */
import { MILLIJOULES_PER_KWH } from '../../units.ts';
import { deviationOfSum, EIGHTY_PERCENT_HALF_WIDTH } from './saving-band.ts';
import {
  cutSteps,
  type ExpectedStep,
  type GreenestStep,
  type Placement,
  placeAt,
  placeBest,
  placePieces,
  type Span,
} from './steps.ts';

export type { GreenestStep } from './steps.ts';

export interface GreenestZone {
  readonly gridZone: string;
  /** In order of time, not overlapping, of any length; a known value has a band of no width. A gap is a gap: no job runs over it. */
  readonly steps: readonly GreenestStep[];
}

export interface GreenestQuestion {
  /** The first is where the job would run otherwise. */
  readonly zones: readonly GreenestZone[];
  readonly durationMs: number;
  /** Starting "at once" is starting then. */
  readonly notBeforeMs: number;
  /** The job has ended by then. */
  readonly deadlineMs: number;
  /** Of the whole job while it runs, its PUE included if that is wanted. */
  readonly powerWatts: number;
  /** It may pause and resume: the cleanest steps, wherever they lie. */
  readonly interruptible: boolean;
}

export interface GreenestChoice {
  readonly startMs: number;
  readonly endMs: number;
  /** When it runs: one span, or several where it may pause. */
  readonly spans: readonly Span[];
  /** Mean over the time that it runs. */
  readonly gramsPerKwh: number;
  /** Expected; 80 % of outcomes between low and high. */
  readonly grams: number;
  readonly gramsLow: number;
  readonly gramsHigh: number;
}

/** Positive: the choice emits less. 80 % of outcomes between low and high. */
export interface GreenestSaving {
  readonly grams: number;
  readonly gramsLow: number;
  readonly gramsHigh: number;
  /** Of the grams of starting at once; 0 where those are 0. */
  readonly ratio: number;
  /** False where the band covers zero: then no start is known to be better than now. */
  readonly worthWaiting: boolean;
}

export interface ZoneAnswer {
  readonly gridZone: string;
  readonly best: GreenestChoice;
  /** The same job at once, in this zone, without a pause; null where the steps do not cover it. */
  readonly startNow: GreenestChoice | null;
  readonly saving: GreenestSaving | null;
}

export interface GreenestAnswer {
  /** Least expected grams first; of equal ones in the order asked. Empty where every zone is excluded. */
  readonly zones: readonly ZoneAnswer[];
  /** Of `zones[0]` against starting at once in the first zone asked for; null where either is not known. */
  readonly saving: GreenestSaving | null;
  /** Zones whose steps nowhere cover the job between the two instants. */
  readonly excluded: readonly string[];
}

interface Placed {
  readonly answer: ZoneAnswer;
  readonly steps: readonly ExpectedStep[];
  readonly best: Placement;
  readonly now: Placement | null;
}

/** @throws RangeError for a duration or power that is not above zero, or a deadline that the job cannot meet */
export function greenest(question: GreenestQuestion): GreenestAnswer {
  const { durationMs, notBeforeMs, deadlineMs, powerWatts } = question;
  if (!(durationMs > 0)) throw new RangeError(`durationMs must be above zero, got ${durationMs}`);
  if (!(powerWatts > 0)) throw new RangeError(`powerWatts must be above zero, got ${powerWatts}`);
  if (!(notBeforeMs + durationMs <= deadlineMs))
    throw new RangeError(`deadlineMs must be at least durationMs after notBeforeMs, got ${deadlineMs}`);
  const placed = question.zones.flatMap((zone) => placeIn(zone, question) ?? []);
  const home = placed.find(({ answer }) => answer.gridZone === question.zones[0]?.gridZone);
  const ranked = placed.toSorted((a, b) => a.answer.best.grams - b.answer.best.grams);
  const known = new Set(placed.map(({ answer }) => answer.gridZone));
  return {
    zones: ranked.map(({ answer }) => answer),
    saving: savingBetween(home, ranked[0], powerWatts),
    excluded: question.zones.map(({ gridZone }) => gridZone).filter((gridZone) => !known.has(gridZone)),
  };
}

function placeIn(zone: GreenestZone, question: GreenestQuestion): Placed | null {
  const { durationMs, notBeforeMs, deadlineMs, powerWatts, interruptible } = question;
  const steps = cutSteps(zone.steps, notBeforeMs, deadlineMs);
  const best = interruptible ? placePieces(steps, durationMs) : placeBest(steps, durationMs);
  if (best === null) return null;
  const now = placeAt(steps, notBeforeMs, durationMs);
  const answer = {
    gridZone: zone.gridZone,
    best: choice(steps, best, powerWatts),
    startNow: now && choice(steps, now, powerWatts),
    saving: null,
  };
  const placed = { answer, steps, best, now };
  return { ...placed, answer: { ...answer, saving: savingBetween(placed, placed, powerWatts) } };
}

/** Of the best of `to` against starting at once in `from`; forecasts of two zones err independently. */
function savingBetween(
  from: Placed | undefined,
  to: Placed | undefined,
  powerWatts: number,
): GreenestSaving | null {
  if (from === undefined || to === undefined || from.now === null) return null;
  const { now } = from;
  const deviation =
    from.answer.gridZone === to.answer.gridZone
      ? deviationOfSum(
          from.steps,
          now.milliseconds.map((ms, i) => ms - to.best.milliseconds[i]!),
        )
      : Math.hypot(
          deviationOfSum(from.steps, now.milliseconds),
          deviationOfSum(to.steps, to.best.milliseconds),
        );
  const before = intensityMs(from.steps, now);
  const perUnit = kilowattHoursPerMs(powerWatts);
  const grams = (before - intensityMs(to.steps, to.best)) * perUnit;
  const half = EIGHTY_PERCENT_HALF_WIDTH * deviation * perUnit;
  return {
    grams,
    gramsLow: grams - half,
    gramsHigh: grams + half,
    ratio: before > 0 ? grams / (before * perUnit) : 0,
    worthWaiting: grams - half > 0,
  };
}

function choice(steps: readonly ExpectedStep[], placement: Placement, powerWatts: number): GreenestChoice {
  const { spans, milliseconds } = placement;
  const durationMs = milliseconds.reduce((sum, ms) => sum + ms, 0);
  const sum = intensityMs(steps, placement);
  const perUnit = kilowattHoursPerMs(powerWatts);
  const half = EIGHTY_PERCENT_HALF_WIDTH * deviationOfSum(steps, milliseconds) * perUnit;
  return {
    startMs: spans[0]!.startMs,
    endMs: spans.at(-1)!.endMs,
    spans,
    gramsPerKwh: sum / durationMs,
    grams: sum * perUnit,
    gramsLow: Math.max(0, sum * perUnit - half),
    gramsHigh: sum * perUnit + half,
  };
}

const intensityMs = (steps: readonly ExpectedStep[], { milliseconds }: Placement) =>
  milliseconds.reduce((sum, ms, i) => sum + ms * steps[i]!.mean, 0);

/** 1 W for 1 ms is 1 mJ. */
const kilowattHoursPerMs = (powerWatts: number) => powerWatts / MILLIJOULES_PER_KWH;
