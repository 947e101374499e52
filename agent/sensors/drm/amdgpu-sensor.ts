/** AMD GPUs by the power that the amdgpu driver shows in sysfs. It shows no energy: the power is integrated. */
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import { ratio, watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { readTextOrEmpty } from '../../inventory/read-text.ts';
import { gpuMeter } from '../gpu-meter.ts';
import type { Sensor } from '../sensor.ts';
import { isAmdModule } from './amd-names.ts';
import { type DrmCard, findCards, readWhole } from './drm-cards.ts';

const AMDGPU_SENSOR = 'amdgpu';

/** The mean of the driver's own window first: between two reads it leaves less out. MI300 has the power of now only. */
const POWER_FILES = ['power1_average', 'power1_input'] as const;

export interface AmdgpuSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
}

interface Gpu {
  readonly card: DrmCard;
  readonly meter: Meter;
  readonly powerFile: string;
}

export function createAmdgpuSensor({ paths, clock }: AmdgpuSensorOptions): Sensor {
  let gpus: readonly Gpu[] = [];
  let notes: readonly string[] = [];

  return {
    name: AMDGPU_SENSOR,

    async probe() {
      const cards = await findCards(paths.sysRoot, ['amdgpu']);
      if (cards.length === 0) return { state: 'absent', detail: 'no card of the amdgpu driver' };
      const found: Gpu[] = [];
      const integrated: string[] = [];
      const silent: string[] = [];
      for (const card of cards) {
        const powerFile = await workingPowerFile(card);
        if (await isWithinCpu(card)) integrated.push(card.slot);
        else if (powerFile === null) silent.push(card.slot);
        else found.push({ card, powerFile, meter: await meterOf(card) });
      }
      gpus = found;
      notes = [
        ...(integrated.length > 0 ? [`${integrated.join(', ')}: part of a CPU, metered with that`] : []),
        ...(silent.length > 0
          ? [`${silent.join(', ')}: no power (asleep, or the second die of a module)`]
          : []),
      ];
      if (found.length > 0)
        return { state: 'ready', value: found.map((gpu) => gpu.meter), detail: describe() };
      return { state: silent.length > 0 ? 'noData' : 'absent', detail: notes.join('; ') };
    },

    async read() {
      const readings: Reading[] = [];
      const lost: string[] = [];
      for (const { card, meter, powerFile } of gpus) {
        const atMs = clock.monotonicNow();
        const microwatts = await readWhole(powerFile);
        // A GPU that answers draws watts: 0 is a fault.
        if (microwatts === null || microwatts === 0) {
          lost.push(`${card.slot}: no power now`);
          continue;
        }
        const busyPercent = await readWhole(`${card.device}/gpu_busy_percent`);
        readings.push({
          meterId: meter.id,
          atMs,
          powerWatts: watts(microwatts / 1e6),
          ...(busyPercent !== null && { utilizationRatio: ratio(Math.min(100, busyPercent) / 100) }),
        });
      }
      const detail = [describe(), ...lost].join('; ');
      return readings.length === 0
        ? { state: 'noData', detail }
        : { state: 'ready', value: readings, detail };
    },

    async close() {},
  };

  function describe(): string {
    const each = gpus.map(({ card, powerFile }) => `${card.slot} by ${powerFile.split('/').at(-1)}`);
    return [`${each.join(', ')}, no energy counter`, ...notes].join('; ');
  }
}

/** The first that says more than 0, or null. */
async function workingPowerFile({ hwmon }: DrmCard): Promise<string | null> {
  for (const name of POWER_FILES) {
    if ((await readWhole(`${hwmon}/${name}`)) ?? 0) return `${hwmon}/${name}`;
  }
  return null;
}

/** An APU's power is that of its processor as well; only they have a northbridge voltage. */
async function isWithinCpu({ hwmon }: DrmCard): Promise<boolean> {
  return (await readTextOrEmpty(`${hwmon}/in1_label`)) === 'vddnb';
}

async function meterOf(card: DrmCard): Promise<Meter> {
  const serial = await readTextOrEmpty(`${card.device}/unique_id`);
  const product = await readTextOrEmpty(`${card.device}/product_name`);
  const scope = isAmdModule(card.pciId) ? 'module' : 'device';
  return gpuMeter(
    AMDGPU_SENSOR,
    `amd-${/[1-9a-f]/i.test(serial) ? serial : card.slot}`,
    product || `AMD GPU ${card.pciId}`,
    scope,
  );
}
