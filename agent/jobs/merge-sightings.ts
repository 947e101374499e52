/** What several sources saw, as jobs and what they hold. */
import type { GpuClaim, JobClaim } from '../../shared/metering/allocation.ts';
import { claimGpus, type GpuNames } from './gpu-names.ts';
import type { JobSighting } from './job-source.ts';
import type { SeenProcess } from './process-owners.ts';

/** One of each job: a field that the first source does not tell is the next one's. */
export function mergeSightings(sightings: readonly JobSighting[]): JobSighting[] {
  const byJob = new Map<string, JobSighting>();
  for (const seen of sightings) {
    const key = `${seen.scheduler}:${seen.job}`;
    const before = byJob.get(key);
    byJob.set(
      key,
      before === undefined
        ? seen
        : {
            scheduler: seen.scheduler,
            job: seen.job,
            restart: before.restart ?? seen.restart,
            cluster: before.cluster ?? seen.cluster,
            // The later sources are nearer to the kernel.
            incarnation: seen.incarnation,
            user: before.user ?? seen.user,
            project: before.project ?? seen.project,
            phase: before.phase ?? seen.phase,
            gpus: before.gpus ?? seen.gpus,
            cores: before.cores ?? seen.cores,
          },
    );
  }
  return [...byJob.values()];
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
    const told = gpus[index]!;
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
  return owner === `${job.scheduler}:${job.job}` || owner === `${job.scheduler}:${job.incarnation}`;
}
