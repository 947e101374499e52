/**
 * NVIDIA GPUs through NVML: energy counter, power, utilisation and whether anything runs. One session for the agent's
 * life, so that polling does not wake and release the driver. GPUs are known by UUID: their index changes.
 */
import { randomUUID } from 'node:crypto';
import { readlink, stat } from 'node:fs/promises';
import type { CounterReading, Meter, Reading } from '../../../shared/metering/reading.ts';
import { ratio, watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { readTextOrEmpty } from '../../inventory/read-text.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import { openForeignLibrary } from './foreign-library.ts';
import { gpuMeter } from './gpu-meter.ts';
import { findNvidiaDriver } from './nvidia-presence.ts';
import {
  createNvmlLibrary,
  NVML_ERROR,
  type NvmlHandle,
  type NvmlLibrary,
  nvmlErrorText,
  POWER_SCOPE,
} from './nvml-library.ts';

const NVML_SENSOR = 'nvml';

/** The counter of a Grace Hopper covers the whole module, CPU and its memory included. */
const WHOLE_MODULE_COUNTER = /\bGH200\b/;
/** Two GPUs share a Grace Blackwell module; what their counters cover is not known, so only the GPUs' own power is used. */
const UNKNOWN_COUNTER = /\bGB[23]00\b/;
/** The kernel's number of the first pid namespace: elsewhere the process list may hide other containers' processes. */
const INITIAL_PID_NAMESPACE = 'pid:[4026531836]';

/** The library comes with the driver, but a container gets it only on demand. */
const LIBRARY_FIX =
  "install the driver's libnvidia-ml.so.1 (package libnvidia-compute or nvidia-driver-libs); in a container set NVIDIA_DRIVER_CAPABILITIES=utility";

export interface NvmlSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
  /** Tried in this order. */
  readonly libraryPaths: readonly string[];
}

interface Gpu {
  readonly meter: Meter;
  handle: NvmlHandle;
  /** Why it does not answer; null while it does. */
  lost: string | null;
  /** Grows each time it comes back: its counter may have restarted. */
  returns: number;
  powerSource: string;
}

interface Session {
  readonly nvml: NvmlLibrary;
  readonly driverVersion: string;
  /** Boot, driver version and driver load: within them the counters go on. */
  readonly counterIdentity: string;
  readonly seesAllProcesses: boolean;
}

export function createNvmlSensor(options: NvmlSensorOptions): Sensor {
  const { paths, clock } = options;
  const gpus = new Map<string, Gpu>();
  let session: Session | null = null;
  let library: NvmlLibrary | null = null;

  async function open(): Promise<Outcome<Session>> {
    const driver = await findNvidiaDriver(paths);
    if (driver.state !== 'ready') return driver;
    if (library === null) {
      const opened = await openForeignLibrary(options.libraryPaths);
      if (opened.state === 'absent') return { state: 'noData', detail: opened.detail, fix: LIBRARY_FIX };
      if (opened.state !== 'ready') return opened;
      library = createNvmlLibrary(opened.value);
    }
    const started = library.init();
    if (!started.ok) return failure('NVML does not start', started.code);
    const version = library.driverVersion();
    const driverVersion = version.ok ? version.value : 'unknown';
    const value: Session = {
      nvml: library,
      driverVersion,
      counterIdentity: [await bootId(paths), driverVersion, await driverLoad(paths)].join('/'),
      seesAllProcesses: await isInitialPidNamespace(paths),
    };
    return { state: 'ready', value, detail: '' };
  }

  function endSession() {
    session?.nvml.shutdown();
    session = null;
  }

  /** Finds every GPU by its UUID; one that does not answer keeps its place and is told. */
  function enumerate({ nvml }: Session, count: number) {
    const answering = new Set<string>();
    let whyMissing = 'no longer listed';
    for (let index = 0; index < count; index++) {
      const handle = nvml.deviceHandle(index);
      const uuid = handle.ok ? nvml.uuid(handle.value) : handle;
      if (!handle.ok || !uuid.ok) {
        const told = handle.ok ? uuid : handle;
        if (!told.ok) whyMissing = nvmlErrorText(told.code);
        continue;
      }
      const known = gpus.get(uuid.value);
      // A lost GPU may still tell its name; its power it cannot.
      const power = nvml.powerWatts(handle.value);
      if (!power.ok && isLoss(power.code)) {
        if (known) known.lost = nvmlErrorText(power.code);
        continue;
      }
      answering.add(uuid.value);
      if (known) {
        known.handle = handle.value;
        if (known.lost !== null) known.returns++;
        known.lost = null;
      } else {
        const name = nvml.name(handle.value);
        gpus.set(uuid.value, newGpu(uuid.value, name.ok ? name.value : 'NVIDIA GPU', handle.value));
      }
    }
    for (const [uuid, gpu] of gpus) if (!answering.has(uuid)) gpu.lost ??= whyMissing;
  }

  return {
    name: NVML_SENSOR,

    async probe() {
      // A session in which nothing answers any more is worth nothing: a reset or a driver reload needs a new one.
      if (gpus.size > 0 && [...gpus.values()].every((gpu) => gpu.lost !== null)) endSession();
      if (session === null) {
        const opened = await open();
        if (opened.state !== 'ready') return opened;
        session = opened.value;
      }
      const count = session.nvml.deviceCount();
      if (!count.ok) {
        endSession();
        return failure('NVML does not list the GPUs', count.code);
      }
      enumerate(session, count.value);
      if (gpus.size === 0) return { state: 'absent', detail: 'the driver is loaded but lists no GPU' };
      const value = [...gpus.values()].map((gpu) => gpu.meter);
      return { state: 'ready', value, detail: describe(session, gpus) };
    },

    async read() {
      if (session === null) return { state: 'noData', detail: 'no NVML session' };
      const readings: Reading[] = [];
      for (const gpu of gpus.values()) {
        if (gpu.lost !== null) continue;
        const { reading, lossCode } = readGpu(session, gpu, clock);
        if (lossCode === null) readings.push(reading);
        else if (isSessionEnd(lossCode)) {
          endSession();
          return failure('the NVML session ended', lossCode);
        } else gpu.lost = nvmlErrorText(lossCode);
      }
      return { state: 'ready', value: readings, detail: describe(session, gpus) };
    },

    async close() {
      endSession();
    },
  };
}

