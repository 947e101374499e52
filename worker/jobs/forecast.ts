import { makeForecasts } from '../use-cases/grid-forecast-own.ts';
import { refreshForecasts } from '../use-cases/grid-forecast-refresh.ts';
import { configuredProviders } from '../use-cases/grid-providers.ts';
import type { ScheduledJob } from './register.ts';

/** Due at every tick: each zone has its own time, kept in `grid_fetches`. Last of all jobs: one that learns may be cut off. */
export const forecast: ScheduledJob = async ({ env, shards, now, fetch }) => {
  const nowMs = now();
  const providers = await configuredProviders(shards.main, env, nowMs);
  await refreshForecasts({ db: shards.main, providers, fetch, nowMs });
  await makeForecasts(shards.main, now());
};
