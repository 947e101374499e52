import { planOf } from '../env.ts';
import { countedDatabase } from '../storage/counted-database.ts';
import { FleetWords } from '../use-cases/rollup/labels.ts';
import { runRollups, TURN_NODE_HOURS } from '../use-cases/rollup/run.ts';
import { eachShardInTurn } from './each-shard.ts';
import type { ScheduledJob } from './register.ts';

/** Every second minute. */
const TURN_MS = 120_000;

/** Of a run of the paid plan. On the free one, whose runs have 50, steps are small enough. */
const MOST_QUERIES = 1_000;
/** What the largest step asks, of sixteen blocks or by label. */
const OF_A_STEP = 80;
/** What a database asks without any step. */
const OF_A_DATABASE = 25;

/** Due whenever an hour is over, or something of a past one has changed; how far it is stands in `rollup_state`. */
export const rollup: ScheduledJob = async ({ env, shards, now }) => {
  const plan = planOf(env);
  // A run of the free plan has the queries for one database.
  const most = plan === 'free' ? 1 : shards.count;
  const nodeHours = TURN_NODE_HOURS[plan] / most;
  const words = new FleetWords();
  const count = { asked: 0 };
  const counted = shards.map((db) => countedDatabase(db, count));
  let databasesLeft = most;
  await eachShardInTurn(counted, now(), TURN_MS, most, (db) => {
    databasesLeft--;
    const allowed = MOST_QUERIES - OF_A_STEP - OF_A_DATABASE * databasesLeft;
    const mayStep = () => plan === 'free' || count.asked < allowed;
    return runRollups(db, now(), nodeHours, { shards: counted, words, mayStep });
  });
};
