/** The explicit list of what the one cron trigger runs, in this order; each job decides whether it is due. */
import type { Env } from '../env.ts';

export interface JobContext {
  readonly env: Env;
  /** UTC milliseconds. */
  readonly now: () => number;
}

/** Handles its own failures: a job that throws would keep the ones after it from running. */
export type ScheduledJob = (context: JobContext) => Promise<void>;

export const scheduledJobs: readonly ScheduledJob[] = [];
