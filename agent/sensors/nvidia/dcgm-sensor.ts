/**
 * NVIDIA GPUs through a dcgm-exporter that runs on this host anyway. It looks at the GPUs each 30 s by default and serves
 * the same values meanwhile: a reading is made only when a counter has moved.
 */
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import { ratio, watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import { createHttpClient, HttpError } from '../../http/http-client.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { AGENT_VERSION } from '../../version.ts';
import { type Answer, createAskedSensor } from '../asked-sensor.ts';
import { gpuMeter } from '../gpu-meter.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import { type DcgmGpu, parseDcgmMetrics } from './dcgm-metrics.ts';
import { UNKNOWN_COUNTER, WHOLE_MODULE_COUNTER } from './grace-modules.ts';
import { counterIdentity } from './nvml-identity.ts';
import { familyOfName, powerFacts } from './power-meaning.ts';

const DCGM_SENSOR = 'dcgm-exporter';

/** Between two scrapes: how late the move of a counter may be seen. */
const ASK_EVERY_MS = 5_000;
const TIMEOUT_MS = 4_000;
/** Eight GPUs and 200 fields take 0.4 MB. */
const MAX_REPLY_BYTES = 8 * 1024 * 1024;

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
  const http = createHttpClient({
    agentVersion: AGENT_VERSION,
    environment: {},
    timeoutMs: TIMEOUT_MS,
    maxReplyBytes: MAX_REPLY_BYTES,
  });

  async function ask(): Promise<Outcome<Answer>> {
    if (url === null) return { state: 'absent', detail: 'no exporter is configured ("dcgmExporter")' };
    try {
      const { status, body } = await http.request({ method: 'GET', url });
      if (status !== 200) return { state: 'noData', detail: `${url} answers with ${status}` };
      return await answerOf(body.toString('utf8'));
    } catch (error) {
      if (error instanceof HttpError) return { state: 'noData', detail: error.message };
      return { state: 'failed', detail: String(error) };
    }
  }

  async function answerOf(text: string): Promise<Outcome<Answer>> {
    const { gpus, hostnames } = parseDcgmMetrics(text);
    if (gpus.length === 0) return { state: 'noData', detail: `${url} serves no GPU` };
    if (hostnames.length > 1)
      return {
        state: 'noData',
        detail: `${url} speaks for several hosts (${hostnames.join(', ')})`,
        fix: 'set "dcgmExporter" to this host\'s own exporter',
      };
    const atMs = clock.monotonicNow();
    const readings: Reading[] = [];
    const silent: string[] = [];
    for (const gpu of gpus) {
      const { energyMillijoules } = gpu;
      if (energyMillijoules === null) {
        silent.push(`${gpu.uuid}: no DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION`);
        continue;
      }
      if (UNKNOWN_COUNTER.test(gpu.name)) {
        silent.push(`${gpu.uuid}: what the counter of a ${gpu.name} covers is not known`);
        continue;
      }
      const before = known.get(gpu.uuid);
      if (before?.energyMillijoules === energyMillijoules) {
        if (atMs - before.movedAtMs > STALE_AFTER_MS)
          silent.push(`${gpu.uuid}: the counter stands still, the exporter serves old values`);
        continue;
      }
      const meter = before?.meter ?? meterOf(gpu);
      known.set(gpu.uuid, { meter, energyMillijoules, movedAtMs: atMs });
      const identity = await counterIdentity(paths, gpu.driverVersion);
      readings.push(readingOf(meter, gpu, { value: energyMillijoules, identity }, atMs));
    }
    const meters = [...known.values()].map(({ meter }) => meter);
    const detail = [`${gpus.length} ${gpus.length === 1 ? 'GPU' : 'GPUs'} from ${url}`, ...silent].join('; ');
    return silent.length === gpus.length
      ? { state: 'noData', detail, fix: FIELD_FIX }
      : { state: 'ready', value: { meters, readings }, detail };
  }

  return createAskedSensor({ name: DCGM_SENSOR, standsInFor: 'gpu', clock, everyMs: ASK_EVERY_MS, ask });
}

const FIELD_FIX =
  "let the exporter collect DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION (it is in NVIDIA's default list), and restart it if its values stand still";

function meterOf({ uuid, name, driverVersion, powerWatts }: DcgmGpu): Meter {
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
  return gpuMeter(DCGM_SENSOR, uuid, name, scope, facts);
}

function readingOf(
  meter: Meter,
  { powerWatts, utilizationRatio }: DcgmGpu,
  counter: { readonly value: number; readonly identity: string },
  atMs: Reading['atMs'],
): Reading {
  return {
    meterId: meter.id,
    atMs,
    counter: { ...counter, unitsPerMillijoule: 1, wrapsAt: null },
    // Beside the counter of a module stands no power of its GPU alone.
    ...(powerWatts !== null &&
      powerWatts > 0 &&
      meter.scope === 'device' && { powerWatts: watts(powerWatts) }),
    ...(utilizationRatio !== null && { utilizationRatio: ratio(utilizationRatio) }),
  };
}