function newGpu(uuid: string, name: string, handle: NvmlHandle): Gpu {
  const scope = WHOLE_MODULE_COUNTER.test(name) ? 'module' : 'device';
  return {
    meter: gpuMeter(NVML_SENSOR, uuid, name, scope),
    handle,
    lost: null,
    returns: 0,
    powerSource: 'none',
  };
}

function readGpu(session: Session, gpu: Gpu, clock: Clock): { reading: Reading; lossCode: number | null } {
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

const isLoss = (code: number) => code === NVML_ERROR.gpuIsLost || code === NVML_ERROR.resetRequired;

const isSessionEnd = (code: number) =>
  code === NVML_ERROR.uninitialized ||
  code === NVML_ERROR.driverNotLoaded ||
  code === NVML_ERROR.libraryMismatch;

function failure(what: string, code: number): Outcome<never> {
  const detail = `${what}: ${nvmlErrorText(code)}`;
  return code === NVML_ERROR.libraryMismatch
    ? { state: 'failed', detail, fix: 'reboot, or reload the nvidia kernel modules: the driver was upgraded' }
    : { state: 'failed', detail };
}

function describe(session: Session, gpus: ReadonlyMap<string, Gpu>): string {
  const lost = [...gpus].filter(([, gpu]) => gpu.lost !== null).map(([uuid, gpu]) => `${uuid}: ${gpu.lost}`);
  const sources = new Set([...gpus.values()].map((gpu) => gpu.powerSource));
  const power = [...sources].filter((source) => source !== 'none').join(', ');
  return [
    `${gpus.size - lost.length} of ${gpus.size} GPUs answer, driver ${session.driverVersion}, through ${session.nvml.via}`,
    ...(power === '' ? [] : [`power: ${power}`]),
    ...lost,
  ].join('; ');
}

const bootId = ({ procRoot }: HostPaths) => readTextOrEmpty(`${procRoot}/sys/kernel/random/boot_id`);

/**
 * One load of the driver: the kernel never gives the module's directory the same inode number twice in a boot. Where it
 * cannot be seen, the counters are known to go on only within this session.
 */
async function driverLoad({ sysRoot }: HostPaths): Promise<string> {
  try {
    return String((await stat(`${sysRoot}/module/nvidia`, { bigint: true })).ino);
  } catch {
    return randomUUID();
  }
}

async function isInitialPidNamespace({ procRoot }: HostPaths): Promise<boolean> {
  try {
    return (await readlink(`${procRoot}/self/ns/pid`)) === INITIAL_PID_NAMESPACE;
  } catch {
    return false;
  }
}
