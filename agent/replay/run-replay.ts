/**
 * The whole agent - meter, durable state, spool, shipping - on a replay's clock. Time passes only from tick to tick, so
 * an hour takes seconds and comes out the same each time.
 */
import type { Gap, MeterCounts } from '../../shared/metering/meter-state.ts';
import type { SeriesEncoder } from '../../shared/metering/window-report.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import { createAgentLoop, type ReadingSource } from '../run/agent-loop.ts';
import type { Shipper } from '../ship/shipper.ts';
import type { DurableStore } from '../store/durable-store.ts';
import type { ReplayClock } from './replay-clock.ts';

export interface ReplayOptions {
  /** At the instant where the replay starts; the sensors and the shipper must be on it too. */
  readonly clock: ReplayClock;
  readonly sensors: ReadingSource;
  readonly store: DurableStore;
  readonly newEpoch: () => string;
  readonly encodeSeries: SeriesEncoder;
  /** Asked after each tick. */
  readonly isOver: () => boolean;
  /** Sends nothing where it is absent. */
  readonly shipper?: Pick<Shipper, 'shipOnce'>;
  readonly readEveryMilliseconds?: number;
  readonly reportEverySeconds?: number;
  /** Identity of the replay's clock: another one is another boot. */
  readonly bootId?: string;
  /** Called before the clock moves on: a test sets the server's clock, a paced replay waits. */
  readonly beforeAdvance?: (toMs: number) => Promise<void>;
  /** Ends the replay as SIGTERM ends the agent. */
  readonly signal?: AbortSignal;
}

export interface ReplayResult {
  /** The newest report of each window that this run touched, in order of time. */
  readonly reports: readonly WindowReport[];
  readonly gaps: readonly Gap[];
  readonly counts: MeterCounts;
}

/** Rounds without progress after which the rest stays in the spool. */
const LAST_ROUNDS = 3;

/** Replays until `isOver`, commits, and sends what is left. */
export async function runReplay(options: ReplayOptions): Promise<ReplayResult> {
  const { clock, store, shipper } = options;
  const reportEveryMs = (options.reportEverySeconds ?? 60) * 1000;
  const reports = new Map<number, WindowReport>();
  const end = new AbortController();
  let shipAtMs = clock.wallNow() + reportEveryMs;

  const loop = createAgentLoop({
    clock: { ...clock, sleepUntil: advance },
    store,
    sensors: options.sensors,
    bootId: options.bootId ?? 'replay',
    newEpoch: options.newEpoch,
    wallAt: (atMs) => atMs,
    encodeSeries: options.encodeSeries,
    readEveryMilliseconds: options.readEveryMilliseconds ?? 1000,
    onReports(list) {
      for (const report of list) reports.set(report.windowStartMs, report);
    },
  });

  async function advance(deadline: number): Promise<void> {
    if (options.isOver() || options.signal?.aborted) {
      end.abort();
      return;
    }
    if (shipper !== undefined && clock.wallNow() >= shipAtMs) {
      await loop.commit();
      await shipper.shipOnce();
      shipAtMs += reportEveryMs;
    }
    await options.beforeAdvance?.(deadline);
    clock.advanceTo(deadline);
  }

  await loop.run(end.signal);
  if (shipper !== undefined) await shipRest(store, shipper);
  return {
    reports: [...reports.values()].sort((a, b) => a.windowStartMs - b.windowStartMs),
    gaps: loop.state.gaps,
    counts: loop.state.counts,
  };
}

async function shipRest(store: DurableStore, shipper: Pick<Shipper, 'shipOnce'>): Promise<void> {
  for (let rounds = 0; rounds < LAST_ROUNDS && store.pending().length > 0; ) {
    const before = store.pending().length;
    await shipper.shipOnce();
    rounds = store.pending().length < before ? 0 : rounds + 1;
  }
}
