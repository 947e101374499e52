/** What `amd-smi list --json` and `amd-smi metric --json` print, by version with words before the JSON or a wrapper around it. */

export interface ListedGpu {
  readonly index: number;
  /** `0000:05:00.0` */
  readonly slot: string;
  /** Empty where this version does not tell. */
  readonly uuid: string;
}

export interface GpuMetric {
  readonly index: number;
  readonly powerWatts: number | null;
  /** Since the driver was loaded. */
  readonly energyMillijoules: number | null;
}

/** In the order of versions: of the whole socket (MI300 and newer), of a board before. */
const POWER_KEYS = ['socket_power', 'current_socket_power', 'average_socket_power'] as const;

/** What the library gives for a value that it does not have. */
const UINT32_MAX = 2 ** 32 - 1;

/** GPUs, each once: further partitions of one carry its numbers or none. */
export function parseGpuList(said: string): ListedGpu[] {
  return gpuObjects(said).flatMap((gpu) => {
    const index = numberOf(gpu.gpu);
    const slot = typeof gpu.bdf === 'string' ? gpu.bdf.toLowerCase() : '';
    if (index === null || slot === '' || (numberOf(gpu.partition_id) ?? 0) > 0) return [];
    return [{ index, slot, uuid: typeof gpu.uuid === 'string' && gpu.uuid !== 'N/A' ? gpu.uuid : '' }];
  });
}

export function parseGpuMetrics(said: string): GpuMetric[] {
  return gpuObjects(said).flatMap((gpu) => {
    const index = numberOf(gpu.gpu);
    if (index === null) return [];
    const power = objectOf(gpu.power);
    const watts = POWER_KEYS.map((key) => numberOf(power[key])).find((value) => value !== null) ?? null;
    const joules = numberOf(objectOf(gpu.energy).total_energy_consumption);
    const energy = joules === null ? null : Math.round(joules * 1000);
    return [{ index, powerWatts: watts, energyMillijoules: Number.isSafeInteger(energy) ? energy : null }];
  });
}

type JsonObject = Readonly<Record<string, unknown>>;

/** The objects of a list, or of `{ "gpu_data": [...] }`, after any lines of words. */
function gpuObjects(said: string): JsonObject[] {
  const start = said.search(/^[[{]/m);
  if (start < 0) return [];
  let value: unknown;
  try {
    value = JSON.parse(said.slice(start));
  } catch {
    return [];
  }
  const list = Array.isArray(value) ? value : objectOf(value).gpu_data;
  return Array.isArray(list) ? list.map(objectOf) : [];
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
}

/** A non-negative number, bare or with its unit (`{ "value": 142, "unit": "W" }`); null for `N/A` and the library's blank. */
function numberOf(value: unknown): number | null {
  const bare = typeof value === 'object' ? objectOf(value).value : value;
  return typeof bare === 'number' && bare >= 0 && bare !== UINT32_MAX ? bare : null;
}
