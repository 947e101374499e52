/** A turn of a job that each database has for itself. */
import type { Shards } from '../storage/shards.ts';

const MINUTE_MS = 60_000;

/**
 * One after the other, another one first each time, so that a turn that is cut off is not always cut off at the same. One
 * that fails keeps none of the others from their turn. @throws what the first of those threw, once all had their turn
 */
export async function eachShardInTurn(
  shards: Shards,
  nowMs: number,
  run: (db: D1Database) => Promise<void>,
): Promise<void> {
  const first = Math.floor(nowMs / MINUTE_MS) % shards.count;
  const errors: unknown[] = [];
  for (let i = 0; i < shards.count; i++) {
    try {
      await shards.ask((first + i) % shards.count, run);
    } catch (error) {
      errors.push(error);
    }
  }
  for (const error of errors.slice(1)) console.error(error);
  if (errors.length > 0) throw errors[0];
}
