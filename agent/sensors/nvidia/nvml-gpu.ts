/** One GPU of an NVML session: what is asked of it, and what the answers are worth. */
import type { GpuProcess, Meter, Reading } from '../../../shared/metering/reading.ts';
import { ratio, watts } from '../../../shared/units.ts';
import type { MeterFacts } from '../../../shared/wire/ingest.ts';
import type { Clock } from '../../clock.ts';
import { gpuMeter } from '../gpu-meter.ts';
import { type CounterScope, createScopeJudge, type ScopeSample } from './counter-scope.ts';
import { UNKNOWN_COUNTER, WHOLE_MODULE_COUNTER } from './grace-modules.ts';
import { migRatio } from './mig-slices.ts';
import {
  NVML_ERROR,
  type NvmlHandle,
  type NvmlLibrary,
  type NvmlResult,
  POWER_SCOPE,
} from './nvml-library.ts';
import { familyOf, type PowerQuestion, powerFacts } from './power-meaning.ts';

export const NVML_SENSOR = 'nvml';

/**
 * What runs on a GPU at work is asked for every fifth second: its use is a mean over a window, and jobs are looked at less
 * often. One that seems idle is asked each time, since that has to be proven for every second.
 */
const ACTIVITY_EVERY_MS = 5_000;
/** A tick may come a little early. */
const TICK_JITTER_MS = 500;

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
  /** The counter's own, with the returns in it. */
  identity: string;
  /** How its power is asked for; null while nothing tells it. */
  powerQuestion: PowerQuestion | null;
  /** Where the driver's name does not tell what its counter covers. */
  readonly judge: ((sample: ScopeSample) => CounterScope) | null;
  counterScope: CounterScope;
  /** The newest sample of its processes' use that was seen, on the driver's clock. */
  useSeenMicroseconds: bigint;
  /** What runs on it, as it was asked last. */
  activity: Activity;
}

interface Activity {
  readonly askedAtMs: number;
  readonly utilizationRatio: number | null;
  /** Null where it is not known. */
  readonly processes: readonly GpuProcess[] | null;
  readonly idle: boolean;
}

const NOT_ASKED: Activity = {
  askedAtMs: Number.NEGATIVE_INFINITY,
  utilizationRatio: null,
  processes: null,
  idle: false,
};

export function newGpu(uuid: string, name: string, handle: NvmlHandle): Gpu {
  const scope = WHOLE_MODULE_COUNTER.test(name) ? 'module' : 'device';
  return {
    meter: gpuMeter(NVML_SENSOR, uuid, name, scope),
    handle,
    lost: null,
    mute: false,
    returns: 0,
    identity: '',
    powerQuestion: null,
    judge: UNKNOWN_COUNTER.test(name) ? createScopeJudge() : null,
    counterScope: UNKNOWN_COUNTER.test(name) ? 'watching' : scope === 'module' ? 'module' : 'gpu',
    useSeenMicroseconds: 0n,
    activity: NOT_ASKED,
  };
}

