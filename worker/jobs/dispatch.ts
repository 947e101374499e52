import { type JobContext, scheduledJobs } from './register.ts';

/** Runs every job in turn. One that fails is logged and keeps none of the others from running. */
export async function runDueJobs(context: JobContext): Promise<void> {
  for (const job of scheduledJobs) {
    try {
      await job(context);
    } catch (error) {
      console.error(`scheduled job ${job.name} failed:`, error);
    }
  }
}
