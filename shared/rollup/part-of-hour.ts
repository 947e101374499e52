/**
 * A part of an hour of many nodes, where a range begins or ends within it. Energies are kept by window, so they and all that is
 * charged by them are exact. What is only kept by hour is counted by the part's share: hardware of the clock, time that was due
 * of the windows, time that was metered of the windows that have anything, kinds of energy of the energy.
 */
import { NumberSet } from '../number-set.ts';
import { splitInteger } from '../split.ts';
import { WINDOWS_PER_HOUR } from '../time/window.ts';
import { HourSums } from './hour-sums.ts';
import { type LabelKind, LabelSums } from './label-sums.ts';
import {
  ENERGY_TABLES,
  EXPECTED,
  GAP,
  isFraction,
  isHardware,
  METERED,
  noEnergy,
  nothingBooked,
  OwnerSums,
  RECOVERED,
  setValues,
  valuesOf,
} from './owner-sums.ts';

export interface PartOfHour {
  readonly firstWindow: number;
  readonly endWindow: number;
  /** Of the time that the hour was summed for, 0..1: by the clock. */
  readonly timeRatio: number;
  /** Likewise of its windows, which count where they start: what was due to be metered. */
  readonly dueRatio: number;
}

/** GPUs are those of the hour, and so are nodes, but that none reported where nothing was booked. */
export function partOfSums(hour: HourSums, part: PartOfHour): HourSums {
  const isBooked = hour.windows.map((window) => window !== null);
  const sums = new HourSums(hour.expected, reportingIn(hour.reporting, isBooked, part), hour.gpus);
  for (let index = part.firstWindow; index < part.endWindow; index++) {
    const window = hour.windows[index]!;
    if (window !== null) sums.addWindow(index, window);
  }
  const { all, idle, jobs, lowUtilization } = sums.sumOf(0, WINDOWS_PER_HOUR) ?? NOTHING;
  const ratios = { time: part.timeRatio, due: part.dueRatio, booked: bookedRatio(isBooked, part) };
  const { figures } = sums;
  setValues(figures, partOfValues(valuesOf(hour.figures), ratios, all, jobs));
  figures.energyMillijoules = all;
  figures.idleMillijoules = idle;
  figures.jobMillijoules = jobs;
  figures.lowUtilizationMillijoules = lowUtilization;
  return sums;
}

const NOTHING = { all: 0, idle: 0, jobs: 0, lowUtilization: 0 };

/** By window, whether a label has anything of the hour. */
export const bookedWindows = ({ sums }: LabelSums): boolean[] =>
  sums.energies.all.map((energy) => energy >= 0);

/**
 * Null: an owner that had nothing in the part.
 * @param ofNodes by window, whether any label has anything: what nodes themselves are metered by
 */
export function partOfLabel(
  label: LabelSums,
  part: PartOfHour,
  kind: LabelKind,
  ofNodes: readonly boolean[],
): LabelSums | null {
  const { sums, present, reporting, gpus } = label;
  const isWithin = (slot: number) => slot >= part.firstWindow && slot < part.endWindow;
  const cut = (energies: readonly number[], none: number[]) =>
    none.map((nothing, slot) => (isWithin(slot) ? energies[slot]! : nothing));
  const isBooked = kind === 'nodes' ? ofNodes : bookedWindows(label);
  if ((kind === 'job' || kind === 'idle') && !isBookedIn(isBooked, part)) return null;
  const all = cut(sums.energies.all, nothingBooked(WINDOWS_PER_HOUR));
  const energy = all.reduce((sum, each) => sum + Math.max(0, each), 0);
  const booked = bookedRatio(isBooked, part);
  // What an owner has of time and hardware it has while it has energy.
  const ratios =
    kind === 'nodes'
      ? { time: part.timeRatio, due: part.dueRatio, booked }
      : { time: booked, due: booked, booked };
  const values = partOfValues(sums.values, ratios, energy, kind === 'job' ? energy : 0);
  const ofPart = new OwnerSums(WINDOWS_PER_HOUR, values);
  ofPart.setEnergies(
    all,
    cut(sums.energies.lowUtilization, noEnergy(WINDOWS_PER_HOUR)),
    cut(sums.energies.componentsOnly, noEnergy(WINDOWS_PER_HOUR)),
  );
  return new LabelSums(ofPart, present, reportingIn(reporting, isBooked, part), gpus);
}

const isBookedIn = (isBooked: readonly boolean[], { firstWindow, endWindow }: PartOfHour): boolean =>
  isBooked.slice(firstWindow, endWindow).some((booked) => booked);

const reportingIn = (reporting: NumberSet, isBooked: readonly boolean[], part: PartOfHour): NumberSet =>
  isBookedIn(isBooked, part) ? reporting : new NumberSet();

/** Of the windows of the hour that have anything; where none has, of those that were due. */
function bookedRatio(isBooked: readonly boolean[], { firstWindow, endWindow, dueRatio }: PartOfHour): number {
  const inHour = isBooked.filter((booked) => booked).length;
  if (inHour === 0) return dueRatio;
  return isBooked.slice(firstWindow, endWindow).filter((booked) => booked).length / inHour;
}

/** @returns the values of the part, integers where those of the hour are */
function partOfValues(
  hour: readonly number[],
  ratios: { readonly time: number; readonly due: number; readonly booked: number },
  energyMillijoules: number,
  jobMillijoules: number,
): number[] {
  const whole = (i: number, value: number) => (isFraction(i) ? value : Math.round(value));
  const ratioOf = (i: number) => (isHardware(i) ? ratios.time : i === EXPECTED ? ratios.due : ratios.booked);
  const values = hour.map((value, i) => whole(i, value * ratioOf(i)));
  for (let type = 0; type < GAP.end - GAP.first; type++) {
    const gap = hour[GAP.first + type]!;
    const metered = hour[METERED.first + type]!;
    const due = (gap + metered) * ratios.due - metered * ratios.booked;
    values[GAP.first + type] = gap === 0 ? 0 : Math.max(0, Math.round(due));
  }
  const [kinds, types, attributions] = ENERGY_TABLES;
  const ofHour = hour.slice(kinds!.first, kinds!.end).reduce((sum, each) => sum + each, 0);
  values[RECOVERED] = ofHour === 0 ? 0 : Math.round((hour[RECOVERED]! * energyMillijoules) / ofHour);
  for (const [table, energy] of [
    [kinds!, energyMillijoules],
    [types!, energyMillijoules],
    [attributions!, jobMillijoules],
  ] as const) {
    const weights = hour.slice(table.first, table.end);
    const shares = weights.some((weight) => weight > 0) ? splitInteger(energy, weights) : weights;
    for (let i = 0; i < shares.length; i++) values[table.first + i] = shares[i]!;
  }
  return values;
}
