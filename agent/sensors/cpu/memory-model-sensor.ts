/**
 * Power of memory that has no meter: 5 W per module whatever it does, since refresh and clocks outweigh accesses. The
 * figure is CodeCarbon's (version 3, methodology page, read 2026-11-25). Where the firmware does not tell the modules,
 * one per 64 GiB is assumed (a DGX H100 has 32 of 64 GB), in fractions, so that a virtual machine gets a share. Per
 * gigabyte instead, as others do, 1 TB would draw 400 W.
 */
import type { Meter } from '../../../shared/metering/reading.ts';
import { watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { type InstalledMemory, readInstalledMemory } from '../../inventory/memory.ts';
import type { Sensor } from '../sensor.ts';

const MEMORY_MODEL_SENSOR = 'memory-model';

const WATTS_PER_MODULE = 5;
const ASSUMED_MODULE_BYTES = 64 * 2 ** 30;

export interface MemoryModelOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
}

export function createMemoryModelSensor({ paths, clock }: MemoryModelOptions): Sensor {
  let memory: InstalledMemory | null = null;

  return {
    name: MEMORY_MODEL_SENSOR,
    standsInFor: 'memory',

    async probe() {
      memory = await readInstalledMemory(paths);
      if (memory === null)
        return { state: 'failed', detail: `${paths.procRoot}/meminfo cannot be read: memory size unknown` };
      return { state: 'ready', value: [meterOf(memory)], detail: describe(memory) };
    },

    async read() {
      if (memory === null) return { state: 'noData', detail: 'memory size unknown' };
      const atMs = clock.monotonicNow();
      const value = [{ meterId: meterOf(memory).id, atMs, powerWatts: watts(wattsOf(memory)) }];
      return { state: 'ready', value, detail: describe(memory) };
    },

    async close() {},
  };
}

const modulesOf = ({ modules, capacityBytes }: InstalledMemory) =>
  modules ?? capacityBytes / ASSUMED_MODULE_BYTES;

const wattsOf = (memory: InstalledMemory) => WATTS_PER_MODULE * modulesOf(memory);

function meterOf(memory: InstalledMemory): Meter {
  return {
    id: `${MEMORY_MODEL_SENSOR}:memory-0`,
    sensor: MEMORY_MODEL_SENSOR,
    deviceId: 'memory-0',
    deviceType: 'memory',
    deviceName: memory.name,
    scope: 'device',
    powerKind: 'modelled',
    maxPlausibleWatts: watts(wattsOf(memory)),
  };
}

function describe(memory: InstalledMemory): string {
  const known = memory.modules === null ? 'assumed from the size' : 'told by the firmware';
  return `a model, no meter: ${modulesOf(memory).toFixed(2)} modules (${known}) x ${WATTS_PER_MODULE} W`;
}
