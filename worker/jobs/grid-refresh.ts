import { hourStart, WINDOW_MS } from '../../shared/time/window.ts';
import { planOf } from '../env.ts';
import { configuredProviders } from '../use-cases/grid-providers.ts';
import { MAX_REPLIES_PER_RUN, refreshGrid } from '../use-cases/grid-refresh.ts';
import { noteScopes } from '../use-cases/grid-scope-notes.ts';
import { gridZonesInUse } from '../use-cases/grid-zones-in-use.ts';
import type { ScheduledJob } from './register.ts';

/** Due at every tick: each provider and zone has its own time, kept in `grid_fetches`. */
export const gridRefresh: ScheduledJob = async ({ env, shards, now, fetch }) => {
  const nowMs = now();
  const providers = await configuredProviders(shards.main, env, nowMs);
  const maxReplies = MAX_REPLIES_PER_RUN[planOf(env)];
  const asked = await refreshGrid({ db: shards.main, providers, fetch, nowMs, maxReplies });
  // A zone whose last provider is gone is asked for no more, so all are looked at once an hour.
  const zones =
    nowMs - hourStart(nowMs) < WINDOW_MS
      ? await gridZonesInUse(shards.main, nowMs)
      : asked.map(({ gridZone }) => gridZone);
  await noteScopes(shards.main, zones, nowMs);
};
