/** The sensors, better ones first: adding one is a file and a line here. */
import { type Clock, systemClock } from '../clock.ts';
import { HOST_PATHS, type HostPaths } from '../inventory/host-paths.ts';
import { createAmdSmiSensor } from './amd-smi/amd-smi-sensor.ts';
import { createCpuModelSensor } from './cpu/cpu-model-sensor.ts';
import { createGraceSensor } from './cpu/grace-sensor.ts';
import { createMemoryModelSensor } from './cpu/memory-model-sensor.ts';
import { createRaplSensor } from './cpu/rapl-sensor.ts';
import type { RaplLevel } from './cpu/rapl-zones.ts';
import { createAmdgpuSensor } from './drm/amdgpu-sensor.ts';
import { createIntelGpuSensor } from './drm/intel-gpu-sensor.ts';
import { createHlSmiSensor } from './gaudi/hl-smi-sensor.ts';
import { createAcpiSensor } from './node-meter/acpi-sensor.ts';
import type { NodeMeterUse } from './node-meter/chassis-sharing.ts';
import { createDcmiSensor } from './node-meter/dcmi-sensor.ts';
import type { RedfishAccess } from './node-meter/redfish-client.ts';
import { createRedfishSensor } from './node-meter/redfish-sensor.ts';
import { createDcgmSensor } from './nvidia/dcgm-sensor.ts';
import { createNvmlSensor } from './nvidia/nvml-sensor.ts';
import { createSmiSensor } from './nvidia/smi-sensor.ts';
import type { Sensor } from './sensor.ts';

/** All have defaults for the real host; a test or a container overrides what differs. */
export interface SensorOptions {
  readonly paths?: HostPaths;
  readonly clock?: Clock;
  /** The NVML library to load instead of looking for it. */
  readonly nvmlLibraryPath?: string;
  /** The program to run instead of `nvidia-smi` from PATH. */
  readonly nvidiaSmiPath?: string;
  /** Time between two samples of nvidia-smi, milliseconds. */
  readonly nvidiaSmiPeriodMs?: number;
  /** Where this host's dcgm-exporter serves its metrics; null or left out where none is configured. */
  readonly dcgmExporter?: string | null;
  /** Which RAPL domains are summed. Default `packages`. */
  readonly raplLevel?: RaplLevel;
  /** Meters of the whole node. Default `auto`. */
  readonly nodeMeter?: NodeMeterUse;
  /** The management controller's web service; null or left out where none is configured. */
  readonly redfish?: RedfishAccess | null;
  /** The chassis that is this host, where that service shows several. */
  readonly redfishChassis?: string | null;
  /** For child processes. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** By soname, then where the GPU operator's driver container keeps it. */
const NVML_LIBRARY_PATHS = ['libnvidia-ml.so.1', '/run/nvidia/driver/usr/lib64/libnvidia-ml.so.1'];

export function createSensors(options: SensorOptions): Sensor[] {
  const { paths = HOST_PATHS, clock = systemClock, env = process.env } = options;
  const { nvmlLibraryPath, nvidiaSmiPath: path = 'nvidia-smi', nvidiaSmiPeriodMs: periodMs = 1000 } = options;
  const { nodeMeter: use = 'auto', redfish: access = null, redfishChassis: chassis = null } = options;
  const libraryPaths = nvmlLibraryPath === undefined ? NVML_LIBRARY_PATHS : [nvmlLibraryPath];
  return [
    createNvmlSensor({ paths, clock, libraryPaths }),
    createDcgmSensor({ paths, clock, url: options.dcgmExporter ?? null }),
    createSmiSensor({ path, periodMs, env, clock }),
    createAmdgpuSensor({ paths, clock }),
    createAmdSmiSensor({ paths, clock, env }),
    createIntelGpuSensor({ paths, clock }),
    createHlSmiSensor({ env, clock }),
    createRaplSensor({ paths, clock, level: options.raplLevel ?? 'packages' }),
    createGraceSensor({ paths, clock }),
    createCpuModelSensor({ paths, clock }),
    createMemoryModelSensor({ paths, clock }),
    createRedfishSensor({ clock, use, access, chassis }),
    createDcmiSensor({ paths, clock, env, use }),
    createAcpiSensor({ paths, clock, use }),
  ];
}
