/**
 * What one owner had of one node at one site: in an hour with its twelve windows, or in a day with its quarters of an hour.
 * Energies and times only, like `HourSums`, but node by node and job by job, so that whatever is asked of nodes, labels and
 * jobs is answered from them.
 */
import type { Cell } from '../emissions/figures.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../time/window.ts';
import { DEVICE_TYPES, ENERGY_KINDS, JOB_ATTRIBUTIONS } from '../wire/ingest.ts';

/** Intensities come by quarters of an hour or longer; where they change within one, the day is read hour by hour. */
export const QUARTER_MS = 3 * WINDOW_MS;
export const QUARTERS_PER_HOUR = HOUR_MS / QUARTER_MS;
export const QUARTERS_PER_DAY = DAY_MS / QUARTER_MS;

/** The node itself: time and hardware that its owners share; its energy is the sum of theirs. */
export const NODE = 0;
export const IDLE_OWNER = 1;
export const UNATTRIBUTED_OWNER = 2;
const FIRST_JOB = 3;
export const jobOwner = (jobNumber: number): number => FIRST_JOB + jobNumber;
/** Null: no job. */
export const jobOfOwner = (owner: number): number | null => (owner < FIRST_JOB ? null : owner - FIRST_JOB);

const SINGLE = [
  'recoveredMillijoules',
  'utilizationKnownMilliseconds',
  'expectedMilliseconds',
  'coveredMilliseconds',
] as const;
const KEYS = {
  gapMilliseconds: DEVICE_TYPES,
  meteredMilliseconds: DEVICE_TYPES,
  byKind: ENERGY_KINDS,
  byDeviceType: DEVICE_TYPES,
  byAttribution: JOB_ATTRIBUTIONS,
} as const;
/** Sums of fractions; all before them are integers. */
const FRACTIONS = ['utilizedMilliseconds', 'embodiedGrams', 'embodiedGramsLow', 'embodiedGramsHigh'] as const;
type Table = keyof typeof KEYS;
const TABLES = Object.keys(KEYS) as Table[];

interface Span {
  readonly first: number;
  readonly end: number;
}
const SPANS = {} as Record<Table, Span>;
let next: number = SINGLE.length;
for (const table of TABLES) {
  SPANS[table] = { first: next, end: next + KEYS[table].length };
  next += KEYS[table].length;
}
const FIRST_FRACTION = next;
export const VALUES = FIRST_FRACTION + FRACTIONS.length;
export const isFraction = (index: number): boolean => index >= FIRST_FRACTION;
/** Tables whose entries sum to the energy, mostly: written as what the entries before them leave of it. */
export const ENERGY_TABLES: readonly Span[] = [SPANS.byKind, SPANS.byDeviceType, SPANS.byAttribution];

const indexOf = (name: (typeof SINGLE)[number]) => SINGLE.indexOf(name);
/** Of the node, not of its owners together: what they leave of it is nobody's. All else the owners sum to. */
export const SHARED_VALUES: readonly number[] = [
  indexOf('expectedMilliseconds'),
  indexOf('coveredMilliseconds'),
  ...DEVICE_TYPES.map((_, i) => SPANS.gapMilliseconds.first + i),
  ...FRACTIONS.flatMap((name, i) => (name === 'utilizedMilliseconds' ? [] : [FIRST_FRACTION + i])),
];
const IS_SHARED = Array.from({ length: VALUES }, (_, i) => SHARED_VALUES.includes(i));
export const RECOVERED = indexOf('recoveredMillijoules');
export const EXPECTED = indexOf('expectedMilliseconds');
/** What hardware accrues, whether anything was metered or not. */
export const isHardware = (index: number): boolean => isFraction(index) && IS_SHARED[index]!;
export const GAP = SPANS.gapMilliseconds;
export const METERED = SPANS.meteredMilliseconds;
export const ENERGY_BY_TYPE = SPANS.byDeviceType;

/** Millijoules by slot: windows of an hour or quarters of a day. */
export interface SlotEnergies {
  /** -1: nothing was booked; then the others say nothing. */
  readonly all: readonly number[];
  readonly lowUtilization: readonly number[];
  /** Of `all`: where no meter of the whole node saw it. */
  readonly componentsOnly: readonly number[];
}

/** Arrays of doubles to copy: a typed array of this size costs many times as much to make, and there are millions. */
const doubles = (length: number, value: number): readonly number[] => {
  const made = Array.from({ length }, () => 0.5);
  return made.fill(value);
};
const NO_VALUES = doubles(VALUES, 0);
const NOTHING_BOOKED = new Map<number, readonly number[]>();
const NO_ENERGY = new Map<number, readonly number[]>();
for (const slots of [WINDOWS_PER_HOUR, QUARTERS_PER_DAY]) {
  NOTHING_BOOKED.set(slots, doubles(slots, -1));
  NO_ENERGY.set(slots, doubles(slots, 0));
}
export const noValues = (): number[] => NO_VALUES.slice();
export const nothingBooked = (slots: number): number[] => NOTHING_BOOKED.get(slots)!.slice();
export const noEnergy = (slots: number): number[] => NO_ENERGY.get(slots)!.slice();

