/** The settings about jobs. */
import { USER_CHOICES, type UserChoice } from '../jobs/job-names.ts';
import { ID_PART, ID_RULE } from '../jobs/job-source.ts';
import { JOB_SOURCE_NAMES, type JobSourceName } from '../jobs/list.ts';
import { parsePath, parseText } from './parsers.ts';

export interface JobConfig {
  readonly jobSources: readonly JobSourceName[];
  readonly cluster: string | null;
  readonly job: string | null;
  readonly user: string | null;
  readonly project: string | null;
  readonly phase: string | null;
  readonly jobFolder: string;
  readonly kubeletSocket: string;
  readonly podLogFolder: string;
  readonly dockerSocket: string;
  readonly jobUsers: UserChoice;
  readonly jobUserSaltFile: string | null;
}

interface JobConfigKey {
  readonly key: keyof JobConfig;
  readonly env: string;
  readonly about: string;
  readonly defaultText: string;
  readonly parse: (value: unknown) => JobConfig[keyof JobConfig];
}

export const JOB_KEYS: readonly JobConfigKey[] = [
  {
    key: 'jobSources',
    env: 'WATTSHED_JOB_SOURCES',
    about: 'Who may say which jobs run here, as a list; `off` asks nobody.',
    defaultText: JOB_SOURCE_NAMES.map((name) => `\`${name}\``).join(', '),
    parse: parseSources,
  },
  {
    key: 'cluster',
    env: 'WATTSHED_CLUSTER',
    about: 'The cluster in the ids of jobs. All nodes of one need the same.',
    defaultText: 'as Slurm calls it, else `default`',
    parse: parseIdPart,
  },
  {
    key: 'job',
    env: 'WATTSHED_JOB',
    about: 'All of this host is this one job; no other source is asked then.',
    defaultText: 'none',
    parse: parseIdPart,
  },
  {
    key: 'user',
    env: 'WATTSHED_USER',
    about: 'The user of that job.',
    defaultText: 'none',
    parse: parseText,
  },
  {
    key: 'project',
    env: 'WATTSHED_PROJECT',
    about: 'The project of that job.',
    defaultText: 'none',
    parse: parseText,
  },
  {
    key: 'phase',
    env: 'WATTSHED_PHASE',
    about: 'The phase of that job: `train`, `eval`, `inference` or another word.',
    defaultText: 'none',
    parse: parseText,
  },
  {
    key: 'jobFolder',
    env: 'WATTSHED_JOB_FOLDER',
    about: 'The folder with a file for each running job.',
    defaultText: '`/run/wattshed/jobs`',
    parse: parsePath,
  },
  {
    key: 'kubeletSocket',
    env: 'WATTSHED_KUBELET_SOCKET',
    about: "The socket of the kubelet's pod resources.",
    defaultText: '`/var/lib/kubelet/pod-resources/kubelet.sock`',
    parse: parsePath,
  },
  {
    key: 'podLogFolder',
    env: 'WATTSHED_POD_LOG_FOLDER',
    about: "The folder of the pods' logs, whose names tell their uids.",
    defaultText: '`/var/log/pods`',
    parse: parsePath,
  },
  {
    key: 'dockerSocket',
    env: 'WATTSHED_DOCKER_SOCKET',
    about: 'The socket of the Docker Engine.',
    defaultText: '`/var/run/docker.sock`',
    parse: parsePath,
  },
  {
    key: 'jobUsers',
    env: 'WATTSHED_JOB_USERS',
    about: 'What is told of who runs a job: the `name`, the name `hashed` with the salt, or `absent`.',
    defaultText: '`name`',
    parse: parseUsers,
  },
  {
    key: 'jobUserSaltFile',
    env: 'WATTSHED_JOB_USER_SALT_FILE',
    about: 'A file with a secret of at least 16 characters, the same on all hosts of a fleet, for `hashed`.',
    defaultText: 'none',
    parse: parsePath,
  },
];

export const DEFAULT_JOB_CONFIG: JobConfig = {
  jobSources: JOB_SOURCE_NAMES,
  cluster: null,
  job: null,
  user: null,
  project: null,
  phase: null,
  jobFolder: '/run/wattshed/jobs',
  kubeletSocket: '/var/lib/kubelet/pod-resources/kubelet.sock',
  podLogFolder: '/var/log/pods',
  dockerSocket: '/var/run/docker.sock',
  jobUsers: 'name',
  jobUserSaltFile: null,
};

function parseSources(value: unknown): readonly JobSourceName[] {
  if (value === 'off') return [];
  const names = typeof value === 'string' ? value.split(/[\s,]+/).filter((name) => name !== '') : value;
  const isKnown = (name: unknown): name is JobSourceName => JOB_SOURCE_NAMES.some((one) => one === name);
  if (!Array.isArray(names) || !names.every(isKnown))
    throw new Error(`must be off or a list of ${JOB_SOURCE_NAMES.join(', ')}`);
  return names;
}

function parseIdPart(value: unknown): string {
  if (typeof value !== 'string' || !ID_PART.test(value)) throw new Error(ID_RULE);
  return value;
}

function parseUsers(value: unknown): UserChoice {
  const choice = USER_CHOICES.find((one) => one === value);
  if (choice === undefined) throw new Error(`must be one of ${USER_CHOICES.join(', ')}`);
  return choice;
}
