import { MAX_SHARDS } from '../shared/settings/shards.ts';
import { CommandError } from './command-error.ts';

/** What `--shards` says; null where it is not given. */
export function shardCount(text: string | undefined): number | null {
  if (text === undefined) return null;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > MAX_SHARDS)
    throw new CommandError(`--shards must be a whole number from 1 to ${MAX_SHARDS}, got "${text}"`, 2);
  return count;
}
