/**
 * A zone's hourly intensity as the forecaster sees it: on a scale that stretches clean hours, where errors of intensity weigh
 * like relative ones. Index = hours since the series began. Hours without a value take that of the day before.
 */
import { HOURS_PER_DAY } from '../../time/window.ts';

/** Box-Cox exponent, chosen on October 2023 to September 2024: a relative error is least there. */
const EXPONENT = -0.4;
/** Keeps the way back from the scale finite. */
const LEAST_ROOT = 0.05;
/** Below, noise near zero would be seen as an event. */
const LEAST_GRAMS_PER_KWH = 0.5;

export class HourlySeries {
  /** Whole hours since 1970 of index 0. */
  readonly startHour: number;
  readonly length: number;
  readonly #unitGramsPerKwh: number;
  readonly #values: Float64Array;
  /** Sums of all values before, and of the same hour of all days before. */
  readonly #sums: Float64Array;
  readonly #daySums: Float64Array;

  /**
   * @param gramsPerKwh hour by hour; NaN where there is none
   * @param unitGramsPerKwh the zone's usual intensity: the same for as long as one model learns
   */
  constructor(startHour: number, gramsPerKwh: ArrayLike<number>, unitGramsPerKwh: number) {
    this.startHour = startHour;
    this.length = gramsPerKwh.length;
    this.#unitGramsPerKwh = unitGramsPerKwh;
    const filled = Float64Array.from(gramsPerKwh);
    let last = filled.find(Number.isFinite) ?? unitGramsPerKwh;
    for (let i = 0; i < filled.length; i++) {
      if (!Number.isFinite(filled[i])) filled[i] = i >= HOURS_PER_DAY ? filled[i - HOURS_PER_DAY]! : last;
      last = filled[i]!;
    }
    const floor = Math.max(LEAST_GRAMS_PER_KWH, 0.01 * unitGramsPerKwh);
    this.#values = filled.map(
      (value) => ((Math.max(value, floor) / unitGramsPerKwh) ** EXPONENT - 1) / EXPONENT,
    );
    this.#sums = new Float64Array(this.length + 1);
    this.#daySums = new Float64Array(this.length + HOURS_PER_DAY);
    for (let i = 0; i < this.length; i++) {
      this.#sums[i + 1] = this.#sums[i]! + this.#values[i]!;
      this.#daySums[i + HOURS_PER_DAY] = this.#daySums[i]! + this.#values[i]!;
    }
  }

  at(index: number): number {
    return this.#values[index]!;
  }

  /** Over `[from, to)`. */
  mean(from: number, to: number): number {
    return (this.#sums[to]! - this.#sums[from]!) / (to - from);
  }

  /** Mean of one hour of the day over the days before the origin; `hour` 0..23 counts from the origin. */
  hourOfDayMean(origin: number, hour: number, days: number): number {
    const last = origin + hour;
    return (this.#daySums[last]! - this.#daySums[last - days * HOURS_PER_DAY]!) / days;
  }

  /** Back from the scale. */
  gramsPerKwh(value: number): number {
    return this.#unitGramsPerKwh * Math.max(LEAST_ROOT, EXPONENT * value + 1) ** (1 / EXPONENT);
  }

  /** What a step on the scale is in logarithms, at an intensity. */
  logsPerUnit(gramsPerKwh: number): number {
    return (gramsPerKwh / this.#unitGramsPerKwh) ** -EXPONENT;
  }
}

/** Geometric mean of what is above zero; a zone's unit is best taken over its first weeks to a year. */
export function usualIntensity(gramsPerKwh: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < gramsPerKwh.length; i++) {
    const value = gramsPerKwh[i]!;
    if (!(value > 0)) continue;
    sum += Math.log(value);
    count++;
  }
  return Math.max(LEAST_GRAMS_PER_KWH, count === 0 ? 0 : Math.exp(sum / count));
}
