/**
 * How far each memory is trusted, by how it did lately: a grid that has just changed is better told by the short memory,
 * a steady one by the long ones. Judged by lead day, since what helps tomorrow need not help in four days.
 */
const DAY_HOURS = 24;
/** Half of what is remembered of past errors is a month old. */
const HALF_LIFE_DAYS = 30;
/** Steep: of memories that differ by a tenth in squared error, the better one weighs nearly twice as much. */
const STEEPNESS = 6;
/** Squared error in logarithms before anything was judged: 3 %. */
const FIRST_ERROR = 1e-3;

export class MemoryTrust {
  /** By lead day, then memory. */
  readonly #errors: Float64Array[];

  constructor(leadHours: number, memories: number) {
    this.#errors = Array.from({ length: Math.ceil(leadHours / DAY_HOURS) }, () =>
      new Float64Array(memories).fill(FIRST_ERROR),
    );
  }

  /**
   * @param leadDay 0 for the first 24 leads
   * @param squaredErrors of each memory over the hours of that lead day
   */
  judge(leadDay: number, squaredErrors: readonly number[]): void {
    const errors = this.#errors[leadDay]!;
    const fade = 0.5 ** (1 / HALF_LIFE_DAYS);
    for (const [memory, error] of squaredErrors.entries())
      errors[memory] = fade * errors[memory]! + (1 - fade) * error;
  }

  /** Sums to 1. */
  weights(lead: number): number[] {
    const errors = this.#errors[Math.floor(lead / DAY_HOURS)]!;
    const least = Math.min(...errors);
    const raw = Array.from(errors, (error) => (least / error) ** STEEPNESS);
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return raw.map((weight) => weight / total);
  }
}
