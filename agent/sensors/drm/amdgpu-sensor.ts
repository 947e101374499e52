/**
 * AMD GPUs by what the amdgpu driver shows in sysfs: power, and an energy counter where it agrees with that. The power of
 * others is integrated.
 */
import { stat } from 'node:fs/promises';
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import { ratio, watts } from '../../../shared/units.ts';
import type { MeterFacts } from '../../../shared/wire/ingest.ts';
import type { Clock } from '../../clock.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { readTextOrEmpty } from '../../inventory/read-text.ts';
import { createCounterTrust, type TrustVerdict } from '../counter-trust.ts';
import { gpuMeter } from '../gpu-meter.ts';
import type { Sensor } from '../sensor.ts';
import { type AmdEnergySource, findAmdEnergy, readAmdEnergy } from './amd-energy.ts';
import { isAmdModule } from './amd-names.ts';
import { type DrmCard, findCards, readWhole } from './drm-cards.ts';

const AMDGPU_SENSOR = 'amdgpu';

/** The mean of the driver's own window first: between two reads it leaves less out. MI300 has the power of now only. */
const POWER_FILES = ['power1_average', 'power1_input'] as const;

export interface AmdgpuSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
}

interface Counter {
  readonly source: AmdEnergySource;
  readonly trust: ReturnType<typeof createCounterTrust>;
  /** Boot and driver load: within them it goes on. */
  readonly identity: string;
  verdict: TrustVerdict | null;
}

interface Gpu {
  readonly card: DrmCard;
  readonly meter: Meter;
  readonly powerFile: string;
  readonly counter: Counter | null;
}

export function createAmdgpuSensor({ paths, clock }: AmdgpuSensorOptions): Sensor {
  let gpus: readonly Gpu[] = [];
  let notes: readonly string[] = [];

  /** What was found once stands while it is there: another source is another counter. */
  async function counterOf(card: DrmCard, bootId: string): Promise<Counter | null> {
    const known = gpus.find((gpu) => gpu.card.hwmon === card.hwmon)?.counter ?? null;
    if (known !== null) return known;
    const source = await findAmdEnergy(card);
    if (source === null) return null;
    // The counter begins with each load of the driver, and so does the folder.
    const { ino } = await stat(card.hwmon, { bigint: true });
    return { source, trust: createCounterTrust(), identity: `${bootId}/${ino}/${source}`, verdict: null };
  }

  async function counterReading({ card, counter }: Gpu, atMs: number, powerWatts: number) {
    if (counter === null) return null;
    const microjoules = await readAmdEnergy(card, counter.source);
    if (microjoules === null) {
      counter.verdict = { trusted: false, why: 'cannot be read' };
      return null;
    }
    counter.verdict = counter.trust({ atMs, energyMillijoules: microjoules / 1000, powerWatts });
    if (!counter.verdict.trusted) return null;
    const identity = `${counter.identity}/${counter.verdict.withdrawn}`;
    return { value: microjoules, unitsPerMillijoule: 1000, wrapsAt: null, identity };
  }

  return {
    name: AMDGPU_SENSOR,

    async probe() {
      const cards = await findCards(paths.sysRoot, ['amdgpu']);
      if (cards.length === 0) return { state: 'absent', detail: 'no card of the amdgpu driver' };
      const bootId = await readTextOrEmpty(`${paths.procRoot}/sys/kernel/random/boot_id`);
      const found: Gpu[] = [];
      const integrated: string[] = [];
      const silent: string[] = [];
      for (const card of cards) {
        const powerFile = await workingPowerFile(card);
        if (await isWithinCpu(card)) integrated.push(card.slot);
        else if (powerFile === null) silent.push(card.slot);
        else
          found.push({
            card,
            powerFile,
            meter: await meterOf(card, powerFile),
            counter: await counterOf(card, bootId),
          });
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
      for (const gpu of gpus) {
        const { card, meter, powerFile } = gpu;
        const atMs = clock.monotonicNow();
        const microwatts = await readWhole(powerFile);
        // A GPU that answers draws watts: 0 is a fault.
        if (microwatts === null || microwatts === 0) {
          lost.push(`${card.slot}: no power now`);
          continue;
        }
        const counter = await counterReading(gpu, atMs, microwatts / 1e6);
        const busyPercent = await readWhole(`${card.device}/gpu_busy_percent`);
        readings.push({
          meterId: meter.id,
          atMs,
          ...(counter !== null && { counter }),
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
    const slotsBy = new Map<string, string[]>();
    for (const gpu of gpus)
      slotsBy.set(meteredBy(gpu), [...(slotsBy.get(meteredBy(gpu)) ?? []), gpu.card.slot]);
    const each = [...slotsBy].map(([how, slots]) => `${slots.join(', ')} by ${how}`);
    return [...each, ...notes].join('; ');
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

function meteredBy({ powerFile, counter }: Gpu): string {
  const power = nameOf(powerFile);
  if (counter === null) return `${power}, no energy counter`;
  if (counter.verdict?.trusted) return `${counter.source}, ${power} beside it`;
  const why = counter.verdict?.why ?? 'not compared with the power yet';
  return `${power}; ${counter.source} is not used: ${why}`;
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

async function meterOf(card: DrmCard, powerFile: string): Promise<Meter> {
  const serial = await readTextOrEmpty(`${card.device}/unique_id`);
  const product = await readTextOrEmpty(`${card.device}/product_name`);
  const scope = isAmdModule(card.pciId) ? 'module' : 'device';
  return gpuMeter(
    AMDGPU_SENSOR,
    `amd-${/[1-9a-f]/i.test(serial) ? serial : card.slot}`,
    product || `AMD GPU ${card.pciId}`,
    scope,
    await factsOf(card, powerFile),
  );
}

/** The driver's window is not told; a limit of 0 is one that the card does not have. */
async function factsOf({ hwmon }: DrmCard, powerFile: string): Promise<MeterFacts> {
  const [cap, ownCap] = [
    await readWhole(`${hwmon}/power1_cap`),
    await readWhole(`${hwmon}/power1_cap_default`),
  ];
  const powerSource = nameOf(powerFile);
  return {
    powerSource,
    powerMeaning: powerSource === 'power1_average' ? 'mean' : 'instantaneous',
    ...(cap && { powerLimitWatts: cap / 1e6 }),
    ...(ownCap && { defaultPowerLimitWatts: ownCap / 1e6 }),
  };
}
