/** What the refresh job knows of a provider. One file per provider beside this, listed in list.ts; they share only this folder's helpers. */
import type { Basis, Scope, Signal } from '../../shared/grid/intensity.ts';
import type { EpochMs, GramsPerKwh } from '../../shared/units.ts';
import type { ProviderHttp } from './http.ts';

/** One interval as a provider gives it, checked: finite, in range, aligned. */
export interface ProviderValue {
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
  readonly gramsPerKwh: GramsPerKwh;
  readonly kind: 'measured' | 'estimated' | 'forecast';
  /** How it was estimated, in the provider's own word; null where it says nothing. */
  readonly method: string | null;
  /** When the provider says it made the value. */
  readonly issuedAtMs: EpochMs | null;
}

/**
 * What came of asking. `noData`: it answered and has none now. `rateLimited`: asked to wait. `failed`: down, slow,
 * refused, or an answer that makes no sense. None of the three is a value.
 */
export type FetchOutcome =
  | {
      readonly outcome: 'values';
      readonly values: readonly ProviderValue[];
      /** Why rows of the reply were left out, one text each. */
      readonly refused: readonly string[];
    }
  | FetchFailure;

export type FetchFailure =
  | { readonly outcome: 'noData'; readonly reason: string }
  | {
      readonly outcome: 'failed';
      readonly reason: string;
      /** The HTTP status with which a service that answers has refused this one request; it says nothing of others. */
      readonly refused?: number;
    }
  | { readonly outcome: 'rateLimited'; readonly reason: string; readonly retryAfterMs: number | null };

export interface SeriesRequest {
  readonly gridZone: string;
  /** Zones that are wanted of the same reply, this one among them; absent: it alone. */
  readonly gridZonesOfReply?: readonly string[];
  /** `[fromMs, toMs)`, aligned to 5 minutes. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** When it is asked. */
  readonly nowMs: EpochMs;
}

export interface IntensityProvider {
  readonly name: string;
  /** Whose limits it shares: the name that all who ask the same service give; absent: its own. */
  readonly service?: string;
  readonly basis: Basis;
  readonly signal: Signal;
  readonly scope: Scope;
  /** How long a reply stays fresh: the provider's step, 15 minutes at most, since values are revised within the hour. */
  readonly refreshMs: number;
  /** The longest span that may be asked for at once. */
  readonly historyMs: number;
  /** How far back from now its past may be asked for; absent: no further than `historyMs`. */
  readonly archiveMs?: number;
  readonly covers: (gridZone: string) => boolean;
  /** Names the reply that the zone comes in: one request fetches all zones and providers that name the same. Absent: none. */
  readonly replyOf?: (gridZone: string) => string;
  /** How many zones a reply of so long a span may hold; absent: as many as name it. */
  readonly zonesInReply?: (spanMs: number) => number;
  readonly fetchSeries: (request: SeriesRequest, http: ProviderHttp) => Promise<FetchOutcome>;
  /** What it expects from `fromMs` on, as far as it goes, at one step; absent where it has no forecast of this very series. */
  readonly fetchForecast?: (request: SeriesRequest, http: ProviderHttp) => Promise<FetchOutcome>;
}
