import { planOf } from '../env.ts';
import { FleetWords } from '../use-cases/rollup/labels.ts';
import { runRollups, TURN_NODE_HOURS } from '../use-cases/rollup/run.ts';
import { eachShardInTurn } from './each-shard.ts';
import type { ScheduledJob } from './register.ts';

/** Every second minute. */
const TURN_MS = 120_000;

/** Due whenever an hour is over, or something of a past one has changed; how far it is stands in `rollup_state`. */
export const rollup: ScheduledJob = async ({ env, shards, now }) => {
  const plan = planOf(env);
  // A run of the free plan has the queries for one database.
  const most = plan === 'free' ? 1 : shards.count;
  const nodeHours = TURN_NODE_HOURS[plan] / most;
  const words = new FleetWords();
  await eachShardInTurn(shards, now(), TURN_MS, most, (db) =>
    runRollups(db, now(), nodeHours, shards, words),
  );
};
