/** The explicit list of what the one cron trigger runs, one turn a minute in this order; each decides whether it is due. */
import type { Env } from '../env.ts';
import type { Shards } from '../storage/shards.ts';
import { alertDelivery } from './alert-delivery.ts';
import { alerts } from './alerts.ts';
import { forecast } from './forecast.ts';
import { gridRefresh } from './grid-refresh.ts';
import { gridReread } from './grid-reread.ts';
import { pace } from './pace.ts';
import { retention } from './retention.ts';
import { rollup } from './rollup.ts';

export interface JobContext {
  readonly env: Env;
  readonly shards: Shards;
  /** UTC milliseconds. */
  readonly now: () => number;
  /** To the outside world; tests bring their own. */
  readonly fetch: typeof fetch;
}

export type ScheduledJob = (context: JobContext) => Promise<void>;

/** What each minute of five runs. Reading old days again and letting old hours go both do little at a time. */
export const turns: readonly (readonly ScheduledJob[])[] = [
  [gridRefresh],
  [gridReread, retention],
  [pace, forecast],
  [alerts],
  [alertDelivery, rollup],
];
