/** How the databases of a fleet are named where they are bound. */

/** Sixty-four databases of 10 GB. */
export const MAX_SHARDS = 64;

/** `DB` is the first; the others are `DB_1`, `DB_2` and so on, without a gap. */
export const bindingOf = (shard: number): string => (shard === 0 ? 'DB' : `DB_${shard}`);
