/** What Slurm tells a job's processes of it, read from their environments. */
import { processesBelow } from '../cgroup-tree.ts';
import { readEnviron } from '../environ.ts';
import { gpuList } from '../gpu-list.ts';
import { type GpuName, slurmGpu } from '../job-source.ts';

export interface SlurmEnviron {
  readonly cluster: string | null;
  readonly restart: string | null;
  readonly user: string | null;
  readonly project: string | null;
  readonly phase: string | null;
  readonly gpus: readonly GpuName[] | null;
  readonly cores: number | null;
}

export type SlurmEnvironRead =
  | { readonly state: 'told'; readonly value: SlurmEnviron }
  /** No process of it told anything yet. */
  | { readonly state: 'silent' }
  | { readonly state: 'forbidden' };

type Variables = ReadonlyMap<string, string>;

/** @param folder the job's control group */
export async function readSlurmEnviron(
  procRoot: string,
  folder: string,
  job: string,
): Promise<SlurmEnvironRead> {
  const told: { group: string; variables: Variables }[] = [];
  let forbidden = false;
  for (const { group, pid } of processesBelow(folder)) {
    const environ = await readEnviron(procRoot, pid);
    if (!environ.ok) forbidden ||= environ.code === 'EACCES' || environ.code === 'EPERM';
    else if (environ.variables.get('SLURM_JOB_ID') === job)
      told.push({ group, variables: environ.variables });
  }
  if (told.length === 0) return { state: forbidden ? 'forbidden' : 'silent' };
  const first = (name: string) => told.map(({ variables }) => variables.get(name)).find(Boolean) ?? null;
  const restart = first('SLURM_RESTART_COUNT');
  const cores = Number(ofThisNode(told)?.get('SLURM_CPUS_ON_NODE'));
  return {
    state: 'told',
    value: {
      cluster: first('SLURM_CLUSTER_NAME'),
      restart: restart === '0' ? null : restart,
      user: first('SLURM_JOB_USER'),
      project: first('SLURM_JOB_ACCOUNT'),
      phase: first('WATTSHED_PHASE'),
      gpus: gpusOf(told),
      cores: Number.isSafeInteger(cores) && cores > 0 ? cores : null,
    },
  };
}

type Told = readonly { readonly group: string; readonly variables: Variables }[];

/**
 * The environment whose job-wide variables speak of this node. `srun` carries those of the first node, where the batch
 * step runs, to all others: there they hold only for jobs of one node.
 */
function ofThisNode(told: Told): Variables | undefined {
  const batch = told.find(({ group }) => /^\/step_(batch|interactive)(\/|$)/.test(group))?.variables;
  return batch ?? told.find(({ variables }) => variables.get('SLURM_JOB_NUM_NODES') === '1')?.variables;
}

/** UUIDs first: they also name partitions. Without the job's own list, all that its steps were given. */
function gpusOf(told: Told): GpuName[] | null {
  const own = ofThisNode(told);
  const uuids = told
    .flatMap(({ variables }) => gpuList(variables.get('CUDA_VISIBLE_DEVICES') ?? ''))
    .filter((name) => /^(GPU|MIG)-/.test(name));
  if (uuids.length > 0) return [...new Set(uuids)];
  const ofJob = own?.get('SLURM_JOB_GPUS');
  if (ofJob !== undefined) return gpuList(ofJob).map(slurmGpu);
  const ofSteps = told.flatMap(({ variables }) => gpuList(variables.get('SLURM_STEP_GPUS') ?? ''));
  if (ofSteps.length > 0) return [...new Set(ofSteps)].map(slurmGpu);
  // Slurm counts the GPUs of a node for those jobs that have any.
  return own !== undefined && !own.has('SLURM_GPUS_ON_NODE') && !own.has('SLURM_JOB_GRES') ? [] : null;
}
