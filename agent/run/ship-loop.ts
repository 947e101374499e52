/** When the shipper's rounds come: the first one soon and spread over the fleet, then as each round says. */
import { monotonicMs } from '../../shared/units.ts';
import type { Clock } from '../clock.ts';
import type { Shipper } from '../ship/shipper.ts';

/** First rounds are spread over this, so that a fleet that starts at once does not report at once. */
const FIRST_ROUND_SPREAD_MS = 8_000;
/** Somebody waits for the first figures of a new host; one that starts anew is mostly one of many. */
const SPREAD_OF_RESTART_MS = 30_000;

/** Time for the next tick to book what was held. */
const NEXT_TICK_MS = 1_500;

export interface ShipLoopOptions {
  readonly clock: Clock;
  readonly shipper: Pick<Shipper, 'shipOnce'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The host has reported before this start. */
  readonly isRestart: boolean;
  /** There is something to send. */
  readonly firstReport: Promise<void>;
  readonly isClockTrusted: () => boolean;
  readonly commit: () => Promise<void>;
}

/** Ends after a running round. */
export async function runShipLoop(options: ShipLoopOptions, signal: AbortSignal): Promise<void> {
  const { clock, shipper } = options;
  const sleep = (ms: number) => clock.sleepUntil(monotonicMs(clock.monotonicNow() + ms), signal);
  await Promise.race([options.firstReport, aborted(signal)]);
  await sleep(options.random() * (options.isRestart ? SPREAD_OF_RESTART_MS : FIRST_ROUND_SPREAD_MS));
  while (!signal.aborted) {
    const trustedBefore = options.isClockTrusted();
    const waitMs = await shipper.shipOnce();
    if (!trustedBefore && options.isClockTrusted()) {
      // The reply told the time: what was held for it can be booked and sent now.
      await sleep(NEXT_TICK_MS);
      await options.commit();
      continue;
    }
    await sleep(waitMs);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
