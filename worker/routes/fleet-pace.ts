/** How often the fleet is asked to report, as this isolate knows it. */
import type { Context } from 'hono';
import type { AppEnv } from '../http/app.ts';
import { readStoredPace } from '../storage/pace.ts';
import { type FleetPace, paceOf } from '../use-cases/pace.ts';

export async function fleetPace({ var: { pace, shards, nowMs }, env }: Context<AppEnv>): Promise<FleetPace> {
  return paceOf(await pace.get(nowMs, () => readStoredPace(shards.main, nowMs)), env);
}
