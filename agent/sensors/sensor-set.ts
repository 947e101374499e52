/**
 * All sensors of a host as the agent's loop sees them: their meters, one call for the readings, how each stands. Sensors
 * that are not ready are tried again with back-off, the ready ones look for changed devices now and then: behind the reads,
 * so that a sensor that hangs holds up nobody but itself.
 */
import type { Meter, MeterScope, Reading } from '../../shared/metering/reading.ts';
import { monotonicMs } from '../../shared/units.ts';
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

/** How long a tick waits for what is asked in it: files and drivers answer within milliseconds, a hung one not at all. */
const TICK_PATIENCE_MS = 250;
/** Turns of the microtask queue within which a sensor answers that asks no file and nobody else. */
const PROMPT_TURNS = 16;
/** How long a start waits for all sensors; what hangs for longer comes in behind the ticks. */
const START_PATIENCE_MS = 5_000;
/** After this the next one is looked for: every sensor answers sooner, but one whose driver hangs. */
const PROBE_PATIENCE_MS = 20_000;
/** A reading that has not come after this has left a gap: power is bridged for no longer. */
const HANGS_AFTER_MS = 10_000;
/** Late readings kept of one sensor; older ones give way. */
const MAX_LATE_READINGS = 4096;

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
  /** What `health` was made from. */
  told: string;
  meters: readonly Meter[];
  /** Ids of the meters. */
  known: ReadonlySet<string>;
  /** False until it has been ready once: only then does it make others needless. */
  worked: boolean;
  failures: number;
  nextProbeAtMs: number;
  /** Under way: it is asked nothing else meanwhile. */
  busy: Promise<void> | null;
  busySinceMs: number;
  /** What it told and nobody has taken yet. */
  unread: Reading[];
}

/**
 * Finds the sensors of this host and makes the first probe of each that is needed.
 *
 * @param patienceMs how long it waits for them; what takes longer comes in later, behind the reads
 */
export async function openSensors(options: SensorOptions, patienceMs?: number): Promise<SensorSet> {
  return openSensorSet(createSensors(options), options.clock ?? systemClock, patienceMs);
}

