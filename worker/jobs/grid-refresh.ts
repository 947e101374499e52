import { intensityProviders } from '../grid/list.ts';
import { refreshGrid } from '../use-cases/grid-refresh.ts';
import type { ScheduledJob } from './register.ts';

/** Due at every tick: each provider and zone has its own time, kept in `grid_fetches`. */
export const gridRefresh: ScheduledJob = async ({ env, shards, now, fetch }) => {
  await refreshGrid({ db: shards.main, providers: intensityProviders(env), fetch, nowMs: now() });
};
