import { runRollups, TURN_NODE_HOURS } from '../use-cases/rollup/run.ts';
import { eachShardInTurn } from './each-shard.ts';
import type { ScheduledJob } from './register.ts';

/** Due whenever an hour is over, or something of a past one has changed; how far it is stands in `rollup_state`. */
export const rollup: ScheduledJob = async ({ env, shards, now }) => {
  const nodeHours = TURN_NODE_HOURS[env.RETENTION_PLAN === 'free' ? 'free' : 'paid'] / shards.count;
  await eachShardInTurn(shards, now(), (db) => runRollups(db, now(), nodeHours, shards.main));
};
