/** The server's time, as it last told it, carried on this host's monotonic clock. Never this host's own wall clock. */
import { type EpochMs, epochMs } from '../../shared/units.ts';
import type { Clock } from '../clock.ts';
import type { ServerTime } from '../ship/shipper.ts';

/** A saved instant holds within the same boot only: the monotonic clock begins anew with each. */
export interface SavedTime {
  readonly bootId: string;
  readonly serverTimeMs: number;
  readonly atMonotonicMs: number;
}

export class UpstreamClock {
  readonly #clock: Pick<Clock, 'monotonicNow'>;
  readonly #bootId: string;
  #known: SavedTime | null = null;

  constructor(clock: Pick<Clock, 'monotonicNow'>, bootId: string) {
    this.#clock = clock;
    this.#bootId = bootId;
  }

  /** Takes a time of an earlier start, where it is of this boot. */
  resume(saved: SavedTime | null): void {
    if (saved?.bootId === this.#bootId && saved.atMonotonicMs <= this.#clock.monotonicNow())
      this.#known = saved;
  }

  note({ serverTimeMs, sentAt, receivedAt }: ServerTime): void {
    this.#known = { bootId: this.#bootId, serverTimeMs, atMonotonicMs: (sentAt + receivedAt) / 2 };
  }

  /** Null where the server has never told it in this boot. */
  now(): EpochMs | null {
    if (this.#known === null) return null;
    const { serverTimeMs, atMonotonicMs } = this.#known;
    return epochMs(Math.round(serverTimeMs + this.#clock.monotonicNow() - atMonotonicMs));
  }

  get saved(): SavedTime | null {
    return this.#known;
  }
}
