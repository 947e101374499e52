/** What the join needs to know of one node. */
import type { EmbodiedGrams, Service, Since } from '../embodied/amortization.ts';
import type { DeviceEntry, HourLedger } from '../ledger/hour.ts';
import type { Place } from '../settings/place.ts';
import type { Presence } from './presence.ts';

/** With what making it emitted. */
export interface NodePart extends Service, EmbodiedGrams {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  /** Where the operator gives another figure from a date on: each, the last as above. */
  readonly figures?: readonly Since<EmbodiedGrams>[];
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
