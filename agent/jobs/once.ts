/** One look at the jobs, for `wattshed once` and `wattshed doctor`. */
import type { SensorHealth } from '../../shared/wire/ingest.ts';
import type { OnceReport } from '../sensors/once.ts';
import type { JobSet, RunningJob } from './job-set.ts';

export interface JobsOnce {
  /** Every source of jobs: found, standing by, absent, forbidden or broken, with the fix where there is one. */
  readonly jobSources: readonly SensorHealth[];
  readonly jobs: readonly RunningJob[];
}

export async function lookOnce(set: JobSet, { meters }: OnceReport): Promise<JobsOnce> {
  const readings = meters.map(({ reading }) => reading).filter((reading) => reading !== null);
  const { jobs } = await set.look(
    meters.map(({ meter }) => meter),
    readings,
  );
  return { jobSources: set.health(), jobs };
}
