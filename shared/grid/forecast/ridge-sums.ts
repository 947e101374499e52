/**
 * Ridge regression kept as sums (X'X, X'Y, Y'Y): a day's samples are added, older ones fade, and the weights of all targets follow by one
 * Cholesky decomposition. So a model learns in small steps, and what it learned is one array of numbers.
 */

/** Added to each feature's own size, so that one that hardly varies cannot take a large weight. */
const RIDGE_FLOOR = 0.02;
/** Weights are shrunk as if so many samples had spoken for none: many while there are few samples, few when there are many. */
const SHRINK_PRODUCT = 50_000;
const LEAST_SHRINK = 7;
const MOST_SHRINK = 500;

export interface Fit {
  /** By target, then feature. */
  readonly weights: readonly Float64Array[];
  /** By target: variance of what the weights leave unexplained, over the faded samples and those that spoke for none. */
  readonly residualVariances: Float64Array;
}

export class RidgeSums {
  readonly #size: number;
  readonly #targets: number;
  /** X'X (of which the lower half is used), then X'Y by target, then Y'Y. */
  readonly #sums: Float64Array;

  /** @param sums of an earlier life, as `sums` gave them; the first feature is the constant 1 and is not shrunk */
  constructor(size: number, targets: number, sums: Float64Array) {
    if (sums.length !== RidgeSums.length(size, targets))
      throw new RangeError(`sums must hold ${RidgeSums.length(size, targets)} numbers, got ${sums.length}`);
    this.#size = size;
    this.#targets = targets;
    this.#sums = sums;
  }

  static length(size: number, targets: number): number {
    return (size * (size + 1)) / 2 + targets * size + targets;
  }

  /** Faded samples. */
  get samples(): number {
    return this.#sums[0]!;
  }

  /** @param factor 0..1 */
  fade(factor: number): void {
    const sums = this.#sums;
    for (let i = 0; i < sums.length; i++) sums[i]! *= factor;
  }

  add(row: Float64Array, targets: Float64Array): void {
    const size = this.#size;
    const sums = this.#sums;
    let next = 0;
    for (let i = 0; i < size; i++) {
      const value = row[i]!;
      for (let j = 0; j <= i; j++) sums[next++]! += value * row[j]!;
    }
    for (const value of targets) for (let i = 0; i < size; i++) sums[next++]! += value * row[i]!;
    for (const value of targets) sums[next++]! += value ** 2;
  }

  /**
   * Null before the first sample.
   * @param featuresOf how many features, from the first on, a target is told from; all unless said
   */
  fit(featuresOf: (target: number) => number = () => this.#size): Fit | null {
    const size = this.#size;
    const samples = this.samples;
    if (samples === 0) return null;
    const shrink = Math.min(MOST_SHRINK, Math.max(LEAST_SHRINK, SHRINK_PRODUCT / samples));
    const lower = new Float64Array(size * size);
    const ridge = new Float64Array(size);
    let next = 0;
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) lower[i * size + j] = this.#sums[next++]!;
      const own = i * size + i;
      if (i > 0) ridge[i] = shrink * (RIDGE_FLOOR + lower[own]! / samples);
      lower[own]! += ridge[i]!;
    }
    decompose(lower, size);
    const weights: Float64Array[] = [];
    const residualVariances = new Float64Array(this.#targets);
    const squares = next + this.#targets * size;
    for (let target = 0; target < this.#targets; target++, next += size) {
      // The decomposition of the first features alone is a corner of that of all.
      const right = this.#sums.subarray(next, next + featuresOf(target));
      const solution = solve(lower, right, size);
      weights.push(solution);
      const unexplained = this.#sums[squares + target]! - explained(solution, right, ridge);
      const ofNone = shrink * (this.#sums[squares + target]! / samples);
      residualVariances[target] = (Math.max(0, unexplained) + ofNone) / (samples + shrink);
    }
    return { weights, residualVariances };
  }
}

/** 2 w'X'y - w'X'Xw, as (X'X + ridge) w = X'y. */
function explained(weights: Float64Array, right: Float64Array, ridge: Float64Array): number {
  return weights.reduce((sum, weight, i) => sum + weight * (right[i]! + ridge[i]! * weight), 0);
}

/** Cholesky, in place: the lower half becomes L of L L'. */
function decompose(matrix: Float64Array, size: number): void {
  for (let column = 0; column < size; column++) {
    for (let row = column; row < size; row++) {
      let value = matrix[row * size + column]!;
      for (let k = 0; k < column; k++) value -= matrix[row * size + k]! * matrix[column * size + k]!;
      // A feature that never varies leaves a zero here; the ridge keeps all others above it.
      matrix[row * size + column] =
        row === column ? Math.sqrt(Math.max(value, 1e-12)) : value / matrix[column * size + column]!;
    }
  }
}

function solve(lower: Float64Array, right: Float64Array, stride: number): Float64Array {
  const solution = Float64Array.from(right);
  const size = solution.length;
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < row; k++) solution[row]! -= lower[row * stride + k]! * solution[k]!;
    solution[row]! /= lower[row * stride + row]!;
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let k = row + 1; k < size; k++) solution[row]! -= lower[k * stride + row]! * solution[k]!;
    solution[row]! /= lower[row * stride + row]!;
  }
  return solution;
}
