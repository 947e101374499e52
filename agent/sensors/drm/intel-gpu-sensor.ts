/** Intel GPUs by the energy counters that the i915 and xe drivers show in sysfs. Graphics within a CPU has none. */
import { stat } from 'node:fs/promises';
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import type { Clock } from '../../clock.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { listNames, readTextOrEmpty } from '../../inventory/read-text.ts';
import { gpuMeter } from '../gpu-meter.ts';
import type { Sensor } from '../sensor.ts';
import { type DrmCard, findCards, readWhole } from './drm-cards.ts';

const INTEL_GPU_SENSOR = 'intel-gpu';

/** A GPU takes watts: a counter that stands still for this long is dead. */
const DEAD_AFTER_MS = 30_000;

/**
 * Microjoules in the hardware's register: 2^32 units of 2^-14 J. The driver makes it longer, but notices only one wrap
 * between two reads.
 */
const REGISTER_MICROJOULES = 2 ** 18 * 1_000_000;

export interface IntelGpuSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
}

interface Channel {
  readonly file: string;
  /** `card`, `pkg`, or empty on i915, whose only one covers the card. */
  readonly label: string;
  readonly value: number;
}

interface Gpu {
  readonly card: DrmCard;
  readonly meter: Meter;
  readonly channel: Channel;
  readonly identity: string;
  last: { readonly value: number; readonly sinceMs: number } | null;
}

export function createIntelGpuSensor({ paths, clock }: IntelGpuSensorOptions): Sensor {
  let gpus: readonly Gpu[] = [];
  let notes: readonly string[] = [];

  async function gpuOf(card: DrmCard, bootId: string): Promise<Gpu | null> {
    const known = gpus.find((gpu) => gpu.card.hwmon === card.hwmon);
    // The choice stands: another channel is another counter.
    if (known !== undefined) return known;
    const channel = chooseChannel(await readChannels(card.hwmon));
    if (channel === null) return null;
    const meter = gpuMeter(INTEL_GPU_SENSOR, `intel-${card.slot}`, `Intel GPU ${card.pciId}`, 'device');
    // The counter begins with each load of the driver, and so does the folder.
    const { ino } = await stat(card.hwmon, { bigint: true });
    return { card, meter, channel, identity: `${bootId}/${ino}/${channel.label}`, last: null };
  }

  return {
    name: INTEL_GPU_SENSOR,

    async probe() {
      const cards = (await findCards(paths.sysRoot, ['i915', 'xe'])).filter(({ hwmon }) => hwmon !== '');
      if (cards.length === 0)
        return { state: 'absent', detail: 'no card of the i915 or xe driver that meters itself' };
      const bootId = await readTextOrEmpty(`${paths.procRoot}/sys/kernel/random/boot_id`);
      const found: Gpu[] = [];
      notes = [];
      for (const card of cards) {
        const gpu = await gpuOf(card, bootId);
        if (gpu !== null) found.push(gpu);
        else notes = [...notes, `${card.slot}: no energy counter that counts`];
      }
      gpus = found;
      if (found.length === 0) return { state: 'noData', detail: notes.join('; ') };
      return { state: 'ready', value: found.map((gpu) => gpu.meter), detail: describe() };
    },

    async read() {
      const readings: Reading[] = [];
      const silent: string[] = [];
      for (const gpu of gpus) {
        const atMs = clock.monotonicNow();
        const value = await readWhole(gpu.channel.file);
        if (value === null) {
          silent.push(`${gpu.card.slot}: cannot be read`);
          continue;
        }
        if (gpu.last?.value !== value) gpu.last = { value, sinceMs: atMs };
        if (atMs - gpu.last.sinceMs > DEAD_AFTER_MS)
          silent.push(`${gpu.card.slot}: the counter stands still`);
        else
          readings.push({
            meterId: gpu.meter.id,
            atMs,
            counter: {
              value,
              unitsPerMillijoule: 1000,
              wrapsAt: REGISTER_MICROJOULES,
              identity: gpu.identity,
            },
          });
      }
      const detail = [describe(), ...silent].join('; ');
      return readings.length === 0
        ? { state: 'noData', detail }
        : { state: 'ready', value: readings, detail };
    },

    async close() {},
  };

  function describe(): string {
    const each = gpus.map(
      ({ card, channel }) => `${card.slot} by the counter of the ${channel.label || 'card'}`,
    );
    return [each.join(', '), ...notes].join('; ');
  }
}

async function readChannels(hwmon: string): Promise<Channel[]> {
  const channels: Channel[] = [];
  for (const name of await listNames(hwmon)) {
    const number = /^energy(\d+)_input$/.exec(name)?.[1];
    if (number === undefined) continue;
    const value = await readWhole(`${hwmon}/${name}`);
    const label = await readTextOrEmpty(`${hwmon}/energy${number}_label`);
    if (value !== null && value > 0) channels.push({ file: `${hwmon}/${name}`, label, value });
  }
  return channels;
}

/**
 * The card, which holds the package, memory and losses. Some kernels show it as 0, and one below its package cannot hold
 * it: then the package alone.
 */
function chooseChannel(channels: readonly Channel[]): Channel | null {
  const card = channels.find(({ label }) => label === 'card' || label === '');
  const chip = channels.find(({ label }) => label === 'pkg');
  return card !== undefined && card.value >= (chip?.value ?? 0) ? card : (chip ?? null);
}
