/**
 * The wall clock, once there is a reason to believe it: the system synchronised it, or the server's time agrees. A host
 * whose clock is wrong and not synchronised runs on the server's.
 */
import type { MonotonicMs } from '../../shared/units.ts';
import type { Clock } from '../clock.ts';
import type { ServerTime } from '../ship/shipper.ts';

/** Far above what a slow reply can hide, far below a window. */
const AGREEMENT_MS = 30_000;

export interface TrustedWall {
  /** UTC milliseconds at a monotonic instant close to now; null while there is no reason to believe the clock. */
  at(atMs: MonotonicMs): number | null;
  noteServerTime(time: ServerTime): void;
  /** One line for people. */
  detail(): string;
}

export interface TrustedWallOptions {
  readonly clock: Clock;
  readonly isSynchronised: () => boolean;
  /** It was trusted before in this boot. */
  readonly alreadyTrusted: boolean;
}

export function trustedWall(options: TrustedWallOptions): TrustedWall {
  const { clock, isSynchronised } = options;
  let reason = options.alreadyTrusted ? 'trusted since an earlier start in this boot' : null;
  let correctionMs = 0;
  let warning = '';
  return {
    at(atMs) {
      if (reason === null && isSynchronised()) reason = 'synchronised by the system';
      if (reason === null) return null;
      return clock.wallNow() + (atMs - clock.monotonicNow()) + correctionMs;
    },
    noteServerTime({ serverTimeMs, sentAt, receivedAt }) {
      const middle = (sentAt + receivedAt) / 2;
      const wallAtMiddle = clock.wallNow() + (middle - clock.monotonicNow());
      const aheadMs = serverTimeMs - wallAtMiddle;
      const agrees = Math.abs(aheadMs) <= AGREEMENT_MS + (receivedAt - sentAt) / 2;
      const seconds = Math.round(Math.abs(aheadMs) / 1000);
      const skew = `this host's clock is ${seconds} s ${aheadMs > 0 ? 'behind' : 'ahead of'} the server's`;
      if (agrees) {
        reason = "agrees with the server's";
        correctionMs = 0;
        warning = '';
      } else if (isSynchronised()) {
        warning = `; yet ${skew}`;
      } else {
        reason = `${skew}, which is used instead: synchronise it (timedatectl set-ntp true)`;
        correctionMs = aheadMs;
      }
    },
    detail: () =>
      `${reason ?? 'not trusted yet: energy is held until the clock is synchronised or the server has told its time'}${warning}`,
  };
}
