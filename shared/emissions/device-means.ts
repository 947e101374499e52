import type { DeviceType } from '../wire/ingest.ts';
import type { ExpectedDevice } from './expected-devices.ts';

/** Mean power of each device and of each type over the range. */
export class DeviceMeans {
  readonly expected: readonly ExpectedDevice[];
  readonly #typeOf: ReadonlyMap<number, DeviceType>;
  readonly #sums = new Map<number | DeviceType, { millijoules: number; milliseconds: number }>();

  constructor(expected: readonly ExpectedDevice[], typeOf: ReadonlyMap<number, DeviceType>) {
    this.expected = expected;
    this.#typeOf = typeOf;
  }

  add(deviceIndex: number, millijoules: number, milliseconds: number): void {
    for (const key of [deviceIndex, this.#typeOf.get(deviceIndex)!]) {
      const sum = this.#sums.get(key) ?? { millijoules: 0, milliseconds: 0 };
      sum.millijoules += millijoules;
      sum.milliseconds += milliseconds;
      this.#sums.set(key, sum);
    }
  }

  /** Millijoules per millisecond; 0 where no device of this type was metered. */
  meanWatts({ deviceIndex, type }: ExpectedDevice): number {
    const own = deviceIndex === null ? undefined : this.#sums.get(deviceIndex);
    const sum = own && own.milliseconds > 0 ? own : this.#sums.get(type);
    return sum && sum.milliseconds > 0 ? sum.millijoules / sum.milliseconds : 0;
  }
}
