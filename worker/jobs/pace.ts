import { countFleet } from '../use-cases/pace-count.ts';
import type { ScheduledJob } from './register.ts';

/** Each time: a fleet may grow by a rack within minutes, and a count that finds it as it was writes nothing. */
export const pace: ScheduledJob = async ({ env, shards, now }) => {
  const news = await countFleet(shards, env, now());
  if (news !== null) console.warn(`pace of reports: ${news}`);
};
