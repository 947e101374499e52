import { type JobContext, type ScheduledJob, turns } from './register.ts';

/** The trigger of wrangler.toml. */
const EACH_MINUTE = '* * * * *';
const MINUTE_MS = 60_000;

/** Which trigger fired, and when. */
export interface Trigger {
  readonly cron: string;
  readonly scheduledTime: number;
}

/**
 * The jobs take turns, one a minute: each turn has the queries, requests and CPU of a whole run to itself, which the free plan
 * counts by run. Any other trigger (a start, a test) runs all of them. One that fails is logged and keeps none of the
 * others from running.
 */
export async function runDueJobs(context: JobContext, trigger: Trigger): Promise<void> {
  for (const job of jobsOf(trigger)) {
    try {
      await job(context);
    } catch (error) {
      console.error(`scheduled job ${job.name} failed:`, error);
    }
  }
}

export function jobsOf({ cron, scheduledTime }: Trigger): readonly ScheduledJob[] {
  if (cron !== EACH_MINUTE) return turns.flat();
  return turns[Math.floor(scheduledTime / MINUTE_MS) % turns.length]!;
}
