/**
 * Ridge regression kept as sums (X'X, X'y, y'y): a day's samples are added, older ones fade, and the weights follow by one
 * Cholesky solution. So a model learns in small steps, and what it learned is a few kilobytes of numbers.
 */

/** Added to each feature's own size, so that one that hardly varies cannot take a large weight. */
const RIDGE_FLOOR = 0.02;

export interface Fit {
  readonly weights: Float64Array;
  /** Variance of what the weights leave unexplained, over the faded samples. */
  readonly residualVariance: number;
}

export class RidgeSums {
  readonly #size: number;
  readonly #ridge: number;
  readonly #products: Float64Array;
  readonly #targets: Float64Array;
  #targetSquares = 0;

  /**
   * @param size features per sample; the first is the constant 1 and is not shrunk
   * @param ridge how much each weight is shrunk, relative to its feature's size: little where samples are many
   */
  constructor(size: number, ridge: number) {
    this.#size = size;
    this.#ridge = ridge;
    this.#products = new Float64Array(size * size);
    this.#targets = new Float64Array(size);
  }

  /** @param factor 0..1 */
  fade(factor: number): void {
    for (let i = 0; i < this.#products.length; i++) this.#products[i]! *= factor;
    for (let i = 0; i < this.#size; i++) this.#targets[i]! *= factor;
    this.#targetSquares *= factor;
  }

  add(row: Float64Array, target: number): void {
    for (let i = 0; i < this.#size; i++) {
      const value = row[i]!;
      for (let j = 0; j <= i; j++) this.#products[i * this.#size + j]! += value * row[j]!;
      this.#targets[i]! += value * target;
    }
    this.#targetSquares += target * target;
  }

  /** Null before the first sample. */
  fit(): Fit | null {
    const size = this.#size;
    const samples = this.#products[0]!;
    if (samples === 0) return null;
    const shrunk = Float64Array.from(this.#products);
    for (let i = 1; i < size; i++) {
      const own = i * size + i;
      shrunk[own]! += this.#ridge * (samples * RIDGE_FLOOR + shrunk[own]!);
    }
    const weights = solveCholesky(shrunk, this.#targets, size);
    return { weights, residualVariance: Math.max(0, this.#unexplained(weights) / samples) };
  }

  #unexplained(weights: Float64Array): number {
    const size = this.#size;
    let sum = this.#targetSquares;
    for (let i = 0; i < size; i++) {
      sum -= 2 * weights[i]! * this.#targets[i]!;
      for (let j = 0; j < size; j++) {
        sum += weights[i]! * weights[j]! * this.#products[Math.max(i, j) * size + Math.min(i, j)]!;
      }
    }
    return sum;
  }
}

/** Solves A x = b; the lower half of A is read and overwritten. */
function solveCholesky(matrix: Float64Array, right: Float64Array, size: number): Float64Array {
  const at = (row: number, column: number) => matrix[row * size + column]!;
  for (let column = 0; column < size; column++) {
    for (let row = column; row < size; row++) {
      let value = at(row, column);
      for (let k = 0; k < column; k++) value -= at(row, k) * at(column, k);
      // A feature that never varies leaves a zero here; the ridge keeps all others above it.
      matrix[row * size + column] =
        row === column ? Math.sqrt(Math.max(value, 1e-12)) : value / at(column, column);
    }
  }
  const solution = Float64Array.from(right);
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < row; k++) solution[row]! -= at(row, k) * solution[k]!;
    solution[row]! /= at(row, row);
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let k = row + 1; k < size; k++) solution[row]! -= at(k, row) * solution[k]!;
    solution[row]! /= at(row, row);
  }
  return solution;
}
