/**
 * Splits of an integer that lose and invent nothing (largest remainder, Hamilton's method): the parts are integers, sum
 * to the whole exactly, and each differs from its exact share by less than one.
 */

/**
 * @param whole non-negative safe integer (millijoules, milliseconds)
 * @param weights non-negative, finite; all zero splits evenly; at least one
 * @returns one integer per weight; ties go to the earlier part, so the same input always splits the same way
 */
export function splitInteger(whole: number, weights: readonly number[]): number[] {
  if (!Number.isSafeInteger(whole) || whole < 0)
    throw new RangeError(`cannot split ${whole}: not a whole non-negative number`);
  if (weights.length === 0) throw new RangeError('cannot split among no parts');
  if (weights.some((weight) => !Number.isFinite(weight) || weight < 0))
    throw new RangeError('weights must be finite and not negative');
  // Most of the agent's are: the rest would be half of what it does in a tick.
  if (weights.length === 1) return [whole];
  const scale = Math.max(...weights);
  // Scaling first keeps the sum finite for weights near the limits of a double.
  const scaled = scale === 0 ? weights.map(() => 1) : weights.map((weight) => weight / scale);
  const total = scaled.reduce((sum, weight) => sum + weight, 0);
  const exact = scaled.map((weight) => (whole * weight) / total);
  const parts = exact.map((share) => Math.min(Math.floor(share), whole));
  let rest = whole - parts.reduce((sum, part) => sum + part, 0);
  const order = exact
    .map((share, index) => ({ index, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  // Rounding in `exact` can leave the floors above the whole by a unit or two at 2^53: take it back from the smallest remainders.
  for (let i = order.length - 1; rest < 0; i = i === 0 ? order.length - 1 : i - 1) {
    const { index } = order[i]!;
    if (parts[index]! > 0) {
      parts[index]!--;
      rest++;
    }
  }
  for (let i = 0; rest > 0; i = (i + 1) % order.length, rest--) parts[order[i]!.index]!++;
  return parts;
}
