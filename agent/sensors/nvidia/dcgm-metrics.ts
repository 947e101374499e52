/** What a dcgm-exporter serves: GPUs by UUID and who holds them, out of the Prometheus text format. */
import type { GpuPartition } from '../../../shared/metering/reading.ts';
import { migRatio } from './mig-slices.ts';

export interface DcgmGpu {
  readonly uuid: string;
  readonly name: string;
  /** Empty where the exporter does not tell. */
  readonly driverVersion: string;
  readonly energyMillijoules: number | null;
  readonly powerWatts: number | null;
  /** 0..1; of the whole GPU, so null under MIG. */
  readonly utilizationRatio: number | null;
  /** Its MIG instances; empty where it is not partitioned. */
  readonly partitions: readonly GpuPartition[];
  /** Whom its samples name. */
  readonly holders: readonly DcgmHolder[];
}

/** Who holds a GPU or an instance of it, by the labels of a sample; empty where there is no such label. */
export interface DcgmHolder {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly hpcJob: string;
  /** `GPU-…/7`: the instance; null for the whole GPU. */
  readonly instance: string | null;
}

export interface DcgmMetrics {
  readonly gpus: readonly DcgmGpu[];
  /** Every host that the samples name: more than one is not this host's exporter. */
  readonly hostnames: readonly string[];
}

const SAMPLE = /^(DCGM_FI_DEV_\w+)\{(.*)\} +(\S+)(?: +-?\d+)?\s*$/gm;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

const FIELDS = {
  DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION: 'energy',
  DCGM_FI_DEV_POWER_USAGE: 'power',
  DCGM_FI_DEV_GPU_UTIL: 'utilization',
} as const;

type Labels = ReadonlyMap<string, string>;

interface Row {
  name: string;
  driverVersion: string;
  partitions: Map<string, number>;
  holders: Map<string, DcgmHolder>;
  energy: number | null;
  power: number | null;
  utilization: number | null;
}

/**
 * Under MIG each instance repeats the counter of its whole GPU, a moment apart: the largest is the newest. Blank values
 * and what is no number are none.
 */
export function parseDcgmMetrics(text: string): DcgmMetrics {
  const rows = new Map<string, Row>();
  const hostnames = new Set<string>();
  for (const [, metric = '', labelText = '', valueText = ''] of text.matchAll(SAMPLE)) {
    const labels = new Map([...labelText.matchAll(LABEL)].map(([, key = '', value = '']) => [key, value]));
    const hostname = labels.get('Hostname') ?? labels.get('hostname');
    if (hostname) hostnames.add(hostname);
    const uuid = labels.get('UUID') ?? '';
    if (!uuid.startsWith('GPU-')) continue;
    const row = rows.get(uuid) ?? newRow();
    rows.set(uuid, row);
    row.name ||= labels.get('modelName') ?? '';
    row.driverVersion ||= labels.get('DCGM_FI_DRIVER_VERSION') ?? '';
    const instance = labels.get('GPU_I_ID') ? `${uuid}/${labels.get('GPU_I_ID')}` : null;
    if (instance !== null) row.partitions.set(instance, slicesOfProfile(labels.get('GPU_I_PROFILE') ?? ''));
    const holder = holderOf(labels, instance);
    if (holder !== null) row.holders.set(Object.values(holder).join('\n'), holder);
    const field = FIELDS[metric as keyof typeof FIELDS];
    const value = numberOf(valueText);
    if (field !== undefined && value !== null) row[field] = Math.max(row[field] ?? 0, value);
  }
  return { gpus: [...rows].map(([uuid, row]) => gpuOf(uuid, row)), hostnames: [...hostnames] };
}

function newRow(): Row {
  return {
    name: '',
    driverVersion: '',
    partitions: new Map(),
    holders: new Map(),
    energy: null,
    power: null,
    utilization: null,
  };
}

function gpuOf(uuid: string, { name, driverVersion, energy, power, utilization, ...row }: Row): DcgmGpu {
  return {
    uuid,
    name: name || 'NVIDIA GPU',
    driverVersion,
    energyMillijoules: energy !== null && Number.isSafeInteger(energy) ? energy : null,
    powerWatts: power,
    utilizationRatio:
      row.partitions.size > 0 || utilization === null ? null : Math.min(100, utilization) / 100,
    partitions: [...row.partitions].map(([id, slices]) => ({ id, ratio: migRatio(name, slices) })),
    holders: [...row.holders.values()],
  };
}

/** `2g.10gb`, and `1c.2g.10gb` for a part of that: compute slices come before the g. */
const slicesOfProfile = (profile: string) => Number(/(\d+)g\./.exec(profile)?.[1] ?? 0);

/** In both spellings of the exporter, newer and older; null where nobody is named. */
function holderOf(labels: Labels, instance: string | null): DcgmHolder | null {
  const first = (...names: readonly string[]) => names.map((name) => labels.get(name)).find(Boolean) ?? '';
  const pod = first('pod', 'pod_name');
  const hpcJob = first('hpc_job');
  if (pod === '' && hpcJob === '') return null;
  const namespace = first('namespace', 'pod_namespace');
  return { namespace, pod, podUid: first('pod_uid'), hpcJob, instance };
}

/** Blank values: the last integers below 2^63, and those from 2^47 on for numbers with a fraction. */
const isBlank = (value: number) => value >= 2 ** 62 || (value >= 2 ** 47 && value < 2 ** 47 + 16);

function numberOf(text: string): number | null {
  const value = /^\d+(\.\d+)?(e\+?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) && !isBlank(value) ? value : null;
}
