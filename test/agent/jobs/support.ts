/** Hosts with jobs, as trees of files. */

import type { JobSource, Sightings } from '../../../agent/jobs/job-source.ts';
import type { Meter } from '../../../shared/metering/reading.ts';
import { watts } from '../../../shared/units.ts';
import type { HostTree } from '../sensors/host-tree.ts';
import { readyValue } from '../sensors/outcome.ts';

export function gpuMeter(id: string, changes: Partial<Meter> = {}): Meter {
  return {
    id: `nvml:${id}`,
    sensor: 'nvml',
    deviceId: id,
    deviceType: 'gpu',
    deviceName: 'NVIDIA H100 80GB HBM3',
    scope: 'device',
    powerKind: 'integrated',
    maxPlausibleWatts: watts(2_500),
    ...changes,
  };
}

export const GPUS = ['GPU-a', 'GPU-b', 'GPU-c', 'GPU-d'];
export const METERS = GPUS.map((id) => gpuMeter(id));

/** An environment as the kernel shows it. */
export function environ(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\0`)
    .join('');
}

export const V2 = 'sys/fs/cgroup/system.slice/slurmstepd.scope';

/** A job of cgroup version 2 with one process per step, and that process's environment. */
export async function writeSlurmJob(
  host: HostTree,
  job: string,
  steps: Readonly<Record<string, Readonly<Record<string, string>>>>,
  { scope = V2, cpus = '', firstPid = Number(job) * 10 } = {},
): Promise<void> {
  await host.write({
    [`${scope}/job_${job}/cgroup.procs`]: '',
    [`${scope}/job_${job}/cpuset.cpus`]: `${cpus}\n`,
  });
  for (const [index, [step, variables]] of Object.entries(steps).entries())
    await host.write({
      [`${scope}/job_${job}/${step}/user/task_0/cgroup.procs`]: `${firstPid + index}\n${firstPid + 900}\n`,
      [`proc/${firstPid + index}/environ`]: environ({ PATH: '/bin', SLURM_JOB_ID: job, ...variables }),
    });
}

/** What a source that has to be ready sees. */
export async function readySightings(
  source: JobSource,
  meters: readonly Meter[] = METERS,
): Promise<Sightings> {
  return readyValue(await source.look(meters));
}

const NOBODY = 65_534;

/** Without root's rights, whoever runs the tests. */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
