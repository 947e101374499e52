/** The explicit list of what the cron triggers of wrangler.toml run; each job decides whether it is due. */
import type { Env } from '../env.ts';
import type { Shards } from '../storage/shards.ts';
import { alertDelivery } from './alert-delivery.ts';
import { alertSteps, alerts } from './alerts.ts';
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

/** What each minute of five runs, in this order. Reading old days again and letting old hours go both do little at a time. */
export const turns: readonly (readonly ScheduledJob[])[] = [
  [gridRefresh],
  [gridReread, retention],
  [pace, forecast],
  [alerts],
  [alertDelivery],
];

/** What takes more runs than a turn in five minutes gives on the free plan: each has every second minute. */
export const ownTriggers = [
  { cron: '*/2 * * * *', job: rollup, isOdd: false },
  { cron: '1-59/2 * * * *', job: alertSteps, isOdd: true },
] as const;
