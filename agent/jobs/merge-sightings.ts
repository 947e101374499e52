/** What several sources saw, as jobs and what they hold. */
import type { GpuClaim, JobClaim } from '../../shared/metering/allocation.ts';
import { claimGpus, type GpuNames } from './gpu-names.ts';
import type { JobSighting } from './job-source.ts';
import type { SeenProcess } from './process-owners.ts';

/**
 * One of each job: a field that the first source does not tell is the next one's, or what was told of this run before.
 * So a job keeps its labels while its epilog is done and its control group is not.
 */
export function mergeSightings(
  sightings: readonly JobSighting[],
  lastSeen: readonly JobSighting[] = [],
): JobSighting[] {
  const byJob = new Map<string, JobSighting>();
  for (const seen of sightings) {
    const before = byJob.get(keyOf(seen));
    // The later sources are nearer to the kernel.
    byJob.set(
      keyOf(seen),
      before === undefined ? seen : { ...filled(before, seen), incarnation: seen.incarnation },
    );
  }
  return [...byJob.values()].map((job) => {
    const last = lastSeen.find((one) => keyOf(one) === keyOf(job) && one.incarnation === job.incarnation);
    return last === undefined ? job : filled(job, last);
  });
}

const keyOf = (job: JobSighting) => `${job.scheduler}:${job.job}`;

function filled(told: JobSighting, other: JobSighting): JobSighting {
  return {
    ...told,
    owners: [...new Set([...told.owners, ...other.owners])],
    restart: told.restart ?? other.restart,
    cluster: told.cluster ?? other.cluster,
    user: told.user ?? other.user,
    project: told.project ?? other.project,
    phase: told.phase ?? other.phase,
    gpus: told.gpus ?? other.gpus,
    cores: told.cores ?? other.cores,
  };
}

/** Jobs that only their processes tell of: no source knows them. */
export function unknownOwners(jobs: readonly JobSighting[], seen: readonly SeenProcess[]): JobSighting[] {
  const owners = new Set(
    seen.filter((process) => !jobs.some((job) => owns(job, process))).map((one) => one.owner),
  );
  return [...owners].map((owner) => {
    const [scheduler, name] = [owner.slice(0, owner.indexOf(':')), owner.slice(owner.indexOf(':') + 1)];
    return {
      scheduler,
      job: scheduler === 'docker' ? name.slice(0, 12) : name,
      restart: null,
      cluster: null,
      incarnation: name,
      owners: [name],
      user: null,
      project: null,
      phase: null,
      gpus: null,
      cores: null,
    };
  });
}

export interface ClaimedJob {
  readonly sighting: JobSighting;
  readonly claim: Omit<JobClaim, 'id' | 'labels'>;
  /** Its allocation is not known: what is claimed is where its processes were seen. */
  readonly byProcesses: boolean;
}

export function claimsOf(
  names: GpuNames,
  jobs: readonly JobSighting[],
  seen: readonly SeenProcess[],
): ClaimedJob[] {
  const gpus = claimGpus(
    names,
    jobs.map((job) => job.gpus),
  );
  return jobs.map((sighting, index) => {
    // Where there are no GPUs it does not matter which of them a job has.
    const told = names.deviceIds.length === 0 ? [] : gpus[index]!;
    return {
      sighting,
      claim: {
        incarnation: sighting.incarnation,
        gpus: told ?? processClaims(sighting, seen),
        cores: sighting.cores,
      },
      byProcesses: told === null,
    };
  });
}

function processClaims(job: JobSighting, seen: readonly SeenProcess[]): GpuClaim[] | null {
  const weights = new Map<string, number>();
  for (const process of seen)
    if (owns(job, process))
      // At rest or not told, it still counts among the others.
      weights.set(
        process.deviceId,
        (weights.get(process.deviceId) ?? 0) + Math.max(process.usedRatio ?? 0, 0.01),
      );
  if (weights.size === 0) return null;
  return [...weights].map(([deviceId, weight]) => ({ deviceId, attribution: 'processes', weight }));
}

/** How much of each GPU the jobs' processes use, by device and the job's place in the list. */
export function usageOf(
  jobs: readonly { readonly sighting: JobSighting; readonly id: string }[],
  seen: readonly SeenProcess[],
): Record<string, Record<string, number>> {
  const usage: Record<string, Record<string, number>> = {};
  for (const process of seen) {
    const job = jobs.find(({ sighting }) => owns(sighting, process));
    if (job === undefined || process.usedRatio === null) continue;
    usage[process.deviceId] ??= {};
    const used = usage[process.deviceId]!;
    used[job.id] = (used[job.id] ?? 0) + process.usedRatio;
  }
  return usage;
}

function owns(job: JobSighting, { owner }: SeenProcess): boolean {
  return job.owners.some((name) => owner === `${job.scheduler}:${name}`);
}
