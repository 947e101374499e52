import { retentionSettings, shareOfRetention } from '../../shared/settings/retention.ts';
import { planOf } from '../env.ts';
import { runRetention } from '../use-cases/retention/run.ts';
import { eachShardInTurn } from './each-shard.ts';
import type { ScheduledJob } from './register.ts';

/** One of five minutes. */
const TURN_MS = 300_000;

/** Due whenever a day has reached an age; how far it is stands in `retention_tasks`. */
export const retention: ScheduledJob = async ({ env, shards, now }) => {
  const whole = retentionSettings(env);
  // A run of the free plan has the queries for one database; else each has a step at least.
  const most = planOf(env) === 'free' ? 1 : Math.min(shards.count, whole.archiveSteps);
  const settings = shareOfRetention(whole, most);
  const bucket = env.ARCHIVE ?? null;
  await eachShardInTurn(shards, now(), TURN_MS, most, (db) =>
    runRetention({ db, bucket, settings, nowMs: now() }),
  );
};
