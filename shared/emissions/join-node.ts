/** What the join needs to know of one node. */
import type { DeviceEntry, HourLedger } from '../ledger/hour.ts';
import type { Place } from '../settings/place.ts';
import type { Presence } from './presence.ts';

export interface NodePart {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly inServiceMs: number;
  readonly outOfServiceMs: number | null;
  /** Since when it ages, where it came from another node. */
  readonly agesFromMs?: number | null;
  readonly grams: number;
  readonly gramsLow: number;
  readonly gramsHigh: number;
}

export interface JoinNode extends Presence {
  readonly number: number;
  readonly id: string;
  readonly hostname: string;
  /** What `deviceIndex` stands for in its hours. */
  readonly devices: readonly DeviceEntry[];
  readonly parts: readonly NodePart[];
  /** Without gaps from the first part's in-service date, or before the range, to the end of the range. */
  readonly places: readonly Place[];
}

export interface NodeHourLedger {
  readonly hourStartMs: number;
  readonly ledger: HourLedger;
}
