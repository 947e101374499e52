import { type JobContext, ownTriggers, type ScheduledJob, turns } from './register.ts';

/** The trigger of wrangler.toml whose jobs take turns. */
const EACH_MINUTE = '* * * * *';
const MINUTE_MS = 60_000;

/** Which trigger fired, and when. */
export interface Trigger {
  readonly cron: string;
  readonly scheduledTime: number;
}

/**
 * The jobs take turns, one a minute: each turn has the queries, requests and CPU of a whole run to itself, which the free plan
 * counts by run. Some have triggers of their own. Anything else (a start, a test) runs all of them. One that fails is logged and keeps none of the
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

const everyJob = [...turns.flat(), ...ownTriggers.map(({ job }) => job)];

/** The triggers that fire in the minute of this instant, for who has to fire them. */
export function triggersAt(instantMs: number): Trigger[] {
  const minute = Math.floor(instantMs / MINUTE_MS);
  const own = ownTriggers.filter(({ isOdd }) => isOdd === (minute % 2 === 1));
  return [EACH_MINUTE, ...own.map(({ cron }) => cron)].map((cron) => ({ cron, scheduledTime: instantMs }));
}

export function jobsOf({ cron, scheduledTime }: Trigger): readonly ScheduledJob[] {
  const own = ownTriggers.find((trigger) => trigger.cron === cron);
  if (own !== undefined) return [own.job];
  if (cron !== EACH_MINUTE) return everyJob;
  return turns[Math.floor(scheduledTime / MINUTE_MS) % turns.length]!;
}
