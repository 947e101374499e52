/** The sources of jobs, those that know most first: adding one is a file and a line here. */
import type { Clock } from '../clock.ts';
import type { HostPaths } from '../inventory/host-paths.ts';
import { onlineCpus } from './cgroup-tree.ts';
import { createDockerSource } from './docker/docker-source.ts';
import { createDropFileSource } from './drop-files/drop-file-source.ts';
import { createExporterSource } from './exporter/exporter-source.ts';
import type { JobSource } from './job-source.ts';
import { createKubeletSource } from './kubernetes/kubelet-source.ts';
import { createSlurmSource } from './slurm/slurm-source.ts';
import { createThisHostSource, type ThisHostJob } from './this-host/this-host-source.ts';

/** `processes` is no source of its own: it lets processes on a GPU stand in for an allocation that nobody tells. */
export const JOB_SOURCE_NAMES = [
  'drop-files',
  'slurm',
  'kubernetes',
  'docker',
  'dcgm-exporter',
  'processes',
] as const;
export type JobSourceName = (typeof JOB_SOURCE_NAMES)[number];

export interface JobSourceOptions {
  readonly paths: HostPaths;
  readonly clock: Pick<Clock, 'wallNow'>;
  readonly use: readonly JobSourceName[];
  /** The one job that this host is, or null. */
  readonly thisHost: ThisHostJob | null;
  readonly dropFolder: string;
  readonly kubeletSocket: string;
  readonly podLogFolder: string;
  readonly dockerSocket: string;
  /** Where this host's dcgm-exporter serves its metrics; null where none is configured. */
  readonly dcgmExporter: string | null;
}

export function createJobSources(options: JobSourceOptions): JobSource[] {
  const { paths, clock } = options;
  if (options.thisHost !== null)
    return [createThisHostSource(options.thisHost, async () => onlineCpus(paths.sysRoot))];
  return [
    createDropFileSource({ folder: options.dropFolder, clock }),
    createSlurmSource(paths),
    createKubeletSource({ paths, socket: options.kubeletSocket, podLogFolder: options.podLogFolder }),
    createDockerSource({ socket: options.dockerSocket }),
    createExporterSource(options.dcgmExporter),
  ].filter(({ name }) => options.use.some((used) => used === name));
}
