/**
 * All sensors of a host as the agent's loop sees them: their meters, one call for the readings, how each stands. Sensors
 * that are not ready are tried again with back-off, the ready ones look for changed devices now and then.
 */
import type { Meter, MeterScope, Reading } from '../../shared/metering/reading.ts';
import type { DeviceType, SensorHealth } from '../../shared/wire/ingest.ts';
import { type Clock, systemClock } from '../clock.ts';
import { plainText } from '../inventory/plain-text.ts';
import { createSensors, type SensorOptions } from './list.ts';
import { coveredBy } from './precedence.ts';
import type { Outcome, Sensor } from './sensor.ts';

export interface SensorSet {
  /** Grows as devices appear; a lost device keeps its meter. Look again after each `read()`. */
  readonly meters: readonly Meter[];
  /** What every ready sensor says now; at most some readings per meter, oldest first. Never throws. */
  read(): Promise<readonly Reading[]>;
  /** One line per sensor of the list, in its order. */
  health(): readonly SensorHealth[];
  close(): Promise<void>;
}

/** After a failure: 5 s, then twice as long each time, at most 5 minutes. */
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 300_000;
/** How soon a returned or added GPU is noticed. */
const RECHECK_MS = 60_000;

/** The server's bounds for what a host says of itself. */
const MAX_DEVICE_TEXT = 128;
const MAX_DETAIL = 1024;
const MAX_FIX = 2048;

/** What a meter of more than one device covers, for people. */
const METERED: Readonly<Partial<Record<MeterScope, string>>> = {
  module: 'the whole module',
  node: 'the whole node',
};

const PLURAL: Readonly<Record<DeviceType, string>> = {
  gpu: 'GPUs',
  cpu: 'CPUs',
  memory: 'memory',
  other: 'the rest of the host',
};

interface Slot {
  readonly sensor: Sensor;
  health: SensorHealth;
  meters: readonly Meter[];
  /** False until it has been ready once: only then does it make others needless. */
  worked: boolean;
  failures: number;
  nextProbeAtMs: number;
}

/** Finds the sensors of this host and makes the first probe of each that is needed. */
export async function openSensors(options: SensorOptions): Promise<SensorSet> {
  return openSensorSet(createSensors(options), options.clock ?? systemClock);
}

export async function openSensorSet(sensors: readonly Sensor[], clock: Clock): Promise<SensorSet> {
  const slots = sensors.map(
    (sensor): Slot => ({
      sensor,
      health: { sensor: sensor.name, state: 'absent', detail: 'not looked for yet' },
      meters: [],
      worked: false,
      failures: 0,
      nextProbeAtMs: Number.NEGATIVE_INFINITY,
    }),
  );

  /** In order, since what a better sensor finds decides whether the next one is needed. */
  async function probeDue() {
    const better: Meter[] = [];
    for (const slot of slots) {
      const rival = coveredBy(slot.sensor, better);
      if (rival !== null) await standBy(slot, rival);
      else if (clock.monotonicNow() >= slot.nextProbeAtMs) await probe(slot);
      if (slot.worked) better.push(...slot.meters);
    }
  }

  async function probe(slot: Slot) {
    const outcome = await slot.sensor.probe();
    if (outcome.state === 'ready') {
      slot.worked = true;
      slot.meters = outcome.value.map(plainMeter);
    }
    settle(slot, outcome);
  }

  function settle(slot: Slot, outcome: Outcome<unknown>) {
    slot.health = healthOf(slot.sensor, outcome);
    const ready = outcome.state === 'ready';
    slot.failures = ready ? 0 : slot.failures + 1;
    const waitMs = ready ? RECHECK_MS : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (slot.failures - 1));
    slot.nextProbeAtMs = clock.monotonicNow() + waitMs;
  }

  async function standBy(slot: Slot, rival: Meter) {
    if (slot.health.state === 'standby') return;
    await slot.sensor.close();
    const detail = `not used: ${rival.sensor} meters ${METERED[rival.scope] ?? PLURAL[rival.deviceType]} here`;
    slot.health = { sensor: slot.sensor.name, state: 'standby', detail };
    slot.meters = [];
    slot.worked = false;
  }

  async function readSlot(slot: Slot): Promise<readonly Reading[]> {
    const outcome = await slot.sensor.read();
    if (outcome.state !== 'ready') {
      settle(slot, outcome);
      return [];
    }
    slot.health = healthOf(slot.sensor, outcome);
    const known = new Set(slot.meters.map((meter) => meter.id));
    return outcome.value.filter((reading) => known.has(reading.meterId));
  }

  await probeDue();
  return {
    get meters() {
      return slots.flatMap((slot) => slot.meters);
    },
    async read() {
      await probeDue();
      const ready = slots.filter((slot) => slot.health.state === 'ready');
      return (await Promise.all(ready.map(readSlot))).flat();
    },
    health: () => slots.map((slot) => slot.health),
    async close() {
      await Promise.all(slots.map((slot) => slot.sensor.close()));
    },
  };
}

function healthOf({ name }: Sensor, outcome: Outcome<unknown>): SensorHealth {
  const { state, detail } = outcome;
  const fix = 'fix' in outcome ? outcome.fix : undefined;
  return {
    sensor: name,
    state,
    detail: cut(detail, MAX_DETAIL),
    ...(fix !== undefined && { fix: cut(fix, MAX_FIX) }),
  };
}

function plainMeter(meter: Meter): Meter {
  return {
    ...meter,
    deviceId: plainText(meter.deviceId, MAX_DEVICE_TEXT, meter.deviceType),
    deviceName: plainText(meter.deviceName, MAX_DEVICE_TEXT, meter.deviceType),
  };
}

const cut = (text: string, maxLength: number) =>
  text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}\u2026`;
