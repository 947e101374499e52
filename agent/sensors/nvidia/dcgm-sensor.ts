/**
 * NVIDIA GPUs through a dcgm-exporter that runs on this host anyway. It looks at the GPUs each 30 s by default and serves
 * the same values meanwhile: a reading is made only when a counter has moved.
 */
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import { ratio, watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { type Answer, createAskedSensor } from '../asked-sensor.ts';
import { gpuMeter } from '../gpu-meter.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import type { DcgmGpu } from './dcgm-metrics.ts';
import { createDcgmScrape } from './dcgm-scrape.ts';
import { UNKNOWN_COUNTER, WHOLE_MODULE_COUNTER } from './grace-modules.ts';
import { counterIdentity } from './nvml-identity.ts';
import { familyOfName, powerFacts } from './power-meaning.ts';

const DCGM_SENSOR = 'dcgm-exporter';

/** Between two scrapes: how late the move of a counter may be seen. */
const ASK_EVERY_MS = 5_000;
const TIMEOUT_MS = 4_000;
/** Power is integrated over 10 s at most; what comes a moment later is still meant to. */
const TOO_SELDOM_MS = 12_000;
/** A GPU draws watts even when idle: a counter that stands still for longer is one that the exporter no longer asks for. */
const STALE_AFTER_MS = 180_000;

export interface DcgmSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
  /** `http://127.0.0.1:9400/metrics`; null where none is configured. */
  readonly url: string | null;
}

interface Known {
  readonly meter: Meter;
  readonly energyMillijoules: number;
  readonly movedAtMs: number;
}

export function createDcgmSensor({ paths, clock, url }: DcgmSensorOptions): Sensor {
  const known = new Map<string, Known>();
  const scrape = createDcgmScrape(url, TIMEOUT_MS);

  async function ask(): Promise<Outcome<Answer>> {
    const scraped = await scrape();
    if (scraped.state !== 'ready') return scraped;
    const { gpus } = scraped.value;
    const atMs = clock.monotonicNow();
    const readings: Reading[] = [];
    const silent: string[] = [];
    const seldom: string[] = [];
    const uncounted: string[] = [];
    for (const gpu of gpus) {
      const { energyMillijoules } = gpu;
      if (energyMillijoules === null) {
        silent.push(`${gpu.uuid}: no DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION`);
        continue;
      }
      // A counter that moves shows that its power is a new one, whatever it covers.
      const isCounted = !UNKNOWN_COUNTER.test(gpu.name);
      if (!isCounted && gpu.powerWatts === null) {
        silent.push(`${gpu.uuid}: no DCGM_FI_DEV_POWER_USAGE`);
        continue;
      }
      const before = known.get(gpu.uuid);
      if (before?.energyMillijoules === energyMillijoules) {
        if (atMs - before.movedAtMs > STALE_AFTER_MS)
          silent.push(`${gpu.uuid}: the counter stands still, the exporter serves old values`);
        continue;
      }
      const meter = meterOf(gpu);
      known.set(gpu.uuid, { meter, energyMillijoules, movedAtMs: atMs });
      const identity = await counterIdentity(paths, gpu.driverVersion);
      if (isCounted) readings.push(readingOf(meter, gpu, { value: energyMillijoules, identity }, atMs));
      else if (before !== undefined && atMs - before.movedAtMs > TOO_SELDOM_MS) {
        const seconds = Math.round((atMs - before.movedAtMs) / 1_000);
        seldom.push(`${gpu.uuid}: its power is looked at each ${seconds} s, too seldom to be integrated`);
      } else {
        uncounted.push(gpu.uuid);
        readings.push(readingOf(meter, gpu, null, atMs));
      }
    }
    const meters = [...known.values()].map(({ meter }) => meter);
    const why = uncounted.length === 0 ? [] : [`${uncounted.join(', ')}: ${INTEGRATED}`];
    const detail = [scraped.detail, ...silent, ...seldom, ...why].join('; ');
    return silent.length + seldom.length === gpus.length
      ? { state: 'noData', detail, fix: seldom.length > 0 ? SELDOM_FIX : FIELD_FIX }
      : { state: 'ready', value: { meters, readings }, detail };
  }

  return createAskedSensor({ name: DCGM_SENSOR, standsInFor: 'gpu', clock, everyMs: ASK_EVERY_MS, ask });
}

const FIELD_FIX =
  "let the exporter collect DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION (it is in NVIDIA's default list), and restart it if its values stand still";

const INTEGRATED =
  'the exporter does not tell whether its counter covers the whole module: its own power is integrated';
const SELDOM_FIX =
  'let the exporter look at the GPUs each 2 s: DCGM_EXPORTER_INTERVAL=2000 in its environment';

function meterOf({ uuid, name, driverVersion, powerWatts, partitions }: DcgmGpu): Meter {
  const scope = WHOLE_MODULE_COUNTER.test(name) ? 'module' : 'device';
  const facts = {
    ...(driverVersion !== '' && { driverVersion }),
    // It stands for NVML's plain call.
    ...(powerWatts !== null &&
      scope === 'device' && {
        powerSource: 'DCGM_FI_DEV_POWER_USAGE',
        ...powerFacts(familyOfName(name), 'nvmlDeviceGetPowerUsage', driverVersion),
      }),
  };
  const meter = gpuMeter(DCGM_SENSOR, uuid, name, scope, facts);
  return partitions.length === 0 ? meter : { ...meter, partitions };
}

function readingOf(
  meter: Meter,
  { powerWatts, utilizationRatio }: DcgmGpu,
  /** Null where what it covers is not known. */
  counter: { readonly value: number; readonly identity: string } | null,
  atMs: Reading['atMs'],
): Reading {
  return {
    meterId: meter.id,
    atMs,
    ...(counter !== null && { counter: { ...counter, unitsPerMillijoule: 1, wrapsAt: null } }),
    // Beside the counter of a module stands no power of its GPU alone.
    ...(powerWatts !== null &&
      powerWatts > 0 &&
      meter.scope === 'device' && { powerWatts: watts(powerWatts) }),
    ...(utilizationRatio !== null && { utilizationRatio: ratio(utilizationRatio) }),
  };
}
