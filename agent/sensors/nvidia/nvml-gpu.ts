/** One GPU of an NVML session: what is asked of it, and what the answers are worth. */
import type { CounterReading, Meter, Reading } from '../../../shared/metering/reading.ts';
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
  readonly meter: Meter;
  handle: NvmlHandle;
  /** Why it does not answer; null while it does. */
  lost: string | null;
  /** True while it answers but tells neither energy nor power, as a virtual GPU does. */
  mute: boolean;
  /** Grows each time it comes back: its counter may have restarted. */
  returns: number;
  powerSource: string;
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
  const processes = shared || !session.seesAllProcesses ? null : nvml.computeProcessCount(gpu.handle);
  const counter = energy.ok ? counterOf(session, gpu, energy.value) : null;
  const reading: Reading = {
    meterId: gpu.meter.id,
    atMs,
    ...(counter && { counter }),
    // A GPU that answers draws power: 0 W is a fault of the sensor, not a reading.
    ...(power.ok && power.value > 0 && { powerWatts: watts(power.value) }),
    ...(utilization?.ok && { utilizationRatio: ratio(utilization.value) }),
    ...(processes?.ok && {
      provenIdle: processes.value === 0 && utilization?.ok === true && utilization.value === 0,
    }),
  };
  return { reading, lossCode: lossCode ?? null };
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
