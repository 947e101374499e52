/**
 * A sensor that takes its time: another program, or a controller that answers within milliseconds or hangs for seconds.
 * Asked in the background, one question at a time; nobody waits for the answer but the first probe.
 */
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import { monotonicMs } from '../../shared/units.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import type { Outcome, Sensor } from './sensor.ts';

/** How long a probe waits for an answer: the first one decides what the agent starts with, later ones hold it up. */
const FIRST_PATIENCE_MS = 6_000;
const LATER_PATIENCE_MS = 1_000;

export interface Answer {
  readonly meters: readonly Meter[];
  /** What is new. */
  readonly readings: readonly Reading[];
}

export interface AskedSensorOptions {
  readonly name: string;
  readonly standsInFor: DeviceType;
  readonly clock: Clock;
  /** From one question to the next. */
  readonly everyMs: number;
  /** One bounded question; never throws. */
  readonly ask: (signal: AbortSignal) => Promise<Outcome<Answer>>;
}

export function createAskedSensor(options: AskedSensorOptions): Sensor {
  const { name, standsInFor, clock, everyMs, ask } = options;
  let latest: Outcome<Answer> | null = null;
  let unread: readonly Reading[] = [];
  let asking: Promise<void> | null = null;
  let askAgainAtMs = Number.NEGATIVE_INFINITY;
  let stopped = new AbortController();

  function question(): Promise<void> {
    askAgainAtMs = clock.monotonicNow() + everyMs;
    asking ??= ask(stopped.signal).then((answer) => {
      asking = null;
      latest = answer;
      if (answer.state === 'ready') unread = answer.value.readings;
    });
    return asking;
  }

  return {
    name,
    standsInFor,

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
      return latest.state === 'ready' ? { ...latest, value: latest.value.meters } : latest;
    },

    async read() {
      if (asking === null && clock.monotonicNow() >= askAgainAtMs) void question();
      if (latest === null) return { state: 'noData', detail: 'not asked yet' };
      if (latest.state !== 'ready') return latest;
      const value = unread;
      unread = [];
      return { ...latest, value };
    },

    async close() {
      stopped.abort();
      stopped = new AbortController();
      await asking;
      latest = null;
      unread = [];
    },
  };
}
