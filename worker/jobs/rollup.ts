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
/** What the largest step of its kind asks: of sixteen blocks, and of a day of ten thousand jobs. */
const OF_A_STEP = { blocks: 80, labels: 160 };
/** What a database asks without any step. */
const OF_A_DATABASE = 25;
/** More have the turns after it. */
const MOST_DATABASES = 16;

/** Due whenever an hour is over, or something of a past one has changed; how far it is stands in `rollup_state`. */
export const rollup: ScheduledJob = async ({ env, shards, now }) => {
  const plan = planOf(env);
  // A run of the free plan has the queries for one database.
  const most = plan === 'free' ? 1 : Math.min(shards.count, MOST_DATABASES);
  const nodeHours = TURN_NODE_HOURS[plan] / most;
  const words = new FleetWords();
  const count = { asked: 0 };
  const counted = shards.map((db) => countedDatabase(db, count));
  let databasesLeft = most;
  await eachShardInTurn(counted, now(), TURN_MS, most, (db) => {
    const left = MOST_QUERIES - OF_A_DATABASE * databasesLeft--;
    // One step by label has room after the last of blocks.
    const allowed = { blocks: left - OF_A_STEP.labels - OF_A_STEP.blocks, labels: left - OF_A_STEP.labels };
    const mayStep = (of: 'blocks' | 'labels') => plan === 'free' || count.asked < allowed[of];
    return runRollups(db, now(), nodeHours, { shards: counted, words, mayStep });
  });
};
