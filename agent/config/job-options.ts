/** The settings as the sources of jobs take them. */
import { readFileSync } from 'node:fs';
import { systemClock } from '../clock.ts';
import type { HostPaths } from '../inventory/host-paths.ts';
import { errnoOf } from '../inventory/read-text.ts';
import { createJobSet, type JobSet } from '../jobs/job-set.ts';
import { createJobSources } from '../jobs/list.ts';
import type { Config } from './keys.ts';
import { ConfigError } from './load-config.ts';

const MIN_SALT = 16;

/** @throws ConfigError where users are to be hashed and there is no salt */
export function openJobs(config: Config, paths: HostPaths): JobSet {
  const { job, user, project, phase } = config;
  const clock = systemClock;
  return createJobSet({
    sources: createJobSources({
      paths,
      clock,
      use: config.jobSources,
      thisHost: job === null ? null : { job, user, project, phase },
      dropFolder: config.jobFolder,
      kubeletSocket: config.kubeletSocket,
      podLogFolder: config.podLogFolder,
      dockerSocket: config.dockerSocket,
      dcgmExporter: config.dcgmExporter,
    }),
    paths,
    clock,
    cluster: config.cluster,
    users: config.jobUsers,
    userSalt: config.jobUsers === 'hashed' ? saltOf(config.jobUserSaltFile) : '',
    useProcesses: job === null && config.jobSources.includes('processes'),
  });
}

function saltOf(file: string | null): string {
  if (file === null)
    throw new ConfigError('"jobUserSaltFile" must name a file with a secret, since "jobUsers" is "hashed"');
  let salt: string;
  try {
    salt = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`"jobUserSaltFile" ${file} cannot be read (${errnoOf(error)})`);
  }
  if (salt.length < MIN_SALT)
    throw new ConfigError(
      `"jobUserSaltFile" ${file} must hold at least ${MIN_SALT} characters; openssl rand -hex 16 makes some`,
    );
  return salt;
}
