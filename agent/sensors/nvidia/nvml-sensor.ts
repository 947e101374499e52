/**
 * NVIDIA GPUs through NVML: energy counter, power, utilisation and whether anything runs. One session for the agent's
 * life, so that polling does not wake and release the driver. GPUs are known by UUID: their index changes.
 */
import type { Reading } from '../../../shared/metering/reading.ts';
import type { MeterFacts } from '../../../shared/wire/ingest.ts';
import type { Clock } from '../../clock.ts';
import { openForeignLibrary } from '../../foreign-library.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import { findNvidiaDriver } from './nvidia-presence.ts';
import {
  type Gpu,
  isLoss,
  isSessionEnd,
  NVML_SENSOR,
  newGpu,
  noteMeter,
  readGpu,
  type Session,
  whyNoCounter,
} from './nvml-gpu.ts';
import { counterIdentity, seesAllProcesses } from './nvml-identity.ts';
import { createNvmlLibrary, NVML_ERROR, type NvmlLibrary, nvmlErrorText } from './nvml-library.ts';

/** The library comes with the driver, but a container gets it only on demand. */
const LIBRARY_FIX =
  "install the driver's libnvidia-ml.so.1 (package libnvidia-compute or nvidia-driver-libs); in a container set NVIDIA_DRIVER_CAPABILITIES=utility";

export interface NvmlSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
  /** Tried in this order. */
  readonly libraryPaths: readonly string[];
}

export function createNvmlSensor(options: NvmlSensorOptions): Sensor {
  const { paths, clock } = options;
  const gpus = new Map<string, Gpu>();
  let session: Session | null = null;
  let library: NvmlLibrary | null = null;
  let detail = '';

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
      counterIdentity: await counterIdentity(paths, driverVersion),
      seesAllProcesses: await seesAllProcesses(paths),
    };
    return { state: 'ready', value, detail: '' };
  }

  function endSession() {
    session?.nvml.shutdown();
    session = null;
  }

  /** Finds every GPU by its UUID; one that does not answer keeps its place and is told. */
  function enumerate(session: Session, count: number) {
    const { nvml } = session;
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
    for (const [uuid, gpu] of gpus) {
      gpu.identity = `${session.counterIdentity}/${gpu.returns}`;
      if (answering.has(uuid)) noteMeter(session, gpu);
      else gpu.lost ??= whyMissing;
    }
    detail = describe(session, gpus);
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
      return { state: 'ready', value, detail };
    },

    async read() {
      if (session === null) return { state: 'noData', detail: 'no NVML session' };
      const readings: Reading[] = [];
      let changed = false;
      for (const gpu of gpus.values()) {
        if (gpu.lost !== null) continue;
        const { mute, counterScope } = gpu;
        const { reading, lossCode } = readGpu(session, gpu, clock);
        if (lossCode === null) {
          gpu.mute = reading.counter === undefined && reading.powerWatts === undefined;
          if (!gpu.mute) readings.push(reading);
        } else if (isSessionEnd(lossCode)) {
          endSession();
          return failure('the NVML session ended', lossCode);
        } else gpu.lost = nvmlErrorText(lossCode);
        changed ||= gpu.lost !== null || gpu.mute !== mute || gpu.counterScope !== counterScope;
      }
      // Mostly nothing has: eight GPUs are not described anew each second.
      if (changed) detail = describe(session, gpus);
      return { state: 'ready', value: readings, detail };
    },

    async close() {
      endSession();
    },
  };
}

function failure(what: string, code: number): Outcome<never> {
  const detail = `${what}: ${nvmlErrorText(code)}`;
  return code === NVML_ERROR.libraryMismatch
    ? { state: 'failed', detail, fix: 'reboot, or reload the nvidia kernel modules: the driver was upgraded' }
    : { state: 'failed', detail };
}

function describe(session: Session, gpus: ReadonlyMap<string, Gpu>): string {
  const lost = [...gpus].filter(([, gpu]) => gpu.lost !== null).map(([uuid, gpu]) => `${uuid}: ${gpu.lost}`);
  const mute = [...gpus].filter(([, gpu]) => gpu.mute).map(([uuid]) => `${uuid}: neither energy nor power`);
  const counters = [...gpus].flatMap(([uuid, gpu]) => {
    const why = gpu.lost === null ? whyNoCounter(gpu) : null;
    return why === null ? [] : [`${uuid}: ${why}`];
  });
  const powers = told(gpus, (gpu) => powerText(gpu.meter.facts));
  const limits = told(gpus, (gpu) => limitText(gpu.meter.facts));
  return [
    `${gpus.size - lost.length} of ${gpus.size} GPUs answer, driver ${session.driverVersion}, through ${session.nvml.via}`,
    ...(powers === '' ? [] : [`power: ${powers}`]),
    ...(limits === '' ? [] : [`limit: ${limits}`]),
    ...lost,
    ...mute,
    ...counters,
  ].join('; ');
}

/** What they have in common is said once. */
function told(gpus: ReadonlyMap<string, Gpu>, text: (gpu: Gpu) => string): string {
  return [...new Set([...gpus.values()].map(text))].filter(Boolean).join(', ');
}

function powerText(facts: MeterFacts = {}): string {
  const { powerSource, powerMeaning, powerWindowMilliseconds: windowMs, sampledRatio } = facts;
  if (powerSource === undefined) return '';
  const meaning = {
    mean: `a mean over ${windowMs === undefined ? 'a time not told' : `${windowMs / 1000} s`}`,
    instantaneous: 'instantaneous',
    unknown: 'meaning not known',
  }[powerMeaning ?? 'unknown'];
  const seen =
    sampledRatio === undefined || sampledRatio === 1
      ? ''
      : `, its sensor looks ${sampledRatio * 100} % of the time`;
  return `${powerSource} (${meaning}${seen})`;
}

function limitText({ powerLimitWatts: limit, defaultPowerLimitWatts: own }: MeterFacts = {}): string {
  if (limit === undefined) return '';
  return own === undefined || own === limit ? `${limit} W` : `${limit} of ${own} W`;
}
