import { configuredProviders } from '../use-cases/grid-providers.ts';
import { rereadGrid } from '../use-cases/grid-reread.ts';
import type { ScheduledJob } from './register.ts';

/** Due whenever some day has reached an age; how far each provider and zone has come is kept in `grid_rereads`. */
export const gridReread: ScheduledJob = async ({ env, shards, now, fetch }) => {
  const nowMs = now();
  const providers = await configuredProviders(shards.main, env, nowMs);
  await rereadGrid({ db: shards.main, providers, fetch, nowMs });
};
