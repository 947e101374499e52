import type { DeviceType } from '../wire/ingest.ts';
import type { ExpectedDevice } from './expected-devices.ts';

interface Sum {
  millijoules: number;
  milliseconds: number;
  /** Of all devices of its type; null where it is that. */
  readonly ofType: Sum | null;
}

/** Mean power of each device and of each type over the range. */
export class DeviceMeans {
  readonly expected: readonly ExpectedDevice[];
  readonly #typeOf: ReadonlyMap<number, DeviceType>;
  /** By device index. */
  readonly #ofDevices: Sum[] = [];
  readonly #ofTypes = new Map<DeviceType, Sum>();

  constructor(expected: readonly ExpectedDevice[], typeOf: ReadonlyMap<number, DeviceType>) {
    this.expected = expected;
    this.#typeOf = typeOf;
  }

  add(deviceIndex: number, millijoules: number, milliseconds: number): void {
    let own = this.#ofDevices[deviceIndex];
    if (own === undefined) {
      const type = this.#typeOf.get(deviceIndex)!;
      const ofType = this.#ofTypes.get(type) ?? { millijoules: 0, milliseconds: 0, ofType: null };
      this.#ofTypes.set(type, ofType);
      own = { millijoules: 0, milliseconds: 0, ofType };
      this.#ofDevices[deviceIndex] = own;
    }
    for (let sum: Sum | null = own; sum !== null; sum = sum.ofType) {
      sum.millijoules += millijoules;
      sum.milliseconds += milliseconds;
    }
  }

  /** Millijoules per millisecond; 0 where no device of this type was metered. */
  meanWatts({ deviceIndex, type }: ExpectedDevice): number {
    const own = deviceIndex === null ? undefined : this.#ofDevices[deviceIndex];
    const sum = own && own.milliseconds > 0 ? own : this.#ofTypes.get(type);
    return sum && sum.milliseconds > 0 ? sum.millijoules / sum.milliseconds : 0;
  }
}
