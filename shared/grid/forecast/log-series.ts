/**
 * An hourly series in logarithms, where errors of intensity are alike in clean and dirty hours. Index = hours since the
 * series began. Hours without a value take that of the day before, so that a short outage bends no feature.
 */
const HOURS_PER_DAY = 24;
/** Below this share of the first year's mean the logarithm would see noise as an event. */
const FLOOR_SHARE = 0.01;
const LEAST_GRAMS_PER_KWH = 0.5;
const FIRST_YEAR_HOURS = 365 * HOURS_PER_DAY;

export class LogSeries {
  /** Whole hours since 1970 of index 0. */
  readonly startHour: number;
  readonly length: number;
  readonly #logs: Float64Array;
  readonly #sums: Float64Array;

  /** @param gramsPerKwh hour by hour; NaN where there is none */
  constructor(startHour: number, gramsPerKwh: ArrayLike<number>) {
    this.startHour = startHour;
    this.length = gramsPerKwh.length;
    const filled = Float64Array.from(gramsPerKwh);
    let last = firstFinite(filled);
    for (let i = 0; i < filled.length; i++) {
      if (!Number.isFinite(filled[i])) filled[i] = i >= HOURS_PER_DAY ? filled[i - HOURS_PER_DAY]! : last;
      last = filled[i]!;
    }
    const firstYear = filled.subarray(0, FIRST_YEAR_HOURS);
    const mean = firstYear.reduce((sum, value) => sum + value, 0) / Math.max(1, firstYear.length);
    const floor = Math.max(LEAST_GRAMS_PER_KWH, FLOOR_SHARE * mean);
    this.#logs = filled.map((value) => Math.log(Math.max(value, floor)));
    this.#sums = new Float64Array(this.length + 1);
    for (let i = 0; i < this.length; i++) this.#sums[i + 1] = this.#sums[i]! + this.#logs[i]!;
  }

  at(index: number): number {
    return this.#logs[index]!;
  }

  /** Over `[from, to)`. */
  mean(from: number, to: number): number {
    return (this.#sums[to]! - this.#sums[from]!) / (to - from);
  }

  /** Mean of one hour of the day over the days before the origin; `hour` 0..23 counts from the origin. */
  hourOfDayMean(origin: number, hour: number, days: number): number {
    let sum = 0;
    for (let day = 1; day <= days; day++) sum += this.#logs[origin + hour - HOURS_PER_DAY * day]!;
    return sum / days;
  }
}

function firstFinite(values: Float64Array): number {
  return values.find((value) => Number.isFinite(value)) ?? LEAST_GRAMS_PER_KWH;
}
