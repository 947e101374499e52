import { intensityProviders } from '../grid/list.ts';
import { rereadGrid } from '../use-cases/grid-reread.ts';
import type { ScheduledJob } from './register.ts';

/** Due whenever some day has reached an age; how far each provider and zone has come is kept in `grid_rereads`. */
export const gridReread: ScheduledJob = async ({ env, shards, now, fetch }) => {
  await rereadGrid({ db: shards.main, providers: intensityProviders(env), fetch, nowMs: now() });
};
