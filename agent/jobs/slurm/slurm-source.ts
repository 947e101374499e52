/** Slurm's jobs on this node: their control groups, and what their processes' environments tell. */
import type { HostPaths } from '../../inventory/host-paths.ts';
import { readTextOrEmpty } from '../../inventory/read-text.ts';
import type { Outcome } from '../../sensors/sensor.ts';
import {
  counted,
  type GpuName,
  type JobSighting,
  type JobSource,
  MAX_JOBS_PER_SOURCE,
  type Sightings,
} from '../job-source.ts';
import { wholeJobs } from '../whole-jobs.ts';
import { readSlurmEnviron, type SlurmEnvironRead } from './slurm-environ.ts';
import { findSlurmGroups, type SlurmGroup } from './slurm-groups.ts';

const FORBIDDEN_FIX =
  'let prolog and epilog tell the jobs (docs/jobs.md), or systemctl edit wattshed: [Service], CapabilityBoundingSet=CAP_SYS_PTRACE, AmbientCapabilities=CAP_SYS_PTRACE, a line each';

export function createSlurmSource({ sysRoot, procRoot, etcRoot }: HostPaths): JobSource {
  /** A job's environment does not change; it is read until it says something. By control group. */
  const known = new Map<string, SlurmEnvironRead>();
  let watched: readonly string[] = [];

  async function environOf(group: SlurmGroup): Promise<SlurmEnvironRead> {
    const key = `${group.folder} ${group.incarnation}`;
    const before = known.get(key);
    if (before?.state === 'told') return before;
    const read = await readSlurmEnviron(procRoot, group.folder, group.job);
    known.set(key, read);
    return read;
  }

  return {
    name: 'slurm',
    get watched() {
      return watched;
    },

    async look(meters): Promise<Outcome<Sightings>> {
      const { scopes, jobs } = findSlurmGroups(sysRoot);
      watched = scopes;
      if (scopes.length === 0)
        return { state: 'absent', detail: 'no job of a slurmd has run since this host started' };
      const alive = new Set(jobs.map(({ folder, incarnation }) => `${folder} ${incarnation}`));
      for (const key of known.keys()) if (!alive.has(key)) known.delete(key);
      const cluster = await clusterName(etcRoot);
      const hasGpus = meters.some((meter) => meter.deviceType === 'gpu');
      const sightings: JobSighting[] = [];
      let forbidden = 0;
      for (const group of jobs.slice(0, MAX_JOBS_PER_SOURCE)) {
        const environ = await environOf(group);
        if (environ.state === 'forbidden') forbidden++;
        const told = environ.state === 'told' ? environ.value : null;
        sightings.push({
          scheduler: 'slurm',
          job: group.job,
          restart: told?.restart ?? null,
          cluster: cluster ?? told?.cluster ?? null,
          incarnation: group.incarnation,
          owners: [group.job],
          user: told?.user ?? null,
          project: told?.project ?? null,
          phase: told?.phase ?? null,
          gpus: hasGpus ? gpusOf(group, told?.gpus ?? null) : [],
          cores: group.cores ?? told?.cores ?? null,
        });
      }
      const detail = [
        counted(new Set(jobs.map(({ job }) => job)).size, 'job'),
        ...(forbidden > 0 ? [`the environment of ${forbidden} may not be read`] : []),
        ...(jobs.length > MAX_JOBS_PER_SOURCE ? [`only the first ${MAX_JOBS_PER_SOURCE} are looked at`] : []),
      ].join('; ');
      const value = {
        jobs: wholeJobs(sightings),
        vouches: jobs.length <= MAX_JOBS_PER_SOURCE,
        ...(forbidden > 0 && { fix: FORBIDDEN_FIX }),
      };
      return { state: 'ready', value, detail };
    },
  };
}

/** A partition has a UUID, which only the environment tells; whole GPUs may stand in both. */
function gpusOf({ minors }: SlurmGroup, told: readonly GpuName[] | null): readonly GpuName[] | null {
  if (told?.some((name) => name.startsWith('MIG-'))) return told;
  return minors?.map((minor) => `minor:${minor}`) ?? told;
}

async function clusterName(etcRoot: string): Promise<string | null> {
  const text = await readTextOrEmpty(`${etcRoot}/slurm/slurm.conf`);
  return /^\s*ClusterName\s*=\s*([A-Za-z0-9._-]+)/im.exec(text)?.[1] ?? null;
}
