/**
 * Power of CPUs that have no meter, from their load: per socket `watts = threads x (idle + load x (full - idle))`, the
 * linear model of Cloud Carbon Footprint with its watts per thread. Counted in threads, so that a virtual machine gets
 * its share of a socket and not the whole of it. A model, and marked as one everywhere (`modelled`).
 */
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import { ratio, watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import { type CpuSocket, readCpuSockets } from '../../inventory/cpu-sockets.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { readTextNow } from '../../inventory/read-text.ts';
import type { Sensor } from '../sensor.ts';
import { busyRatio, type ProcessorTicks, parseProcessorTicks } from './cpu-load.ts';
import { type ThreadPower, threadPower } from './cpu-power-table.ts';

const CPU_MODEL_SENSOR = 'cpu-model';

export interface CpuModelOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
}

/** Watts of a socket under a load of 0..1. */
export function modelledWatts(threads: number, { idleWatts, fullWatts }: ThreadPower, load: number): number {
  return threads * (idleWatts + load * (fullWatts - idleWatts));
}

export function createCpuModelSensor({ paths, clock }: CpuModelOptions): Sensor {
  let sockets: readonly CpuSocket[] = [];
  let before: ReadonlyMap<number, ProcessorTicks> = new Map();

  const readTicks = async () => {
    const stat = readTextNow(`${paths.procRoot}/stat`);
    return stat.ok ? parseProcessorTicks(stat.text) : null;
  };

  return {
    name: CPU_MODEL_SENSOR,
    standsInFor: 'cpu',

    async probe() {
      const ticks = await readTicks();
      sockets = await readCpuSockets(paths);
      if (ticks === null || sockets.length === 0)
        return { state: 'failed', detail: `${paths.procRoot}/stat or cpuinfo cannot be read` };
      if (before.size === 0) before = ticks;
      return { state: 'ready', value: sockets.map(meterOf), detail: describe(sockets) };
    },

    async read() {
      const atMs = clock.monotonicNow();
      const now = await readTicks();
      if (now === null) return { state: 'noData', detail: `${paths.procRoot}/stat cannot be read` };
      const readings: Reading[] = [];
      for (const socket of sockets) {
        const load = busyRatio(before, now, socket.processors);
        // Ticks are 10 ms: two looks within one tell nothing.
        if (load === null) continue;
        const power = modelledWatts(socket.processors.length, threadPower(socket), load);
        readings.push({
          meterId: meterOf(socket).id,
          atMs,
          powerWatts: watts(power),
          utilizationRatio: ratio(load),
        });
      }
      before = now;
      return { state: 'ready', value: readings, detail: describe(sockets) };
    },

    async close() {},
  };
}

function meterOf(socket: CpuSocket): Meter {
  const threads = socket.processors.length;
  const full = modelledWatts(threads, threadPower(socket), 1);
  return {
    id: `${CPU_MODEL_SENSOR}:cpu-${socket.index}`,
    sensor: CPU_MODEL_SENSOR,
    deviceId: `cpu-${socket.index}`,
    deviceType: 'cpu',
    deviceName: socket.modelName,
    scope: 'device',
    powerKind: 'modelled',
    maxPlausibleWatts: watts(full),
  };
}

function describe(sockets: readonly CpuSocket[]): string {
  const parts = sockets.map((socket) => {
    const { label, idleWatts, fullWatts } = threadPower(socket);
    return `cpu-${socket.index}: ${socket.processors.length} threads x ${idleWatts} to ${fullWatts} W (${label})`;
  });
  return `a model, no meter: power from load; ${parts.join(', ')}`;
}
