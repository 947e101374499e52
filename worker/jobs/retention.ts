import { retentionSettings } from '../../shared/settings/retention.ts';
import { runRetention } from '../use-cases/retention/run.ts';
import type { ScheduledJob } from './register.ts';

/** Due whenever a day has reached an age; how far it is stands in `retention_tasks`. */
export const retention: ScheduledJob = async ({ env, shards, now }) => {
  const settings = retentionSettings(env);
  await runRetention({ db: shards.main, bucket: env.ARCHIVE ?? null, settings, nowMs: now() });
};
