import { intensityProviders } from '../grid/list.ts';
import { makeForecasts } from '../use-cases/grid-forecast-own.ts';
import { refreshForecasts } from '../use-cases/grid-forecast-refresh.ts';
import type { ScheduledJob } from './register.ts';

/** Due at every tick: each zone has its own time, kept in `grid_fetches`. Last of all jobs: one that learns may be cut off. */
export const forecast: ScheduledJob = async ({ env, shards, now, fetch }) => {
  await refreshForecasts({ db: shards.main, providers: intensityProviders(env), fetch, nowMs: now() });
  await makeForecasts(shards.main, now());
};
