/**
 * The few NVML calls the agent makes, with their results in our own units. Numbers, names and layouts are those of the
 * public `nvml.h`, API version 13.
 */
import type { ForeignLibrary, ForeignType } from '../../foreign-library.ts';
import { createFieldValues } from './nvml-fields.ts';

export type NvmlResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: number };

export const NVML_ERROR = {
  uninitialized: 1,
  notSupported: 3,
  driverNotLoaded: 9,
  functionNotFound: 13,
  gpuIsLost: 15,
  resetRequired: 16,
  libraryMismatch: 18,
} as const;

const INSUFFICIENT_SIZE = 7;
const ERROR_NAMES: Readonly<Record<number, string>> = {
  1: 'not initialised',
  2: 'invalid argument',
  3: 'not supported',
  4: 'insufficient permissions',
  6: 'not found',
  9: 'driver not loaded',
  10: 'timeout',
  12: 'library not found',
  13: 'function not found',
  15: 'GPU is lost',
  16: 'GPU requires reset',
  17: 'blocked by the operating system',
  18: 'driver/library version mismatch',
  999: 'unknown error',
};

/** For people: `GPU is lost (NVML 15)`. */
export const nvmlErrorText = (code: number) => `${ERROR_NAMES[code] ?? 'error'} (NVML ${code})`;

/** What a power field covers; on a Grace Hopper the module holds the CPU as well. */
export const POWER_SCOPE = { gpu: 0, module: 1 } as const;
type PowerScope = (typeof POWER_SCOPE)[keyof typeof POWER_SCOPE];

const FIELD_ENERGY = 83;
const FIELD_POWER_AVERAGE = 185;
const FIELD_POWER_INSTANT = 186;

/** A device of this session; only good until the next `init`. */
export type NvmlHandle = bigint;

/** Every call is synchronous and blocks for as long as the driver does: below a millisecond on a healthy GPU. */
export interface NvmlLibrary {
  readonly via: string;
  init(): NvmlResult<null>;
  shutdown(): void;
  driverVersion(): NvmlResult<string>;
  deviceCount(): NvmlResult<number>;
  deviceHandle(index: number): NvmlResult<NvmlHandle>;
  uuid(device: NvmlHandle): NvmlResult<string>;
  name(device: NvmlHandle): NvmlResult<string>;
  /** Since the driver was loaded; Volta and newer. Rounded beyond 2^53. */
  totalEnergyMillijoules(device: NvmlHandle): NvmlResult<number>;
  /** Watts; a mean over one second on Ampere (but GA100) and newer, instantaneous on older ones. */
  powerWatts(device: NvmlHandle): NvmlResult<number>;
  /**
   * The counter and the mean power of a GPU by one call, of a driver that knows them as fields. The next call overwrites the
   * answer.
   */
  energyAndMeanPower(device: NvmlHandle): EnergyAndMeanPower;
  /** Watts of fields 185 (mean over one second) and 186 (now); drivers 530 and newer. */
  powerFieldsWatts(
    device: NvmlHandle,
    scope: PowerScope,
  ): { average: NvmlResult<number>; instant: NvmlResult<number> };
  /** Watts: what is enforced now, by whoever limits it. */
  powerLimitWatts(device: NvmlHandle): NvmlResult<number>;
  /** Watts: the board's own limit. */
  defaultPowerLimitWatts(device: NvmlHandle): NvmlResult<number>;
  /** CUDA compute capability: 8.0 is GA100, 9.0 GH100. */
  computeCapability(device: NvmlHandle): NvmlResult<{ readonly major: number; readonly minor: number }>;
  /** Share of the last sample period in which a kernel ran, 0..1. */
  utilizationRatio(device: NvmlHandle): NvmlResult<number>;
  migEnabled(device: NvmlHandle): NvmlResult<boolean>;
  /** How many compute on it, and the first 64 of them. */
  computeProcesses(
    device: NvmlHandle,
  ): NvmlResult<{ readonly count: number; readonly pids: readonly number[] }>;
  /** Samples of each process's use of the multiprocessors since an instant of the driver's clock. */
  processUse(device: NvmlHandle, sinceMicroseconds: bigint): NvmlResult<readonly NvmlProcessUse[]>;
  /** The MIG instances of a partitioned GPU: UUID and number of compute slices. */
  migInstances(device: NvmlHandle): readonly { readonly uuid: string; readonly slices: number }[];
}

/** A figure holds where its code is 0; else the code tells why there is none. */
export interface EnergyAndMeanPower {
  energyCode: number;
  /** As `totalEnergyMillijoules`; NaN beyond 2^53. */
  energyMillijoules: number;
  powerCode: number;
  /** Over one second. */
  powerWatts: number;
}

interface NvmlProcessUse {
  readonly pid: number;
  readonly atMicroseconds: bigint;
  /** 0..1 */
  readonly usedRatio: number;
}