export class OwnerSums {
  /** In the order of the names above: `VALUES` of them. */
  readonly values: number[];
  /** Device indexes of the GPUs that it was metered on or had, ascending. */
  gpus: readonly number[] = [];
  inFleet = false;
  reporting = false;
  readonly #slots: number;
  #all: number[];
  /** Null: nowhere any. */
  #lowUtilization: number[] | null = null;
  #componentsOnly: number[] | null = null;

  /**
   * @param slots of an hour or of a day
   * @param values that it takes as its own
   */
  constructor(slots: number, values = noValues()) {
    this.#slots = slots;
    this.values = values;
    this.#all = nothingBooked(slots);
  }

  get energies(): SlotEnergies {
    const none = NO_ENERGY.get(this.#slots)!;
    return {
      all: this.#all,
      lowUtilization: this.#lowUtilization ?? none,
      componentsOnly: this.#componentsOnly ?? none,
    };
  }

  get energyMillijoules(): number {
    let sum = 0;
    for (const all of this.#all) if (all > 0) sum += all;
    return sum;
  }

  addEnergies(slot: number, all: number, lowUtilization: number, componentsOnly: number): void {
    this.#all[slot] = Math.max(0, this.#all[slot]!) + all;
    if (lowUtilization > 0) {
      this.#lowUtilization ??= noEnergy(this.#slots);
      this.#lowUtilization[slot]! += lowUtilization;
    }
    if (componentsOnly > 0) {
      this.#componentsOnly ??= noEnergy(this.#slots);
      this.#componentsOnly[slot]! += componentsOnly;
    }
  }

  /** Takes arrays as they were read; they are not added to. */
  setEnergies(all: number[], lowUtilization: number[] | null, componentsOnly: number[] | null): void {
    this.#all = all;
    this.#lowUtilization = lowUtilization;
    this.#componentsOnly = componentsOnly;
  }

  /** Adds all but the energies. */
  addSums({ values, gpus, inFleet, reporting }: OwnerSums): void {
    for (let i = 0; i < VALUES; i++) this.values[i]! += values[i]!;
    if (gpus.some((index) => !this.gpus.includes(index)))
      this.gpus = [...new Set([...this.gpus, ...gpus])].sort((a, b) => a - b);
    this.inFleet ||= inFleet;
    this.reporting ||= reporting;
  }

  /** Nothing but that it was there. */
  get isEmpty(): boolean {
    return this.#all.every((all) => all <= 0) && this.values.every((value) => value === 0);
  }
}

/** Adds what owners sum to. */
export function addOwned(sums: number[], values: readonly number[]): void {
  for (let i = 0; i < VALUES; i++) if (!IS_SHARED[i]) sums[i]! += values[i]!;
}

/** Adds what the node has and its owners share. */
export function addShared(sums: number[], values: readonly number[]): void {
  for (const i of SHARED_VALUES) sums[i]! += values[i]!;
}

/** What a cell holds, in the order of the values. */
export function valuesOf(cell: Cell): number[] {
  const values = noValues();
  SINGLE.forEach((name, i) => {
    values[i] = cell[name];
  });
  for (const table of TABLES) {
    const counts = cell[table] as Record<string, number>;
    KEYS[table].forEach((key, i) => {
      values[SPANS[table].first + i] = counts[key]!;
    });
  }
  FRACTIONS.forEach((name, i) => {
    values[FIRST_FRACTION + i] = cell[name];
  });
  return values;
}

export function setValues(cell: Cell, values: readonly number[]): void {
  SINGLE.forEach((name, i) => {
    cell[name] = values[i]!;
  });
  for (const table of TABLES) {
    const counts = cell[table] as Record<string, number>;
    KEYS[table].forEach((key, i) => {
      counts[key] = values[SPANS[table].first + i]!;
    });
  }
  FRACTIONS.forEach((name, i) => {
    cell[name] = values[FIRST_FRACTION + i]!;
  });
  cell.gpuMilliseconds = cell.meteredMilliseconds.gpu;
}

/** One record: an owner of a node at a site, with nodes of its GPU model. */
export interface OwnerKey {
  readonly nodeNumber: number;
  /** Number of the group of site and GPU model. */
  readonly group: number;
  readonly owner: number;
}

/** Hours by hour of the day. */
export interface OwnerDay extends OwnerKey {
  readonly hours: Map<number, OwnerSums>;
}

/** The day that its hours come to; in order of time, so that the same hours come to the same fractions. */
export function dayOfHours(hours: ReadonlyMap<number, OwnerSums>): OwnerSums {
  const day = new OwnerSums(QUARTERS_PER_DAY);
  for (const [hour, sums] of [...hours].sort(([a], [b]) => a - b)) {
    const { all, lowUtilization, componentsOnly } = sums.energies;
    day.addSums(sums);
    for (let window = 0; window < all.length; window++) {
      if (all[window]! < 0) continue;
      const quarter = hour * QUARTERS_PER_HOUR + Math.floor((window * WINDOW_MS) / QUARTER_MS);
      day.addEnergies(quarter, all[window]!, lowUtilization[window]!, componentsOnly[window]!);
    }
  }
  return day;
}
