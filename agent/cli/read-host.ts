/** One reading of every sensor and one look at the jobs, by the settings. */
import { openJobs } from '../config/job-options.ts';
import type { Config } from '../config/keys.ts';
import { sensorOptions } from '../config/sensor-options.ts';
import { type JobsOnce, lookOnce } from '../jobs/once.ts';
import { type OnceReport, readOnce } from '../sensors/once.ts';

/** Takes one to three seconds. */
export async function readHost(config: Config, env: NodeJS.ProcessEnv): Promise<OnceReport & JobsOnce> {
  const options = sensorOptions(config, env);
  const report = await readOnce(options);
  return { ...report, ...(await lookOnce(openJobs(config, options.paths), report)) };
}
