/** A turn of a job that each database has for itself. */
import type { Shards } from '../storage/shards.ts';

/**
 * One after the other, another one first in each turn, so that a turn that is cut off is not always cut off at the same. One
 * that fails keeps none of the others from their turn.
 * @param everyMs how often the job has a turn
 * @param most databases that one run has room for; the others have the turns after it
 * @throws what the first of those threw, once all had their turn
 */
export async function eachShardInTurn(
  shards: Shards,
  nowMs: number,
  everyMs: number,
  most: number,
  run: (db: D1Database) => Promise<void>,
): Promise<void> {
  const count = Math.min(most, shards.count);
  const turn = Math.floor(nowMs / everyMs);
  const first = count === shards.count ? turn : turn * count;
  const errors: unknown[] = [];
  for (let i = 0; i < count; i++) {
    try {
      await shards.ask((first + i) % shards.count, run);
    } catch (error) {
      errors.push(error);
    }
  }
  for (const error of errors.slice(1)) console.error(error);
  if (errors.length > 0) throw errors[0];
}
