/**
 * Who holds a host's devices at an instant. A job holds its GPUs whether it uses them or not, and with them its share of
 * the host; on a host without GPUs it holds its cores.
 */
import { JOB_ATTRIBUTIONS, type JobAttribution } from '../wire/ingest.ts';

/** What a person may want to group by. */
export interface JobLabels {
  readonly project?: string;
  readonly user?: string;
  readonly phase?: string;
}

export interface GpuClaim {
  readonly deviceId: string;
  /** `allocation`: the whole GPU. `slices`: part of the GPU, 0..1. `turns`: turns beside those of others. `processes`: seen on it. */
  readonly attribution: Exclude<JobAttribution, 'utilization'>;
  readonly weight: number;
}

/** What one job was found to hold. */
export interface JobClaim {
  /** `<scheduler>:<cluster>:<id>`, with `:<restart>`. */
  readonly id: string;
  /** Tells this run of the job from another of the same id: an inode, a container, a file. */
  readonly incarnation: string;
  readonly labels: JobLabels;
  /** Empty: it has none. Null: not known, so that nothing on this host is known to be free. */
  readonly gpus: readonly GpuClaim[] | null;
  /** Logical CPUs; null: not known. */
  readonly cores: number | null;
}

export interface JobShare {
  readonly jobId: string;
  readonly incarnation: string;
  /** Of the device, 0..1; those of a holding sum to 1 at most. */
  readonly fraction: number;
  readonly attribution: JobAttribution;
}

/** A device among its jobs; the rest of it is free, or nobody knows. */
export interface Holding {
  readonly shares: readonly JobShare[];
  /** A scheduler vouches that the rest is free. */
  readonly restIdle: boolean;
}

export interface Allocation {
  /** Monotonic. */
  readonly atMs: number;
  readonly labels: Readonly<Record<string, JobLabels>>;
  /** By device id. */
  readonly gpus: Readonly<Record<string, Holding>>;
  /** CPUs, memory and the rest of the host. */
  readonly host: Holding;
}

export interface HostLook {
  readonly atMs: number;
  readonly claims: readonly JobClaim[];
  /** Every metered GPU. */
  readonly gpuIds: readonly string[];
  /** Logical CPUs of the host; null where it does not tell. */
  readonly cores: number | null;
  /** A scheduler says that there are no other jobs. */
  readonly complete: boolean;
  /** How much of a shared GPU each job's processes use, by device and job; absent where that is not known. */
  readonly usage: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export function allocationOf(look: HostLook): Allocation {
  const { claims, gpuIds } = look;
  const gpusKnown = claims.every(({ gpus }) => gpus !== null);
  const gpus = Object.fromEntries(
    gpuIds.map((deviceId) => [
      deviceId,
      {
        shares: sharesOfGpu(claims, deviceId, look.usage[deviceId]),
        restIdle: look.complete && gpusKnown,
      },
    ]),
  );
  return {
    atMs: look.atMs,
    labels: Object.fromEntries(claims.map(({ id, labels }) => [id, labels])),
    gpus,
    host: gpuIds.length > 0 ? hostByGpus(look, gpus) : hostByCores(look),
  };
}

/** The weaker of two attributions. */
export function weakerAttribution(a: JobAttribution, b: JobAttribution): JobAttribution {
  return JOB_ATTRIBUTIONS.indexOf(a) > JOB_ATTRIBUTIONS.indexOf(b) ? a : b;
}

interface Held {
  readonly claim: JobClaim;
  readonly gpu: GpuClaim;
}

/** Slices keep their size; whoever else holds the GPU shares what is left, by use where that is known, else by turns. */
function sharesOfGpu(
  claims: readonly JobClaim[],
  deviceId: string,
  usage: Readonly<Record<string, number>> | undefined,
): JobShare[] {
  const all: Held[] = claims.flatMap((claim) =>
    (claim.gpus ?? []).filter((gpu) => gpu.deviceId === deviceId).map((gpu) => ({ claim, gpu })),
  );
  const allocated = all.filter(({ gpu }) => gpu.attribution !== 'processes');
  // Processes are a stand-in for an allocation that nobody told.
  const held = allocated.length > 0 ? allocated : all;
  const slices = held.filter(({ gpu }) => gpu.attribution === 'slices');
  const whole = held.filter(({ gpu }) => gpu.attribution !== 'slices');
  const sliced = sum(slices.map(({ gpu }) => gpu.weight));
  const scale = Math.max(1, sliced);
  const left = Math.max(0, 1 - sliced);
  const used = whole.map(({ claim }) => usage?.[claim.id] ?? 0);
  const byUse = whole.length > 1 && sum(used) > 0;
  const weights = byUse ? used : whole.map(({ gpu }) => gpu.weight);
  const total = sum(weights);
  return [
    ...slices.map(({ claim, gpu }) => share(claim, gpu.weight / scale, 'slices')),
    ...whole.map(({ claim, gpu }, index) =>
      share(
        claim,
        total === 0 ? 0 : (left * weights[index]!) / total,
        whole.length === 1 || gpu.attribution === 'processes'
          ? gpu.attribution
          : byUse
            ? 'utilization'
            : 'turns',
      ),
    ),
  ].filter(({ fraction }) => fraction > 0);
}

/** Each GPU stands for an equal part of its host. */
function hostByGpus(look: HostLook, gpus: Readonly<Record<string, Holding>>): Holding {
  const byJob = new Map<string, JobShare>();
  for (const deviceId of look.gpuIds)
    for (const one of gpus[deviceId]!.shares) {
      const before = byJob.get(one.jobId);
      byJob.set(one.jobId, {
        ...one,
        fraction: (before?.fraction ?? 0) + one.fraction / look.gpuIds.length,
        attribution: before ? weakerAttribution(before.attribution, one.attribution) : one.attribution,
      });
    }
  // A job without GPUs loads the host, and by GPUs nothing of it is its own: the rest is not free then.
  const onlyGpuJobs = look.claims.every(
    ({ gpus: own, cores }) => own === null || own.length > 0 || cores === 0,
  );
  const restIdle = onlyGpuJobs && Object.values(gpus).every((holding) => holding.restIdle);
  // What is next to nothing of a GPU may be nothing of its host.
  return { shares: [...byJob.values()].filter(({ fraction }) => fraction > 0), restIdle };
}

function hostByCores({ claims, cores, complete }: HostLook): Holding {
  if (cores === null) return { shares: [], restIdle: false };
  const asked = sum(claims.map((claim) => claim.cores ?? 0));
  // More than there are: they take turns.
  const attribution = asked > cores ? 'turns' : 'allocation';
  return {
    shares: claims
      .filter((claim) => (claim.cores ?? 0) > 0)
      .map((claim) => share(claim, claim.cores! / Math.max(cores, asked), attribution)),
    restIdle: complete && claims.every((claim) => claim.cores !== null),
  };
}

function share(claim: JobClaim, fraction: number, attribution: JobAttribution): JobShare {
  return { jobId: claim.id, incarnation: claim.incarnation, fraction, attribution };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
