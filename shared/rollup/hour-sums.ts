/**
 * One hour of many nodes at one site and with one GPU model: energies, times and hardware, never grams of electricity. All
 * that the join does to a window is linear in its energy, so a reader charges these sums at the intensity, PUE, water,
 * overheads and contracts that are known when it is asked, and what is revised restates by itself.
 */
import { Cell } from '../emissions/figures.ts';
import { NumberSet } from '../number-set.ts';
import { WINDOWS_PER_HOUR } from '../time/window.ts';

/** Millijoules of one window. */
export interface RolledWindow {
  all: number;
  idle: number;
  jobs: number;
  lowUtilization: number;
  /** Of `all`: of nodes whose own meter did not see the window. */
  componentsOnly: number;
}

/** What is summed of the figures: integers by name, integers in tables, and sums of fractions. */
export const COUNTS = [
  'energyMillijoules',
  'idleMillijoules',
  'jobMillijoules',
  'recoveredMillijoules',
  'lowUtilizationMillijoules',
  'gpuMilliseconds',
  'utilizationKnownMilliseconds',
  'expectedMilliseconds',
  'coveredMilliseconds',
] as const;
export const TABLES = [
  'byKind',
  'byDeviceType',
  'byAttribution',
  'gapMilliseconds',
  'meteredMilliseconds',
] as const;
export const FRACTIONS = [
  'utilizedMilliseconds',
  'embodiedGrams',
  'embodiedGramsLow',
  'embodiedGramsHigh',
] as const;

/** Integers stay below 2^53: that is 10,000 nodes of 10 kW for ten days, and this is one hour. */
export class HourSums {
  /** Null: nothing was booked. */
  readonly windows: (RolledWindow | null)[] = Array.from({ length: WINDOWS_PER_HOUR }, () => null);
  /** Of `COUNTS`, `TABLES` and `FRACTIONS`; nothing is charged in it. */
  readonly figures = new Cell();
  readonly expected: NumberSet;
  readonly reporting: NumberSet;
  /** By `gpuNumber`. */
  readonly gpus: NumberSet;

  constructor(expected = new NumberSet(), reporting = new NumberSet(), gpus = new NumberSet()) {
    this.expected = expected;
    this.reporting = reporting;
    this.gpus = gpus;
  }

  addWindow(index: number, window: Readonly<RolledWindow>): void {
    const own = this.windows[index];
    if (own) addWindow(own, window);
    else this.windows[index] = { ...window };
  }

  /** What was booked in these windows; null: nothing. */
  sumOf(first: number, end: number): RolledWindow | null {
    let sum: RolledWindow | null = null;
    for (let index = first; index < end; index++) {
      const window = this.windows[index]!;
      if (window === null) continue;
      if (sum === null) sum = { ...window };
      else addWindow(sum, window);
    }
    return sum;
  }

  addFigures(figures: Cell): void {
    for (const name of COUNTS) this.figures[name] += figures[name];
    for (const name of FRACTIONS) this.figures[name] += figures[name];
    for (const name of TABLES) {
      const sums: Record<string, number> = this.figures[name];
      for (const [key, count] of Object.entries(figures[name])) sums[key]! += count;
    }
  }

  add(other: HourSums): void {
    other.windows.forEach((window, index) => {
      if (window !== null) this.addWindow(index, window);
    });
    this.addFigures(other.figures);
    this.expected.addAll(other.expected);
    this.reporting.addAll(other.reporting);
    this.gpus.addAll(other.gpus);
  }
}

/** Field by field: it is done for each owner of each window. */
function addWindow(
  sum: RolledWindow,
  { all, idle, jobs, lowUtilization, componentsOnly }: RolledWindow,
): void {
  sum.all += all;
  sum.idle += idle;
  sum.jobs += jobs;
  sum.lowUtilization += lowUtilization;
  sum.componentsOnly += componentsOnly;
}
