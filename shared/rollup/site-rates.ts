/** What each window's energy is charged with at one site; neighbours that are charged alike are charged together. */
import { type Charging, chargeWindow } from '../emissions/charge-window.ts';
import type { Cell } from '../emissions/figures.ts';
import type { ContractShare } from '../emissions/supply.ts';
import type { IntensityPoint } from '../grid/intensity.ts';
import type { Place } from '../settings/place.ts';
import { WINDOW_MS } from '../time/window.ts';
import type { RolledWindow } from './hour-sums.ts';

/** One object while nothing of it changes. */
export interface Rate {
  readonly place: Place;
  readonly charging: Charging;
}

/** Slots that follow each other, charged alike. */
export interface Run {
  readonly firstSlot: number;
  readonly endSlot: number;
  readonly startMs: number;
  readonly rate: Rate;
}

/** What an answer tells of a value: its neighbour is charged alike where all of it is the same. */
const TOLD = ['gramsPerKwh', 'kind', 'provider', 'scope', 'fetchedAtMs'] as const;

/** Windows, and hours or days, of which rates are kept, for each site: what lies together is read together. */
const MOST_WINDOWS = 4_000;
const MOST_RUNS = 1_500;

export class SiteRates {
  readonly #placeAt: (instantMs: number) => Place;
  readonly #charging: Charging;
  readonly #byWindow = new Map<number, Rate>();
  readonly #runs = new Map<number, readonly Run[]>();
  #last: {
    readonly rate: Rate;
    readonly point: IntensityPoint | null;
    readonly contracts: ContractShare | null;
  } | null = null;

  constructor(placeAt: (instantMs: number) => Place, charging: Charging) {
    this.#placeAt = placeAt;
    this.#charging = charging;
  }

  at(windowStartMs: number): Rate {
    const known = this.#byWindow.get(windowStartMs);
    if (known !== undefined) return known;
    const place = this.#placeAt(windowStartMs);
    const { intensityOf, supply } = this.#charging;
    const { siteId, gridZone } = place;
    const point = gridZone === null ? null : intensityOf(gridZone)(windowStartMs);
    const contracts = supply === null ? null : supply.shareAt(siteId, gridZone, windowStartMs);
    const last = this.#last;
    const isSame =
      last !== null &&
      last.rate.place === place &&
      last.contracts === contracts &&
      TOLD.every((property) => last.point?.[property] === point?.[property]);
    const rate = isSame ? last.rate : rateOf(place, point, contracts);
    this.#last = { rate, point, contracts };
    // A range is read in order of time: what is behind it is not asked for again, or is worked out once more.
    if (this.#byWindow.size >= MOST_WINDOWS) this.#byWindow.clear();
    this.#byWindow.set(windowStartMs, rate);
    return rate;
  }

  /** Each slot is charged as its first window is; worked out once for all nodes of the site. */
  runs(startMs: number, slotMs: number, slots: number): readonly Run[] {
    // Starts are whole windows, and slots fewer than their milliseconds.
    const key = startMs + slots;
    const known = this.#runs.get(key);
    if (known !== undefined) return known;
    const runs: { firstSlot: number; endSlot: number; startMs: number; rate: Rate }[] = [];
    for (let slot = 0; slot < slots; slot++) {
      const rate = this.at(startMs + slot * slotMs);
      const last = runs.at(-1);
      if (last?.rate === rate) last.endSlot = slot + 1;
      else runs.push({ firstSlot: slot, endSlot: slot + 1, startMs: startMs + slot * slotMs, rate });
    }
    if (this.#runs.size >= MOST_RUNS) this.#runs.clear();
    this.#runs.set(key, runs);
    return runs;
  }

  /** Whether all windows of `[fromMs, toMs)` are charged alike. */
  isOne(fromMs: number, toMs: number): boolean {
    const rate = this.at(fromMs);
    for (let startMs = fromMs + WINDOW_MS; startMs < toMs; startMs += WINDOW_MS)
      if (this.at(startMs) !== rate) return false;
    return true;
  }
}

const rateOf = (place: Place, point: IntensityPoint | null, contracts: ContractShare | null): Rate => ({
  place,
  charging: {
    intensityOf: () => () => point,
    supply: contracts && { shareAt: () => contracts },
  },
});

/**
 * Charges slots of time run by run.
 * @param sumOf what was booked in these slots; null: nothing
 * @param exclude told of energy that no intensity is known for
 */
export function chargeRuns(
  cell: Cell,
  runs: readonly Run[],
  sumOf: (firstSlot: number, endSlot: number) => Readonly<RolledWindow> | null,
  exclude: (place: Place, millijoules: number) => void,
): void {
  for (const { firstSlot, endSlot, startMs, rate } of runs) {
    const sum = sumOf(firstSlot, endSlot);
    if (sum === null) continue;
    const { place, charging } = rate;
    const uncharged = chargeWindow(cell, place, startMs, sum, sum.componentsOnly, charging);
    if (uncharged > 0) exclude(place, uncharged);
  }
}
