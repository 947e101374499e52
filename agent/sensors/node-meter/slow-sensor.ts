/**
 * A meter of the whole node that takes its time: a management controller answers within milliseconds or hangs for
 * seconds. Asked in the background, one question at a time; nobody waits for the answer but the first probe.
 */
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import { monotonicMs, type Watts, watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import type { Outcome, Sensor } from '../sensor.ts';

/** From one question to the next: below the 10 s that integration bridges, with room for a late answer. */
const ASK_EVERY_MS = 8_000;

/** How long a probe waits for an answer: the first one decides what the agent starts with, later ones hold it up. */
const FIRST_PATIENCE_MS = 6_000;
const LATER_PATIENCE_MS = 1_000;

/** A node of eight GPUs draws 10 kW; the server refuses more as well. */
const MAX_NODE_WATTS = 30_000;

export interface SlowSensorOptions {
  readonly name: string;
  readonly clock: Clock;
  /** One bounded question for the node's power now; never throws. */
  readonly ask: (signal: AbortSignal) => Promise<Outcome<Watts>>;
}

export function createSlowNodeSensor({ name, clock, ask }: SlowSensorOptions): Sensor {
  const meter = nodeMeter(name);
  let latest: Outcome<Watts> | null = null;
  let unread: Reading | null = null;
  let asking: Promise<void> | null = null;
  let askAgainAtMs = Number.NEGATIVE_INFINITY;
  let stopped = new AbortController();

  function question(): Promise<void> {
    askAgainAtMs = clock.monotonicNow() + ASK_EVERY_MS;
    const { signal } = stopped;
    asking ??= ask(signal).then((answer) => {
      asking = null;
      if (signal.aborted) return;
      const sane = answer.state === 'ready' ? sanePower(answer) : answer;
      latest = sane;
      if (sane.state === 'ready')
        unread = { meterId: meter.id, atMs: clock.monotonicNow(), powerWatts: sane.value };
    });
    return asking;
  }

  return {
    name,
    standsInFor: 'other',

    async probe() {
      if (latest?.state !== 'ready') {
        const patienceMs = latest === null ? FIRST_PATIENCE_MS : LATER_PATIENCE_MS;
        const answered = new AbortController();
        const deadline = monotonicMs(clock.monotonicNow() + patienceMs);
        await Promise.race([
          question().then(() => answered.abort()),
          clock.sleepUntil(deadline, answered.signal),
        ]);
        answered.abort();
      }
      if (latest === null) return { state: 'noData', detail: 'asked, no answer yet' };
      return latest.state === 'ready' ? { ...latest, value: [meter] } : latest;
    },

    async read() {
      if (asking === null && clock.monotonicNow() >= askAgainAtMs) void question();
      if (latest === null) return { state: 'noData', detail: 'not asked yet' };
      if (latest.state !== 'ready') return latest;
      const value = unread === null ? [] : [unread];
      unread = null;
      return { ...latest, value };
    },

    async close() {
      stopped.abort();
      stopped = new AbortController();
      await asking;
      latest = null;
      unread = null;
    },
  };
}

/** A host that runs draws power: 0 W is a fault of the meter, and nothing may be taken off it. */
function sanePower(answer: Outcome<Watts> & { readonly state: 'ready' }): Outcome<Watts> {
  return answer.value > 0
    ? answer
    : { state: 'noData', detail: `says 0 W, which no running host draws (${answer.detail})` };
}

function nodeMeter(sensor: string): Meter {
  return {
    id: `${sensor}:node`,
    sensor,
    deviceId: 'other',
    deviceType: 'other',
    deviceName: 'rest of the host',
    scope: 'node',
    powerKind: 'integrated',
    maxPlausibleWatts: watts(MAX_NODE_WATTS),
  };
}
