import { retentionSettings, shareOfRetention } from '../../shared/settings/retention.ts';
import { runRetention } from '../use-cases/retention/run.ts';
import { eachShardInTurn } from './each-shard.ts';
import type { ScheduledJob } from './register.ts';

/** Due whenever a day has reached an age; how far it is stands in `retention_tasks`. */
export const retention: ScheduledJob = async ({ env, shards, now }) => {
  const settings = shareOfRetention(retentionSettings(env), shards.count);
  const bucket = env.ARCHIVE ?? null;
  await eachShardInTurn(shards, now(), (db) => runRetention({ db, bucket, settings, nowMs: now() }));
};