/** More than that compute on one GPU only by mistake. */
const MAX_PROCESSES = 64;

/** struct nvmlProcessInfo_t: u32 pid, u64 memory, u32 GPU instance, u32 compute instance. */
const PROCESS_INFO_BYTES = 24;

/** struct nvmlProcessUtilizationSample_t: u32 pid, u64 time, u32 multiprocessors, memory, encoder, decoder in percent. */
const PROCESS_USE_BYTES = 32;
const MAX_PROCESS_SAMPLES = 512;

/** Written by one call and read before the next: each its own would be garbage at once. */
const word = Buffer.alloc(8);
const otherWord = Buffer.alloc(8);
const processInfos = Buffer.alloc(PROCESS_INFO_BYTES * MAX_PROCESSES);

export function createNvmlLibrary(library: ForeignLibrary): NvmlLibrary {
  /** The first of the symbols that the library has; a driver too old for all of them answers `functionNotFound`. */
  const bind = (symbols: readonly string[], parameters: readonly ForeignType[]) => {
    for (const symbol of symbols) {
      const found = library.bind(symbol, parameters);
      if (found !== null) return found;
    }
    return () => NVML_ERROR.functionNotFound;
  };
  const init = bind(['nvmlInit_v2'], []);
  const shutdown = bind(['nvmlShutdown'], []);
  const driverVersion = bind(['nvmlSystemGetDriverVersion'], ['buffer', 'uint32']);
  const deviceCount = bind(['nvmlDeviceGetCount_v2'], ['buffer']);
  const deviceHandle = bind(['nvmlDeviceGetHandleByIndex_v2'], ['uint32', 'buffer']);
  const uuid = bind(['nvmlDeviceGetUUID'], ['uint64', 'buffer', 'uint32']);
  const name = bind(['nvmlDeviceGetName'], ['uint64', 'buffer', 'uint32']);
  const energy = bind(['nvmlDeviceGetTotalEnergyConsumption'], ['uint64', 'buffer']);
  const power = bind(['nvmlDeviceGetPowerUsage'], ['uint64', 'buffer']);
  const fields = bind(['nvmlDeviceGetFieldValues'], ['uint64', 'uint32', 'buffer']);
  const limit = bind(['nvmlDeviceGetEnforcedPowerLimit'], ['uint64', 'buffer']);
  const defaultLimit = bind(['nvmlDeviceGetPowerManagementDefaultLimit'], ['uint64', 'buffer']);
  const capability = bind(['nvmlDeviceGetCudaComputeCapability'], ['uint64', 'buffer', 'buffer']);
  const utilization = bind(['nvmlDeviceGetUtilizationRates'], ['uint64', 'buffer']);
  const migMode = bind(['nvmlDeviceGetMigMode'], ['uint64', 'buffer', 'buffer']);
  const processes = bind(
    ['nvmlDeviceGetComputeRunningProcesses_v3', 'nvmlDeviceGetComputeRunningProcesses_v2'],
    ['uint64', 'buffer', 'buffer'],
  );
  // Its entries have another layout: asked with room for none, it tells their number.
  const oldProcesses = bind(['nvmlDeviceGetComputeRunningProcesses'], ['uint64', 'buffer', 'buffer']);
  const use = bind(['nvmlDeviceGetProcessUtilization'], ['uint64', 'buffer', 'buffer', 'uint64']);
  const maxMigCount = bind(['nvmlDeviceGetMaxMigDeviceCount'], ['uint64', 'buffer']);
  const migHandle = bind(['nvmlDeviceGetMigDeviceHandleByIndex'], ['uint64', 'uint32', 'buffer']);
  const attributes = bind(['nvmlDeviceGetAttributes_v2'], ['uint64', 'buffer']);
  const asked = createFieldValues([
    { id: FIELD_ENERGY, scope: POWER_SCOPE.gpu },
    { id: FIELD_POWER_AVERAGE, scope: POWER_SCOPE.gpu },
  ]);
  const powersByScope = [POWER_SCOPE.gpu, POWER_SCOPE.module].map((scope) =>
    createFieldValues([
      { id: FIELD_POWER_AVERAGE, scope },
      { id: FIELD_POWER_INSTANT, scope },
    ]),
  );
  const told: EnergyAndMeanPower = { energyCode: 0, energyMillijoules: 0, powerCode: 0, powerWatts: 0 };

  return {
    via: library.via,
    init: () => result(init(), () => null),
    shutdown: () => void shutdown(),
    driverVersion: () => readString(80, (buffer) => driverVersion(buffer, buffer.length)),
    deviceCount: () => readUint32((buffer) => deviceCount(buffer)),
    deviceHandle: (index) => readUint64((buffer) => deviceHandle(index, buffer)),
    uuid: (device) => readString(96, (buffer) => uuid(device, buffer, buffer.length)),
    name: (device) => readString(96, (buffer) => name(device, buffer, buffer.length)),
    totalEnergyMillijoules: (device) => result(energy(device, word), () => Number(word.readBigUInt64LE(0))),
    powerWatts: (device) => readWatts((buffer) => power(device, buffer)),
    powerLimitWatts: (device) => readWatts((buffer) => limit(device, buffer)),
    defaultPowerLimitWatts: (device) => readWatts((buffer) => defaultLimit(device, buffer)),
    computeCapability(device) {
      return result(capability(device, word, otherWord), () => ({
        major: word.readInt32LE(0),
        minor: otherWord.readInt32LE(0),
      }));
    },
    energyAndMeanPower(device) {
      const code = fields(device, asked.count, asked.buffer);
      told.energyCode = code || asked.code(0);
      told.powerCode = code || asked.code(1);
      if (told.energyCode === 0) told.energyMillijoules = asked.integer(0);
      if (told.powerCode === 0) told.powerWatts = asked.integer(1) / 1000;
      return told;
    },
    powerFieldsWatts(device, scope) {
      const powers = powersByScope[scope]!;
      const code = fields(device, powers.count, powers.buffer);
      const watts = (place: number) => result(code || powers.code(place), () => powers.integer(place) / 1000);
      return { average: watts(0), instant: watts(1) };
    },
    // struct { unsigned gpu, memory }, percent
    utilizationRatio(device) {
      return result(utilization(device, word), () => Math.min(100, word.readUInt32LE(0)) / 100);
    },
    migEnabled(device) {
      return result(migMode(device, word, otherWord), () => word.readUInt32LE(0) === 1);
    },
    computeProcesses(device) {
      word.writeUInt32LE(MAX_PROCESSES);
      const code = processes(device, word, processInfos);
      if (code === NVML_ERROR.functionNotFound) {
        word.writeUInt32LE(0);
        const old = oldProcesses(device, word, processInfos);
        return result(old === INSUFFICIENT_SIZE ? 0 : old, () => ({ count: word.readUInt32LE(0), pids: [] }));
      }
      return result(code === INSUFFICIENT_SIZE ? 0 : code, () => {
        const count = word.readUInt32LE(0);
        const listed = code === INSUFFICIENT_SIZE ? 0 : count;
        return {
          count,
          pids: Array.from({ length: listed }, (_, i) => processInfos.readUInt32LE(PROCESS_INFO_BYTES * i)),
        };
      });
    },
    processUse(device, sinceMicroseconds) {
      const count = Buffer.alloc(4);
      const samples = Buffer.alloc(PROCESS_USE_BYTES * MAX_PROCESS_SAMPLES);
      count.writeUInt32LE(MAX_PROCESS_SAMPLES);
      return result(use(device, samples, count, sinceMicroseconds), () =>
        Array.from({ length: count.readUInt32LE(0) }, (_, i) => ({
          pid: samples.readUInt32LE(PROCESS_USE_BYTES * i),
          atMicroseconds: samples.readBigUInt64LE(PROCESS_USE_BYTES * i + 8),
          usedRatio: Math.min(100, samples.readUInt32LE(PROCESS_USE_BYTES * i + 16)) / 100,
        })),
      );
    },
    // struct nvmlDeviceAttributes_t: eight u32, the last the compute instance's slices, then u64 memory
    migInstances(device) {
      const most = readUint32((buffer) => maxMigCount(device, buffer));
      const found: { uuid: string; slices: number }[] = [];
      for (let index = 0; index < (most.ok ? most.value : 0); index++) {
        const handle = readUint64((buffer) => migHandle(device, index, buffer));
        if (!handle.ok) continue;
        const id = readString(96, (buffer) => uuid(handle.value, buffer, buffer.length));
        const told = Buffer.alloc(40);
        if (id.ok && attributes(handle.value, told) === 0)
          found.push({ uuid: id.value, slices: told.readUInt32LE(28) });
      }
      return found;
    },
  };
}

function result<T>(code: number, value: () => T): NvmlResult<T> {
  return code === 0 ? { ok: true, value: value() } : { ok: false, code };
}

/** NVML tells milliwatts. */
function readWatts(call: (buffer: Buffer) => number): NvmlResult<number> {
  const told = readUint32(call);
  return told.ok ? { ok: true, value: told.value / 1000 } : told;
}

function readUint32(call: (buffer: Buffer) => number): NvmlResult<number> {
  return result(call(word), () => word.readUInt32LE(0));
}

function readUint64(call: (buffer: Buffer) => number): NvmlResult<bigint> {
  return result(call(word), () => word.readBigUInt64LE(0));
}

function readString(bytes: number, call: (buffer: Buffer) => number): NvmlResult<string> {
  const buffer = Buffer.alloc(bytes);
  return result(call(buffer), () => buffer.toString('utf8').split('\0', 1)[0] ?? '');
}
