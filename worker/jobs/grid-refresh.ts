import { intensityProviders } from '../grid/list.ts';
import { refreshGrid } from '../use-cases/grid-refresh.ts';
import { noteScopes } from '../use-cases/grid-scope-notes.ts';
import type { ScheduledJob } from './register.ts';

/** Due at every tick: each provider and zone has its own time, kept in `grid_fetches`. */
export const gridRefresh: ScheduledJob = async ({ env, shards, now, fetch }) => {
  const nowMs = now();
  const asked = await refreshGrid({ db: shards.main, providers: intensityProviders(env), fetch, nowMs });
  await noteScopes(
    shards.main,
    asked.map(({ gridZone }) => gridZone),
    nowMs,
  );
};
