/**
 * NVIDIA Grace CPUs by the power meters that their firmware has for each socket. Grace has no RAPL. Of the meters of one
 * socket (module, Grace, CPU, SysIO) the one of the whole Grace is taken: CPU cores and system I/O, without a GPU beside it.
 * Names as in NVIDIA's Grace performance tuning guide (read 2026-11-25); what the memory takes is in none of them.
 */
import type { Meter } from '../../../shared/metering/reading.ts';
import { watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import { readCpuSockets } from '../../inventory/cpu-sockets.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { listNames, readText, readTextOrEmpty } from '../../inventory/read-text.ts';
import { type Answer, createAskedSensor } from '../asked-sensor.ts';
import type { Outcome, Sensor } from '../sensor.ts';

const GRACE_SENSOR = 'grace-hwmon';

/** Each read makes the firmware work, so they are asked in the background. */
const ASK_EVERY_MS = 2_000;
/** A socket of the CPU superchip is built for 250 W. */
const MAX_GRACE_WATTS = 600;

const GRACE_METER = /^Grace Power Socket (\d+)$/i;

export interface GraceSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
}

interface GraceMeter {
  readonly socket: number;
  readonly folder: string;
}

export function createGraceSensor({ paths, clock }: GraceSensorOptions): Sensor {
  async function ask(): Promise<Outcome<Answer>> {
    const found = await findGraceMeters(paths);
    if (found.length === 0)
      return { state: 'absent', detail: `no Grace power meter in ${paths.sysRoot}/class/hwmon` };
    const sockets = await readCpuSockets(paths);
    const meters: Meter[] = [];
    const readings: Answer['readings'][number][] = [];
    const silent: string[] = [];
    for (const { socket, folder } of found) {
      const name = sockets.find(({ index }) => index === socket)?.modelName ?? `Grace CPU ${socket}`;
      const meter = meterOf(socket, name);
      const average = await readText(`${folder}/power1_average`);
      if (!average.ok || !/^\d+$/.test(average.text)) {
        silent.push(`socket ${socket}: ${average.ok ? `says "${average.text}"` : average.code}`);
        continue;
      }
      meters.push(meter);
      readings.push({
        meterId: meter.id,
        atMs: clock.monotonicNow(),
        powerWatts: watts(Number(average.text) / 1e6),
      });
    }
    const detail = [
      `${meters.length} Grace ${meters.length === 1 ? 'socket' : 'sockets'} by power meter`,
      ...silent,
    ].join('; ');
    return meters.length === 0
      ? { state: 'noData', detail }
      : { state: 'ready', value: { meters, readings }, detail };
  }

  return createAskedSensor({ name: GRACE_SENSOR, standsInFor: 'cpu', clock, everyMs: ASK_EVERY_MS, ask });
}

async function findGraceMeters({ sysRoot }: HostPaths): Promise<GraceMeter[]> {
  const meters: GraceMeter[] = [];
  for (const name of await listNames(`${sysRoot}/class/hwmon`)) {
    const hwmon = `${sysRoot}/class/hwmon/${name}`;
    if ((await readTextOrEmpty(`${hwmon}/name`)) !== 'power_meter') continue;
    const folder = (await readText(`${hwmon}/power1_average`)).ok ? hwmon : `${hwmon}/device`;
    const socket = GRACE_METER.exec(await readTextOrEmpty(`${folder}/power1_oem_info`))?.[1];
    if (socket !== undefined) meters.push({ socket: Number(socket), folder });
  }
  return meters.sort((a, b) => a.socket - b.socket);
}

function meterOf(socket: number, deviceName: string): Meter {
  return {
    id: `${GRACE_SENSOR}:cpu-${socket}`,
    sensor: GRACE_SENSOR,
    deviceId: `cpu-${socket}`,
    deviceType: 'cpu',
    deviceName,
    scope: 'device',
    powerKind: 'integrated',
    maxPlausibleWatts: watts(MAX_GRACE_WATTS),
    facts: { powerSource: 'power1_average', powerMeaning: 'mean' },
  };
}
