/** What every sensor is: a reader of one interface. Absent, no data and failed are named outcomes; none is zero. */
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';

export type Outcome<T> =
  | { readonly state: 'ready'; readonly value: T; readonly detail: string }
  /** No such hardware or interface on this host. */
  | { readonly state: 'absent'; readonly detail: string }
  /** The interface is there but says nothing now (no rights, not activated); `fix` is the exact mend. */
  | { readonly state: 'noData'; readonly detail: string; readonly fix?: string }
  | { readonly state: 'failed'; readonly detail: string; readonly fix?: string };

export interface Sensor {
  readonly name: string;
  /** Only a stand-in: not used where a better sensor meters these devices. */
  readonly standsInFor?: DeviceType;
  /** Finds the meters; called at start and again with back-off while not ready, or when devices change. Never throws. */
  probe(): Promise<Outcome<readonly Meter[]>>;
  /** One reading of each meter that answers; a lost device is left out and told in `detail`. Never throws. */
  read(): Promise<Outcome<readonly Reading[]>>;
  close(): Promise<void>;
}
