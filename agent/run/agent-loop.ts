/**
 * The agent's heart: reads the sensors at fixed instants of the monotonic clock, feeds the meter, and makes state and
 * reports durable together. Sending is another loop's work.
 */

import { METER_STATE_VERSION, type MeterState, newMeterState } from '../../shared/metering/meter-state.ts';
import { PAUSE_MS, resumeMetering, type Tick } from '../../shared/metering/metering.ts';
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import type { SeriesEncoder } from '../../shared/metering/window-report.ts';
import { monotonicMs } from '../../shared/units.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import type { JobWatch } from '../jobs/job-watch.ts';
import type { DurableStore } from '../store/durable-store.ts';

/** What a crash can cost a sensor without a counter: its energy since the last commit. */
const COMMIT_EVERY_MS = 10_000;

/**
 * Ticks are booked together, before a commit: nobody sees them sooner, and one by one each would find the processor's caches
 * cold. Beyond this many they are booked at once.
 */
const MAX_UNBOOKED = 20;

/** The first reading is durable at once, so that a restart is over with it; the first report comes soon after. */
const FIRST_REPORT_MS = 3_000;

export interface ReadingSource {
  /** Looked at after each read. */
  readonly meters: readonly Meter[];
  read(): Promise<readonly Reading[]>;
}

export interface AgentLoopOptions {
  readonly clock: Clock;
  readonly store: DurableStore;
  readonly sensors: ReadingSource;
  /** Who holds the devices; left out where nobody is asked. */
  readonly jobs?: Pick<JobWatch, 'turn' | 'take' | 'settled'>;
  /** Identity of the monotonic clock. */
  readonly bootId: string;
  /** 8..32 of [a-z0-9], never used before. */
  readonly newEpoch: () => string;
  /** UTC milliseconds at a monotonic instant; null while the wall clock is not trusted. */
  readonly wallAt: (atMs: number) => number | null;
  readonly encodeSeries: SeriesEncoder;
  readonly readEveryMilliseconds: number;
  /** Told what each commit reports, once it is durable. */
  readonly onReports?: (reports: readonly WindowReport[]) => void;
  /** Told after each tick of `run`: the metering goes on. */
  readonly onTick?: () => void;
  /** Told at the first tick, and when what there is to read has changed. */
  readonly onMeters?: () => void;
}

export interface AgentLoop {
  /** Ticks until the signal aborts, then commits once more. */
  run(signal: AbortSignal): Promise<void>;
  /** One reading of all sensors into the meter. */
  tick(): Promise<void>;
  /** Makes all that is metered so far durable, with the reports that it changed. Waits for a commit that is under way. */
  commit(): Promise<void>;
  /** Resolves once `run` has made the first reading durable: a crash costs a counter nothing from then on. */
  readonly ready: Promise<void>;
  /** Resolves once `run` has committed what there is to send first. */
  readonly firstReport: Promise<void>;
  readonly state: MeterState;
}

export function createAgentLoop(options: AgentLoopOptions): AgentLoop {
  const { clock, store, sensors } = options;
  const restored = restoredState(store.restoredMeterState);
  const metering = resumeMetering(
    restored ?? newMeterState(options.newEpoch(), options.bootId),
    options.bootId,
    clock.monotonicNow(),
  );
  let committing: Promise<void> = Promise.resolve();
  const ready = latch();
  const firstReport = latch();
  let metersKey = '';
  let lastMeters: readonly Meter[] = [];
  let lastReadings: readonly Reading[] = [];
  let tickedAtMs: number = clock.monotonicNow();
  const unbooked: Tick[] = [];

  function book(): void {
    for (const tick of unbooked) metering.observe(tick);
    unbooked.length = 0;
  }

  async function tick(): Promise<void> {
    const pausedMs = clock.monotonicNow() - tickedAtMs;
    tickedAtMs += pausedMs;
    options.jobs?.turn(sensors.meters, lastReadings);
    // The host was suspended: what a job still holds is proven by a look before the readings that tell of that time.
    if (pausedMs > PAUSE_MS) await options.jobs?.settled();
    const readings = await sensors.read();
    lastReadings = readings;
    const look = options.jobs?.take() ?? null;
    if (look !== null) {
      book();
      metering.allocate(look);
    }
    const { meters } = sensors;
    if (meters !== lastMeters) noteMeters(meters);
    lastMeters = meters;
    const atMs = clock.monotonicNow();
    unbooked.push({ readings, atMs, wallMs: options.wallAt(atMs) });
    if (unbooked.length >= MAX_UNBOOKED) book();
  }

  /** They are looked for again each minute, mostly to be found as they were. */
  function noteMeters(meters: readonly Meter[]): void {
    if (meters.length === lastMeters.length && meters.every((meter, index) => meter === lastMeters[index]))
      return;
    const key = meters.map(({ id, facts }) => id + JSON.stringify(facts)).join();
    if (key === metersKey) return;
    metersKey = key;
    book();
    metering.setMeters(meters);
    options.onMeters?.();
  }

  function commit(): Promise<void> {
    committing = committing.then(async () => {
      book();
      const reports = metering.takeReports(options.encodeSeries);
      await store.commit({ meterState: metering.state, reports });
      options.onReports?.(reports);
    });
    return committing;
  }

  return {
    tick,
    commit,
    ready: ready.opened,
    firstReport: firstReport.opened,
    get state() {
      book();
      return metering.state;
    },
    async run(signal) {
      const start = clock.monotonicNow();
      let commitAt: number = start;
      for (let deadline: number = start; !signal.aborted; ) {
        await tick();
        options.onTick?.();
        if (clock.monotonicNow() >= commitAt) {
          await commit();
          if (commitAt === start) ready.open();
          else firstReport.open();
          commitAt = commitAt === start ? start + FIRST_REPORT_MS : clock.monotonicNow() + COMMIT_EVERY_MS;
        }
        // Missed instants are skipped: catching up in a burst would read the same values again.
        const late = Math.max(0, clock.monotonicNow() - deadline);
        deadline += options.readEveryMilliseconds * (Math.floor(late / options.readEveryMilliseconds) + 1);
        await clock.sleepUntil(monotonicMs(deadline), signal);
      }
      await tick();
      await commit();
    },
  };
}

/** Opens once; Node 20 has no `Promise.withResolvers`. */
function latch(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** State of another version is not guessed at: a new epoch begins. */
function restoredState(stored: unknown): MeterState | null {
  if (typeof stored !== 'object' || stored === null) return null;
  return 'version' in stored && stored.version === METER_STATE_VERSION ? (stored as MeterState) : null;
}
