/** What every source of jobs is: a reader of one scheduler, runtime or folder. Absent, no data and failed are named outcomes. */
import type { Meter } from '../../shared/metering/reading.ts';
import type { Outcome } from '../sensors/sensor.ts';

/**
 * A GPU as a scheduler names it: a UUID (`GPU-…`, `MIG-…`, with `::3` for one of its turns), a PCI address, its place in
 * the list of GPUs (`3`), the number of its device file (`minor:3`), or `all`.
 */
export type GpuName = string;

/** What a source saw of one job. Null: the source does not tell. */
export interface JobSighting {
  /** `slurm`, `k8s`, `docker`, … */
  readonly scheduler: string;
  /** The scheduler's own number or name of it. */
  readonly job: string;
  readonly restart: string | null;
  /** As the scheduler calls itself. */
  readonly cluster: string | null;
  /** Tells this run from another of the same name. */
  readonly incarnation: string;
  /** What the control groups of its processes are named by: the job's number, a pod's uid, containers' ids. */
  readonly owners: readonly string[];
  readonly user: string | null;
  readonly project: string | null;
  readonly phase: string | null;
  /** Empty: it has none. */
  readonly gpus: readonly GpuName[] | null;
  /** Logical CPUs that it was given. */
  readonly cores: number | null;
}

export interface Sightings {
  readonly jobs: readonly JobSighting[];
  /** It gives out this host's GPUs and CPUs, and these are all its jobs: what they do not hold is free. */
  readonly vouches: boolean;
  /** The exact command or setting that would show what is missing. */
  readonly fix?: string;
}

export interface JobSource {
  readonly name: string;
  /** All jobs that run now. Never throws. */
  look(meters: readonly Meter[]): Promise<Outcome<Sightings>>;
  /** Folders whose change tells that a job came or went. */
  readonly watched: readonly string[];
}

/** What may stand between the colons of a job's id. */
export const ID_PART = /^[A-Za-z0-9._/@+-]{1,100}$/;
export const ID_RULE = 'must be 1 to 100 letters, digits or ._/@+-';

/** Beyond this a host is not read further; the reports hold no more either. */
export const MAX_JOBS_PER_SOURCE = 200;

/** Slurm numbers GPUs as their device files are numbered. */
export const slurmGpu = (name: string): GpuName => (/^\d+$/.test(name) ? `minor:${name}` : name);

/** `1 job`, `2 jobs`. */
export const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;
