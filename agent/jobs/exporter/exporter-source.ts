/**
 * Jobs by the labels of this host's dcgm-exporter: pods, which it has from the kubelet, and HPC jobs, which a prolog wrote
 * down for it. Second-hand and some seconds old: it is asked where no scheduler answers the agent itself.
 */
import type { Meter } from '../../../shared/metering/reading.ts';
import type { DcgmHolder } from '../../sensors/nvidia/dcgm-metrics.ts';
import { createDcgmScrape } from '../../sensors/nvidia/dcgm-scrape.ts';
import type { Outcome } from '../../sensors/sensor.ts';
import {
  counted,
  type GpuName,
  ID_PART,
  type JobSighting,
  type JobSource,
  MAX_JOBS_PER_SOURCE,
  type Sightings,
} from '../job-source.ts';

const PATIENCE_MS = 1_500;

/** @param url null where no exporter is configured */
export function createExporterSource(url: string | null): JobSource {
  const scrape = createDcgmScrape(url, PATIENCE_MS);
  return {
    name: 'dcgm-exporter',
    watched: [],

    async look(meters): Promise<Outcome<Sightings>> {
      const outcome = await scrape();
      if (outcome.state !== 'ready') return outcome;
      const jobs = new Map<string, JobSighting>();
      const held = new Set<string>();
      for (const { uuid, holders } of outcome.value.gpus)
        for (const holder of holders) {
          const seen = sightingOf(holder);
          if (seen === null) continue;
          held.add(uuid);
          const key = `${seen.scheduler}:${seen.job}`;
          jobs.set(key, withGpu(jobs.get(key) ?? seen, gpuNameOf(meters, uuid, holder)));
        }
      const kept = [...jobs.values()].slice(0, MAX_JOBS_PER_SOURCE);
      const detail = `${counted(jobs.size, 'job')} on ${held.size} of ${outcome.detail}, by their labels`;
      return { state: 'ready', value: { jobs: kept, vouches: false }, detail };
    },
  };
}

/** The job as its scheduler's own source has it, so that both are one; null where the label is no name. */
function sightingOf({ namespace, pod, podUid, hpcJob }: DcgmHolder): JobSighting | null {
  const job = hpcJob || `${namespace}/${pod}`;
  if (!ID_PART.test(job)) return null;
  const isPod = hpcJob === '';
  return {
    // Slurm's ids are numbers, those of other schedulers have the name of a server with them.
    scheduler: isPod ? 'k8s' : /^\d+$/.test(job) ? 'slurm' : 'job',
    job,
    restart: null,
    cluster: null,
    incarnation: isPod ? podUid : job,
    owners: isPod ? (podUid === '' ? [] : [podUid]) : [job],
    user: null,
    project: isPod ? namespace : null,
    phase: null,
    gpus: [],
    cores: null,
  };
}

/** An instance is known by its number where the exporter itself meters the GPU; beside another sensor by nothing. */
function gpuNameOf(meters: readonly Meter[], uuid: string, { instance }: DcgmHolder): GpuName | null {
  if (instance === null) return uuid;
  const known = meters.some(({ partitions }) => partitions?.some(({ id }) => id === instance));
  return known ? instance : null;
}

function withGpu(job: JobSighting, name: GpuName | null): JobSighting {
  if (job.gpus === null || name === null) return { ...job, gpus: null };
  return { ...job, gpus: [...new Set([...job.gpus, name])] };
}
