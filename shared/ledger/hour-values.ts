/** The numbers of one window, each as its difference from what the windows before and the devices beside it let expect. */
import { WINDOW_MS } from '../time/window.ts';
import { Guesser } from './guess.ts';
import type { LedgerDevice, LedgerEpoch, LedgerJobShare } from './hour.ts';
import { restOf, type WindowShape } from './hour-shape.ts';
import type { RiceReader, RiceWriter } from './rice.ts';

/** Utilization is kept to 1/10,000: sensors give whole percents. */
const UTILIZATION_STEPS = 10_000;

/** Numbers that are alike: a first value is larger than the differences that follow it. Those below are of heads. */
const COLUMNS = {
  firstEnergy: 8,
  energy: 9,
  energyBeside: 20,
  metered: 10,
  recovered: 11,
  firstExcess: 12,
  excess: 13,
  firstUtilization: 14,
  utilization: 15,
  utilizationBeside: 21,
  idle: 16,
  firstShare: 17,
  share: 18,
  allocated: 19,
} as const;

export type Contents = Pick<LedgerEpoch, 'devices' | 'jobShares'>;

/** Writes the difference of what is there from what is expected, or reads it: both ways give what is there. */
export interface NumberCoder {
  signed(column: number, expected: number, actual: number): number;
  unsigned(column: number, actual: number): number;
}

export const writing = (writer: RiceWriter): NumberCoder => ({
  signed(column, expected, actual) {
    writer.signed(column, actual - expected);
    return actual;
  },
  unsigned(column, actual) {
    writer.unsigned(column, actual);
    return actual;
  },
});

/** What is there is what was read: `actual` means nothing. */
export const reading = (reader: RiceReader): NumberCoder => ({
  signed: (column, expected) => expected + reader.signed(column),
  unsigned: (column) => reader.unsigned(column),
});

class DeviceBefore {
  readonly energy = new Guesser();
  /** Of the integrated power over the counter. */
  readonly excess = new Guesser();
  readonly utilization = new Guesser();
}

interface ShareBefore {
  /** Of the device's energy. */
  readonly ratio: number;
  readonly allocatedMilliseconds: number;
}

/** The windows before, as far as writer and reader both know them. */
export class WindowsBefore {
  readonly #devices: Map<number, DeviceBefore>;
  readonly #shares: ShareBefore[] = [];

  constructor(devices = new Map<number, DeviceBefore>()) {
    this.#devices = devices;
  }

  /** Shares are told apart by their places, which mean something else in another shape. */
  withoutShares(): WindowsBefore {
    return new WindowsBefore(this.#devices);
  }

  device(deviceIndex: number): DeviceBefore {
    const known = this.#devices.get(deviceIndex);
    if (known !== undefined) return known;
    const fresh = new DeviceBefore();
    this.#devices.set(deviceIndex, fresh);
    return fresh;
  }

  share(place: number): ShareBefore | undefined {
    return this.#shares[place];
  }

  keepShare(place: number, share: ShareBefore): void {
    this.#shares[place] = share;
  }
}

/** The devices of one window that have been told: what drives one of them mostly drives them all. */
class Together {
  #now = 0;
  #last = 0;
  #mean = 0;

  /** Whether there is none to compare with. */
  get isEmpty(): boolean {
    return this.#last === 0 || this.#mean === 0;
  }