export async function openSensorSet(
  sensors: readonly Sensor[],
  clock: Clock,
  patienceMs = START_PATIENCE_MS,
): Promise<SensorSet> {
  const slots = sensors.map(
    (sensor): Slot => ({
      sensor,
      health: { sensor: sensor.name, state: 'noData', detail: 'not looked for yet' },
      told: '',
      meters: [],
      known: new Set(),
      worked: false,
      failures: 0,
      nextProbeAtMs: Number.NEGATIVE_INFINITY,
      busy: null,
      busySinceMs: 0,
      unread: [],
    }),
  );
  let probing: Promise<void> | null = null;
  let closed = false;
  let meters: readonly Meter[] = [];
  /** Before this no sensor is due, unless one says otherwise meanwhile. */
  let quietUntilMs = Number.NEGATIVE_INFINITY;

  function setMeters(slot: Slot, own: readonly Meter[]): void {
    slot.meters = own;
    slot.known = new Set(own.map((meter) => meter.id));
    meters = slots.flatMap((one) => one.meters);
  }

  /** Called when none is due. One that is under way may be at any time; one that stands by waits for news of another. */
  function nextProbeAtMs(): number {
    if (slots.some(({ busy }) => busy !== null)) return Number.NEGATIVE_INFINITY;
    const waiting = slots.filter(({ health }) => health.state !== 'standby');
    return Math.min(...waiting.map((slot) => slot.nextProbeAtMs));
  }

  /**
   * The next sensor that has to be looked for, or to stand by. In order, since what a better one finds decides whether the
   * next is needed; one that is still busy is left alone.
   */
  function nextDue(): (() => Promise<void>) | null {
    const nowMs = clock.monotonicNow();
    const better: Meter[] = [];
    for (const slot of slots) {
      const rival = coveredBy(slot.sensor, better);
      if (slot.busy === null) {
        if (rival !== null && slot.health.state !== 'standby')
          return () => alone(slot, () => standBy(slot, rival));
        if (rival === null && nowMs >= slot.nextProbeAtMs) return () => alone(slot, () => probe(slot));
      }
      if (slot.worked) better.push(...slot.meters);
    }
    return null;
  }

  async function probeDue(): Promise<void> {
    for (let due = nextDue(); due !== null && !closed; due = nextDue())
      await patiently(due(), PROBE_PATIENCE_MS);
  }

  /** One thing at a time of each sensor. */
  function alone(slot: Slot, step: () => Promise<void>): Promise<void> {
    slot.busySinceMs = clock.monotonicNow();
    slot.busy = step().finally(() => {
      slot.busy = null;
    });
    return slot.busy;
  }

  /** Waits for no longer than that: what is still under way goes on behind the ticks. */
  async function patiently(work: Promise<unknown>, patienceMs: number): Promise<void> {
    const done = new AbortController();
    const deadline = monotonicMs(clock.monotonicNow() + patienceMs);
    const timeUp = clock.sleepUntil(deadline, done.signal);
    // Without a reason of its own each abort makes an error with a stack that nobody reads.
    await Promise.race([work, timeUp]).finally(() => done.abort(null));
  }

  function lookForSensors(): Promise<void> {
    probing ??= probeDue().finally(() => {
      probing = null;
    });
    return probing;
  }

  async function probe(slot: Slot) {
    const outcome = await slot.sensor.probe();
    if (outcome.state === 'ready') {
      slot.worked = true;
      setMeters(slot, outcome.value.map(plainMeter));
    }
    settle(slot, outcome);
  }

  function settle(slot: Slot, outcome: Outcome<unknown>) {
    setHealth(slot, outcome);
    const ready = outcome.state === 'ready';
    slot.failures = ready ? 0 : slot.failures + 1;
    const waitMs = ready ? RECHECK_MS : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (slot.failures - 1));
    slot.nextProbeAtMs = clock.monotonicNow() + waitMs;
    quietUntilMs = Number.NEGATIVE_INFINITY;
  }

  async function standBy(slot: Slot, rival: Meter) {
    await slot.sensor.close();
    const detail = `not used: ${rival.sensor} meters ${METERED[rival.scope] ?? PLURAL[rival.deviceType]} here`;
    slot.health = { sensor: slot.sensor.name, state: 'standby', detail };
    setMeters(slot, []);
    slot.worked = false;
  }

  async function readSlot(slot: Slot): Promise<void> {
    const outcome = await slot.sensor.read();
    if (outcome.state !== 'ready') return settle(slot, outcome);
    if (outcome.detail !== slot.told || slot.health.state !== 'ready') setHealth(slot, outcome);
    for (const reading of outcome.value) if (slot.known.has(reading.meterId)) slot.unread.push(reading);
    if (slot.unread.length > MAX_LATE_READINGS) slot.unread.splice(0, slot.unread.length - MAX_LATE_READINGS);
  }

  /** What hangs is told; it ends when the driver lets it. */
  function noteHang(slot: Slot): void {
    const forMs = clock.monotonicNow() - slot.busySinceMs;
    if (forMs <= HANGS_AFTER_MS) return;
    const detail = `has not answered for ${Math.round(forMs / 1000)} s: it hangs, and is asked nothing else`;
    slot.health = { sensor: slot.sensor.name, state: 'noData', detail };
  }

  await patiently(lookForSensors(), patienceMs);
  return {
    get meters() {
      return meters;
    },
    async read() {
      if (probing === null && clock.monotonicNow() >= quietUntilMs) {
        if (nextDue() === null) quietUntilMs = nextProbeAtMs();
        else await patiently(lookForSensors(), TICK_PATIENCE_MS);
      }
      const ready = slots.filter(({ health, busy }) => health.state === 'ready' && busy === null);
      for (const slot of slots) if (slot.busy !== null) noteHang(slot);
      const reads = ready.map((slot) => alone(slot, () => readSlot(slot)));
      const isBusy = () => ready.some(({ busy }) => busy !== null);
      // Most answer without waiting for anything, and a timer would cost more than they do.
      for (let turn = 0; turn < PROMPT_TURNS && isBusy(); turn++) await null;
      if (isBusy()) await patiently(Promise.all(reads), TICK_PATIENCE_MS);
      const readings: Reading[] = [];
      for (const { unread } of slots) if (unread.length > 0) readings.push(...unread.splice(0));
      return readings;
    },
    health: () => slots.map((slot) => slot.health),
    async close() {
      closed = true;
      await Promise.all(slots.map((slot) => slot.sensor.close()));
    },
  };
}

function setHealth(slot: Slot, outcome: Outcome<unknown>): void {
  slot.told = outcome.detail;
  slot.health = healthOf(slot.sensor, outcome);
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
