/**
 * What the numbers before let expect. Of several guesses the one that has been nearest of late is taken; writer and reader
 * choose alike, from what both have seen. Only sums, products and quotients: every engine gets the same.
 */

/** How fast the past is forgotten. */
const ADAPTATION = 1 / 4;
/** A guess over it would say nothing, and its difference from a number might be over 2^52. */
const MOST = 2 ** 48;

/** Of one number per window, such as a device's energy. */
export class Guesser {
  /** Nothing was learned yet, and there is nothing to guess from. */
  isNew = true;
  last = 0;
  mean = 0;
  readonly #errors: number[] = [];

  /** @param guesses in an order that never changes */
  best(guesses: readonly number[]): number {
    let best = 0;
    for (let i = 1; i < guesses.length; i++) if ((this.#errors[i] ?? 0) < (this.#errors[best] ?? 0)) best = i;
    return Math.round(Math.max(-MOST, Math.min(MOST, guesses[best]!)));
  }

  learn(guesses: readonly number[], value: number): void {
    if (this.isNew) {
      this.mean = value;
    } else {
      for (let i = 0; i < guesses.length; i++) {
        const error = Math.abs(guesses[i]! - value);
        const before = this.#errors[i] ?? error;
        this.#errors[i] = before + (error - before) * ADAPTATION;
      }
      this.mean += (value - this.mean) * ADAPTATION;
    }
    this.isNew = false;
    this.last = value;
  }
}
