/**
 * How far a forecaster was off, by how far ahead it looked: outcomes against what was said at the time, in logarithms, where
 * errors are alike in clean and dirty hours. From it comes the band of a forecast that brings none.
 */
import { EIGHTY_PERCENT_HALF_WIDTH } from './greenest/saving-band.ts';

/** Upper ends, in hours ahead. */
const BUCKET_HOURS = [3, 6, 12, 24, 48, 96];
/** Fewer outcomes than these tell nothing of a spread. */
const LEAST_OUTCOMES = 24;
/** Below it a logarithm would see noise as an event. */
const FLOOR_GRAMS_PER_KWH = 1;

export class LeadErrors {
  readonly #squares = new Float64Array(BUCKET_HOURS.length);
  readonly #counts = new Float64Array(BUCKET_HOURS.length);

  /** @param hoursAhead from when it was said to the start of the hour it was said of */
  add(hoursAhead: number, forecastGramsPerKwh: number, outcomeGramsPerKwh: number): void {
    this.addLogs(hoursAhead, logGrams(forecastGramsPerKwh), logGrams(outcomeGramsPerKwh));
  }

  /** The same of logarithms. */
  addLogs(hoursAhead: number, forecast: number, outcome: number): void {
    const bucket = bucketOf(hoursAhead);
    if (bucket < 0) return;
    this.#squares[bucket]! += (outcome - forecast) ** 2;
    this.#counts[bucket]!++;
  }

  /** Root mean square of ln(outcome / forecast); null where too few outcomes are known so far ahead. */
  deviation(hoursAhead: number): number | null {
    const bucket = bucketOf(hoursAhead);
    if (bucket < 0 || this.#counts[bucket]! < LEAST_OUTCOMES) return null;
    return Math.sqrt(this.#squares[bucket]! / this.#counts[bucket]!);
  }
}

/** 80 % of outcomes are expected within, if ln(outcome / forecast) scatters by `deviation`. */
export function bandAround(
  gramsPerKwh: number,
  deviation: number,
): { readonly lowGramsPerKwh: number; readonly highGramsPerKwh: number } {
  const factor = Math.exp(EIGHTY_PERCENT_HALF_WIDTH * deviation);
  return { lowGramsPerKwh: gramsPerKwh / factor, highGramsPerKwh: gramsPerKwh * factor };
}

const bucketOf = (hoursAhead: number) =>
  hoursAhead < 0 ? -1 : BUCKET_HOURS.findIndex((end) => hoursAhead < end);

/** NaN stays NaN. */
export const logGrams = (gramsPerKwh: number) => Math.log(Math.max(gramsPerKwh, FLOOR_GRAMS_PER_KWH));