/** `lossCode` tells that the GPU, or the whole session, is gone; the reading is worth nothing then. */
export function readGpu(
  session: Session,
  gpu: Gpu,
  clock: Clock,
): { reading: Reading; lossCode: number | null } {
  const atMs = clock.monotonicNow();
  const { energy, power } = readFigures(session.nvml, gpu);
  const lossCode = lossOf(energy) ?? lossOf(power);
  if (energy.ok && isOpen(gpu)) gpu.counterScope = judgeScope(session.nvml, gpu, atMs, energy.value);
  const dueAtMs = gpu.activity.askedAtMs + ACTIVITY_EVERY_MS - TICK_JITTER_MS;
  const isDue = gpu.activity.idle || atMs >= dueAtMs;
  if (lossCode === null && isDue) gpu.activity = readActivity(session, gpu, atMs);
  const { processes, idle, utilizationRatio } = gpu.activity;
  const reading: Writable<Reading> = { meterId: gpu.meter.id, atMs };
  if (energy.ok && Number.isSafeInteger(energy.value) && whyNoCounter(gpu) === null)
    reading.counter = { value: energy.value, unitsPerMillijoule: 1, wrapsAt: null, identity: gpu.identity };
  // A GPU that answers draws power: 0 W is a fault of the sensor, not a reading.
  if (power.ok && power.value > 0) reading.powerWatts = watts(power.value);
  if (utilizationRatio !== null) reading.utilizationRatio = ratio(utilizationRatio);
  if (processes !== null) {
    reading.provenIdle = idle;
    reading.processes = processes;
  }
  return { reading, lossCode };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

type Figure = NvmlResult<number>;

/** By one call where that is known to tell the same; each by its own where the driver is too old, or on a module. */
function readFigures(nvml: NvmlLibrary, gpu: Gpu): { energy: Figure; power: Figure } {
  if (gpu.judge !== null || gpu.meter.scope === 'module')
    return { energy: nvml.totalEnergyMillijoules(gpu.handle), power: readPower(nvml, gpu) };
  const { energyCode, energyMillijoules, powerCode, powerWatts } = nvml.energyAndMeanPower(gpu.handle);
  const energy: Figure =
    energyCode === 0 ? { ok: true, value: energyMillijoules } : nvml.totalEnergyMillijoules(gpu.handle);
  const power: Figure =
    powerCode === 0 ? use(gpu, 'NVML field 185', { ok: true, value: powerWatts }) : readPower(nvml, gpu);
  return { energy, power };
}

function lossOf(told: Figure): number | null {
  return !told.ok && (isLoss(told.code) || isSessionEnd(told.code)) ? told.code : null;
}

function readActivity({ nvml, seesAllProcesses }: Session, gpu: Gpu, askedAtMs: number): Activity {
  // Partitioned within this minute, it tells no utilisation, and so no idleness.
  const shared = gpu.meter.partitions !== undefined;
  const utilization = shared ? null : nvml.utilizationRatio(gpu.handle);
  const processes = shared || !seesAllProcesses ? null : nvml.computeProcesses(gpu.handle);
  const utilizationRatio = utilization?.ok ? utilization.value : null;
  return {
    askedAtMs,
    utilizationRatio,
    processes: processes?.ok ? usedBy(nvml, gpu, processes.value.pids) : null,
    idle: processes?.ok === true && processes.value.count === 0 && utilizationRatio === 0,
  };
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

/** Notes what its figures mean now and how it is partitioned: a limit may be set, a GPU free of work partitioned. */
export function noteMeter({ nvml, driverVersion }: Session, gpu: Gpu): void {
  const { deviceId, deviceName, scope } = gpu.meter;
  if (scope !== 'node')
    gpu.meter = gpuMeter(NVML_SENSOR, deviceId, deviceName, scope, factsOf(nvml, driverVersion, gpu));
  const mig = nvml.migEnabled(gpu.handle);
  if (!mig.ok || !mig.value) return;
  const partitions = nvml.migInstances(gpu.handle).map(({ uuid, slices }) => ({
    id: uuid,
    ratio: migRatio(deviceName, slices),
  }));
  gpu.meter = { ...gpu.meter, partitions };
}

function factsOf(nvml: NvmlLibrary, driverVersion: string, gpu: Gpu): MeterFacts {
  const power = readPower(nvml, gpu);
  const [limit, own] = [nvml.powerLimitWatts(gpu.handle), nvml.defaultPowerLimitWatts(gpu.handle)];
  const capability = nvml.computeCapability(gpu.handle);
  const module = gpu.meter.scope === 'module';
  const question = gpu.powerQuestion;
  // How the sensor of a whole module looks is not known.
  const family = capability.ok && !module ? familyOf(capability.value) : null;
  return {
    driverVersion,
    ...(power.ok &&
      question !== null && {
        powerSource: module ? `${question}, of the module` : question,
        ...powerFacts(family, question, driverVersion),
      }),
    ...(limit.ok && limit.value > 0 && { powerLimitWatts: limit.value }),
    ...(own.ok && own.value > 0 && { defaultPowerLimitWatts: own.value }),
  };
}

function judgeScope(nvml: NvmlLibrary, gpu: Gpu, atMs: number, energyMillijoules: number): CounterScope {
  const [own, module] = [POWER_SCOPE.gpu, POWER_SCOPE.module].map((scope) => {
    const { average, instant } = nvml.powerFieldsWatts(gpu.handle, scope);
    return average.ok ? average.value : instant.ok ? instant.value : null;
  });
  return gpu.judge!({
    atMs,
    energyMillijoules,
    gpuWatts: own ?? null,
    moduleWatts: module ?? null,
  });
}

/** What its counter covers is still to be found out. */
const isOpen = ({ judge, counterScope }: Gpu) =>
  judge !== null && counterScope !== 'gpu' && counterScope !== 'module';

/** Why the counter of a GPU on a module is not used; null where it is. */
export function whyNoCounter({ counterScope, judge }: Gpu): string | null {
  if (judge === null || counterScope === 'gpu') return null;
  return {
    module: 'its counter covers the module, which other devices share: its own power is integrated',
    unclear: 'what its counter covers is not clear from 10 s of power: its own power is integrated',
    untold:
      'what its counter covers cannot be told without the power of the module: its own power is integrated',
    watching: 'what its counter covers is found out within 10 s: its own power is integrated until then',
  }[counterScope];
}

/** The mean over one second where the driver has it: sampled each second, it misses nothing in between. */
function readPower(nvml: NvmlLibrary, gpu: Gpu) {
  const module = gpu.meter.scope === 'module';
  const fields = nvml.powerFieldsWatts(gpu.handle, module ? POWER_SCOPE.module : POWER_SCOPE.gpu);
  if (fields.average.ok) return use(gpu, 'NVML field 185', fields.average);
  // The plain call knows only the GPU: beside a counter of the whole module it would contradict it.
  const usage = module ? fields.instant : nvml.powerWatts(gpu.handle);
  if (usage.ok) return use(gpu, module ? 'NVML field 186' : 'nvmlDeviceGetPowerUsage', usage);
  return use(gpu, fields.instant.ok ? 'NVML field 186' : null, fields.instant);
}

function use<T>(gpu: Gpu, question: PowerQuestion | null, value: T): T {
  gpu.powerQuestion = question;
  return value;
}

export const isLoss = (code: number) => code === NVML_ERROR.gpuIsLost || code === NVML_ERROR.resetRequired;

export const isSessionEnd = (code: number) =>
  code === NVML_ERROR.uninitialized ||
  code === NVML_ERROR.driverNotLoaded ||
  code === NVML_ERROR.libraryMismatch;
