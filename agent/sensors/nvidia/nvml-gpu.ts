/** One GPU of an NVML session: what is asked of it, and what the answers are worth. */
import type { CounterReading, GpuProcess, Meter, Reading } from '../../../shared/metering/reading.ts';
import { ratio, watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import { gpuMeter } from '../gpu-meter.ts';
import { UNKNOWN_COUNTER, WHOLE_MODULE_COUNTER } from './grace-modules.ts';
import { NVML_ERROR, type NvmlHandle, type NvmlLibrary, POWER_SCOPE } from './nvml-library.ts';

export const NVML_SENSOR = 'nvml';

export interface Session {
  readonly nvml: NvmlLibrary;
  readonly driverVersion: string;
  /** Boot, driver version and driver load: within them the counters go on. */
  readonly counterIdentity: string;
  readonly seesAllProcesses: boolean;
}

export interface Gpu {
  meter: Meter;
  handle: NvmlHandle;
  /** Why it does not answer; null while it does. */
  lost: string | null;
  /** True while it answers but tells neither energy nor power, as a virtual GPU does. */
  mute: boolean;
  /** Grows each time it comes back: its counter may have restarted. */
  returns: number;
  powerSource: string;
  /** The newest sample of its processes' use that was seen, on the driver's clock. */
  useSeenMicroseconds: bigint;
}

export function newGpu(uuid: string, name: string, handle: NvmlHandle): Gpu {
  const scope = WHOLE_MODULE_COUNTER.test(name) ? 'module' : 'device';
  return {
    meter: gpuMeter(NVML_SENSOR, uuid, name, scope),
    handle,
    lost: null,
    mute: false,
    returns: 0,
    powerSource: 'none',
    useSeenMicroseconds: 0n,
  };
}

/** `lossCode` tells that the GPU, or the whole session, is gone; the reading is worth nothing then. */
export function readGpu(
  session: Session,
  gpu: Gpu,
  clock: Clock,
): { reading: Reading; lossCode: number | null } {
  const { nvml } = session;
  const atMs = clock.monotonicNow();
  const energy = nvml.totalEnergyMillijoules(gpu.handle);
  const power = readPower(nvml, gpu);
  const lossCode = [energy, power].map((r) => (r.ok ? 0 : r.code)).find((c) => isLoss(c) || isSessionEnd(c));
  const mig = nvml.migEnabled(gpu.handle);
  const shared = mig.ok && mig.value;
  const utilization = shared ? null : nvml.utilizationRatio(gpu.handle);
  const processes = shared || !session.seesAllProcesses ? null : nvml.computeProcesses(gpu.handle);
  const counter = energy.ok ? counterOf(session, gpu, energy.value) : null;
  const reading: Reading = {
    meterId: gpu.meter.id,
    atMs,
    ...(counter && { counter }),
    // A GPU that answers draws power: 0 W is a fault of the sensor, not a reading.
    ...(power.ok && power.value > 0 && { powerWatts: watts(power.value) }),
    ...(utilization?.ok && { utilizationRatio: ratio(utilization.value) }),
    ...(processes?.ok && {
      provenIdle: processes.value.count === 0 && utilization?.ok === true && utilization.value === 0,
      processes: usedBy(nvml, gpu, processes.value.pids),
    }),
  };
  return { reading, lossCode: lossCode ?? null };
}

/** What each process uses matters only where several share the GPU. */
function usedBy(nvml: NvmlLibrary, gpu: Gpu, pids: readonly number[]): GpuProcess[] {
  const samples = pids.length > 1 ? nvml.processUse(gpu.handle, gpu.useSeenMicroseconds) : null;
  const told = samples?.ok ? samples.value : [];
  for (const { atMicroseconds } of told)
    if (atMicroseconds > gpu.useSeenMicroseconds) gpu.useSeenMicroseconds = atMicroseconds;
  return pids.map((pid) => {
    const own = told.filter((sample) => sample.pid === pid);
    const total = own.reduce((sum, { usedRatio }) => sum + usedRatio, 0);
    return { pid, usedRatio: own.length === 0 ? null : total / own.length };
  });
}

/** An A30 has four compute slices, all other GPUs that can be partitioned have seven. */
const slicesOf = (name: string) => (/\bA30\b/.test(name) ? 4 : 7);

/** Notes how the GPU is partitioned now; it must be free of work for that to change. */
export function notePartitions(nvml: NvmlLibrary, gpu: Gpu): void {
  const { partitions: _, ...meter } = gpu.meter;
  const mig = nvml.migEnabled(gpu.handle);
  gpu.meter =
    mig.ok && mig.value
      ? {
          ...meter,
          partitions: nvml.migInstances(gpu.handle).map(({ uuid, slices }) => ({
            id: uuid,
            ratio: Math.min(1, slices / slicesOf(meter.deviceName)),
          })),
        }
      : meter;
}

function counterOf(session: Session, gpu: Gpu, value: bigint): CounterReading | null {
  if (UNKNOWN_COUNTER.test(gpu.meter.deviceName) || value > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return {
    value: Number(value),
    unitsPerMillijoule: 1,
    wrapsAt: null,
    identity: `${session.counterIdentity}/${gpu.returns}`,
  };
}

/** The mean over one second where the driver has it: sampled each second, it misses nothing in between. */
function readPower(nvml: NvmlLibrary, gpu: Gpu) {
  const module = gpu.meter.scope === 'module';
  const fields = nvml.powerFieldsWatts(gpu.handle, module ? POWER_SCOPE.module : POWER_SCOPE.gpu);
  if (fields.average.ok) return use(gpu, 'mean over 1 s', fields.average);
  // The plain call knows only the GPU: beside a counter of the whole module it would contradict it.
  const usage = module ? fields.instant : nvml.powerWatts(gpu.handle);
  if (usage.ok) return use(gpu, module ? 'instantaneous' : 'as the driver gives it', usage);
  return use(gpu, fields.instant.ok ? 'instantaneous' : 'none', fields.instant);
}

function use<T>(gpu: Gpu, source: string, value: T): T {
  gpu.powerSource = source;
  return value;
}

export const isLoss = (code: number) => code === NVML_ERROR.gpuIsLost || code === NVML_ERROR.resetRequired;

export const isSessionEnd = (code: number) =>
  code === NVML_ERROR.uninitialized ||
  code === NVML_ERROR.driverNotLoaded ||
  code === NVML_ERROR.libraryMismatch;
