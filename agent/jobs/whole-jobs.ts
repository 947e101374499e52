/** One of each job of a source: several slurmd on a host may each have given it devices and CPUs. */
import type { JobSighting } from './job-source.ts';

export function wholeJobs(sightings: readonly JobSighting[]): JobSighting[] {
  const byJob = new Map<string, JobSighting>();
  for (const part of sightings) {
    const key = `${part.scheduler}:${part.job}`;
    const other = byJob.get(key);
    byJob.set(key, other === undefined ? part : together(other, part));
  }
  return [...byJob.values()];
}

/** What one part does not tell of its devices is not known of the whole. */
function together(one: JobSighting, other: JobSighting): JobSighting {
  const { gpus, cores } = one;
  return {
    ...one,
    restart: one.restart ?? other.restart,
    cluster: one.cluster ?? other.cluster,
    incarnation: `${one.incarnation}+${other.incarnation}`,
    user: one.user ?? other.user,
    project: one.project ?? other.project,
    phase: one.phase ?? other.phase,
    gpus: gpus === null || other.gpus === null ? null : [...new Set([...gpus, ...other.gpus])],
    cores: cores === null || other.cores === null ? null : cores + other.cores,
  };
}
