/** The explicit list of what the one cron trigger runs, a job a minute in this order; each decides whether it is due. */
import type { Env } from '../env.ts';
import { alertDelivery } from './alert-delivery.ts';
import { alerts } from './alerts.ts';
import { forecast } from './forecast.ts';
import { gridRefresh } from './grid-refresh.ts';
import { gridReread } from './grid-reread.ts';
import { retention } from './retention.ts';

export interface JobContext {
  readonly env: Env;
  /** UTC milliseconds. */
  readonly now: () => number;
  /** To the outside world; tests bring their own. */
  readonly fetch: typeof fetch;
}

export type ScheduledJob = (context: JobContext) => Promise<void>;

export const scheduledJobs: readonly ScheduledJob[] = [
  gridRefresh,
  gridReread,
  forecast,
  alerts,
  alertDelivery,
  retention,
];