  /** By the same share as the others. */
  guesses({ last, mean }: Guesser): readonly number[] {
    if (this.isEmpty) return [last, mean, last, mean];
    return [last, mean, (last * this.#now) / this.#last, (mean * this.#now) / this.#mean];
  }

  /** @param last of the device, and its mean, before this window */
  add(value: number, last: number, mean: number): void {
    this.#now += value;
    this.#last += last;
    this.#mean += mean;
  }
}

/** Of the devices of one window. */
interface Beside {
  readonly energy: Together;
  readonly utilization: Together;
}

/** Codes a number that is guessed, and learns it. */
function codeGuessed(
  coder: NumberCoder,
  guesser: Guesser,
  guesses: readonly number[],
  first: number,
  next: number,
  actual: number,
): number {
  const value = guesser.isNew
    ? coder.signed(first, 0, actual)
    : coder.signed(next, guesser.best(guesses), actual);
  guesser.learn(guesses, value);
  return value;
}

/** The same, by what the devices beside have. */
function codeTogether(
  coder: NumberCoder,
  guesser: Guesser,
  beside: Together,
  [first, alone, together]: readonly [number, number, number],
  actual: number,
): number {
  const { last, mean, isNew } = guesser;
  const guesses = beside.guesses(guesser);
  const value = codeGuessed(coder, guesser, guesses, first, beside.isEmpty ? alone : together, actual);
  if (!isNew) beside.add(value, last, mean);
  return value;
}

const ENERGY = [COLUMNS.firstEnergy, COLUMNS.energy, COLUMNS.energyBeside] as const;
const UTILIZATION = [COLUMNS.firstUtilization, COLUMNS.utilization, COLUMNS.utilizationBeside] as const;

function codeDevice(
  coder: NumberCoder,
  shape: WindowShape['devices'][number],
  given: LedgerDevice | undefined,
  before: DeviceBefore,
  beside: Beside,
): LedgerDevice {
  const { last } = before.energy;
  const energyMillijoules = codeTogether(
    coder,
    before.energy,
    beside.energy,
    ENERGY,
    given?.energyMillijoules ?? 0,
  );
  const meteredMilliseconds = shape.isFullyMetered
    ? WINDOW_MS
    : coder.unsigned(COLUMNS.metered, given?.meteredMilliseconds ?? 0);
  const recoveredMillijoules = shape.hasRecovered
    ? coder.unsigned(COLUMNS.recovered, given?.recoveredMillijoules ?? 0)
    : 0;
  let integratedMillijoules: number | null = null;
  if (shape.hasIntegrated) {
    const excess = before.excess;
    // Mostly a share of the energy.
    const scaled = last === 0 ? excess.last : (excess.last * energyMillijoules) / last;
    const actual = (given?.integratedMillijoules ?? 0) - energyMillijoules;
    integratedMillijoules =
      energyMillijoules +
      codeGuessed(
        coder,
        excess,
        [excess.last, excess.mean, scaled],
        COLUMNS.firstExcess,
        COLUMNS.excess,
        actual,
      );
  }
  let utilizationRatio: number | null = null;
  if (shape.hasUtilization) {
    const actual = Math.round((given?.utilizationRatio ?? 0) * UTILIZATION_STEPS);
    utilizationRatio =
      codeTogether(coder, before.utilization, beside.utilization, UTILIZATION, actual) / UTILIZATION_STEPS;
  }
  const idleMillijoules =
    shape.idle === 'given' ? coder.unsigned(COLUMNS.idle, given?.idleMillijoules ?? 0) : 0;
  if (given !== undefined) return given;
  return {
    deviceIndex: shape.deviceIndex,
    kind: shape.kind,
    energyMillijoules,
    meteredMilliseconds,
    recoveredMillijoules,
    integratedMillijoules,
    utilizationRatio,
    idleMillijoules,
  };
}

/**
 * One way for both: the contents that are given are written, or those that are read are made.
 * @param given null where they are read
 * @throws RangeError where the bytes are damaged
 */
export function codeContents(
  coder: NumberCoder,
  { devices: deviceShapes, shares }: WindowShape,
  given: Contents | null,
  before: WindowsBefore,
): Contents {
  const beside = { energy: new Together(), utilization: new Together() };
  const metered = deviceShapes.map((shape, i) =>
    codeDevice(coder, shape, given?.devices[i], before.device(shape.deviceIndex), beside),
  );
  const byIndex = new Map(metered.map((device) => [device.deviceIndex, device]));
  const jobShares = shares.map((shape, place): LedgerJobShare => {
    const device = byIndex.get(shape.deviceIndex);
    if (device === undefined && (shape.hasAllEnergy || shape.hasAllTime))
      throw new RangeError('the encoded hour has a share of all of a device that it does not have');
    const share = given?.jobShares[place];
    const was = before.share(place);
    const all = device?.energyMillijoules ?? 0;
    const energyMillijoules = shape.hasAllEnergy
      ? all
      : was === undefined
        ? coder.signed(COLUMNS.firstShare, 0, share?.energyMillijoules ?? 0)
        : coder.signed(COLUMNS.share, Math.round(was.ratio * all), share?.energyMillijoules ?? 0);
    const allocatedMilliseconds = shape.hasAllTime
      ? device!.meteredMilliseconds
      : coder.signed(COLUMNS.allocated, was?.allocatedMilliseconds ?? 0, share?.allocatedMilliseconds ?? 0);
    before.keepShare(place, { ratio: all === 0 ? 0 : energyMillijoules / all, allocatedMilliseconds });
    if (share !== undefined) return share;
    return {
      jobNumber: shape.jobNumber,
      deviceIndex: shape.deviceIndex,
      energyMillijoules,
      allocatedMilliseconds,
      ...(shape.attribution === 'allocation' ? {} : { attribution: shape.attribution }),
    };
  });
  if (given !== null) return given;
  const devices = metered.map((device, i) =>
    deviceShapes[i]!.idle === 'rest' ? { ...device, idleMillijoules: restOf(device, jobShares) } : device,
  );
  return { devices, jobShares };
}
