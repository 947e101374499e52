/** After a change that moves what hardware accrues: the other databases mark their hours at once, not at their next turn. */
import { followMain } from '../../storage/rollup-follow.ts';
import type { Shards } from '../../storage/shards.ts';

/** One that cannot now does so at its next turn: the change itself is made. */
export async function followEverywhere(shards: Shards): Promise<void> {
  try {
    await shards.each(async (db, shard) => (shard === 0 ? undefined : followMain(db, shards.main)));
  } catch (error) {
    console.error('hours are marked at the next turn:', error);
  }
}
