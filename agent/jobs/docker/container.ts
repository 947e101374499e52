/** What a container was given, from `GET /containers/{id}/json`. */
import { countOfList } from '../cgroup-tree.ts';
import { gpuList } from '../gpu-list.ts';
import type { GpuName, JobSighting } from '../job-source.ts';

/** The fields that are read; the API leaves out what was not set. */
interface ContainerJson {
  readonly Name?: string;
  readonly Config?: {
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Env?: readonly string[] | null;
  };
  readonly HostConfig?: {
    readonly Runtime?: string;
    readonly DeviceRequests?: readonly DeviceRequest[] | null;
    readonly NanoCpus?: number;
    readonly CpuQuota?: number;
    readonly CpuPeriod?: number;
    readonly CpusetCpus?: string;
  };
}

interface DeviceRequest {
  readonly Driver?: string;
  readonly Count?: number;
  readonly DeviceIDs?: readonly string[] | null;
  readonly Capabilities?: readonly (readonly string[])[] | null;
}

/** What the runtime may hand out for computing; monitoring asks for `utility` alone and holds nothing. */
const COMPUTE = /(^|,)(all|compute)(,|$)/;
const DEFAULT_PERIOD = 100_000;

/** Null: one that is gone, a pod's container, which is the kubelet's, or one labelled `wattshed.ignore`. */
export function sightingOfContainer(id: string, json: unknown): JobSighting | null {
  if (typeof json !== 'object' || json === null) return null;
  const container = json as ContainerJson;
  const labels = container.Config?.Labels ?? {};
  const env = new Map(
    (container.Config?.Env ?? []).map((text) => [text.split('=', 1)[0]!, text.slice(text.indexOf('=') + 1)]),
  );
  if (labels['io.kubernetes.pod.uid'] !== undefined || labels['wattshed.ignore'] !== undefined) return null;
  const told = (name: string) =>
    labels[`wattshed.${name}`] || env.get(`WATTSHED_${name.toUpperCase()}`) || null;
  return {
    scheduler: 'docker',
    job: told('job') ?? id.slice(0, 12),
    restart: null,
    cluster: null,
    incarnation: id,
    owners: [id],
    user: told('user'),
    project: told('project') ?? labels['com.docker.compose.project'] ?? null,
    phase: told('phase'),
    gpus: gpusOf(container, env),
    cores: coresOf(container),
  };
}

/** Containers under one name are one job, which holds what each of them does. */
export function joinContainers(sightings: readonly JobSighting[]): JobSighting[] {
  const byJob = new Map<string, JobSighting>();
  for (const seen of sightings) {
    const before = byJob.get(seen.job);
    byJob.set(
      seen.job,
      before === undefined
        ? seen
        : {
            ...before,
            incarnation: `${before.incarnation} ${seen.incarnation}`,
            owners: [...before.owners, ...seen.owners],
            gpus: [...new Set([...(before.gpus ?? []), ...(seen.gpus ?? [])])],
            cores: before.cores === null || seen.cores === null ? null : before.cores + seen.cores,
          },
    );
  }
  return [...byJob.values()];
}

function gpusOf({ HostConfig }: ContainerJson, env: ReadonlyMap<string, string>): GpuName[] {
  if (!COMPUTE.test(env.get('NVIDIA_DRIVER_CAPABILITIES') ?? 'all')) return [];
  const requests = (HostConfig?.DeviceRequests ?? []).filter(isGpuRequest);
  const asked = requests.flatMap(({ DeviceIDs, Count = 0 }) => {
    if (DeviceIDs?.length) return [...DeviceIDs];
    return Count < 0 ? ['all'] : Array.from({ length: Math.min(Count, 64) }, (_, index) => String(index));
  });
  // Images set the variable by themselves: it counts only with the runtime that reads it.
  const visible = HostConfig?.Runtime === 'nvidia' ? (env.get('NVIDIA_VISIBLE_DEVICES') ?? '') : '';
  return [...asked, ...(visible === 'none' || visible === 'void' ? [] : gpuList(visible))];
}

function isGpuRequest({ Driver, Capabilities }: DeviceRequest): boolean {
  return Driver === 'nvidia' || (Capabilities ?? []).some((set) => set.includes('gpu'));
}

function coresOf({ HostConfig }: ContainerJson): number | null {
  const { NanoCpus = 0, CpuQuota = 0, CpuPeriod = 0, CpusetCpus = '' } = HostConfig ?? {};
  if (NanoCpus > 0) return NanoCpus / 1e9;
  if (CpuQuota > 0) return CpuQuota / (CpuPeriod || DEFAULT_PERIOD);
  return countOfList(CpusetCpus);
}
