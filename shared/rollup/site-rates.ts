/** What each window's energy is charged with at one site; neighbours that are charged alike are charged together. */
import { type Charging, chargeWindow } from '../emissions/charge-window.ts';
import type { Cell } from '../emissions/figures.ts';
import type { IntensityResolver } from '../grid/resolve.ts';
import type { Place } from '../settings/place.ts';
import { WINDOW_MS } from '../time/window.ts';
import { type RolledWindow, WINDOW_FIELDS } from './hour-sums.ts';

/** One object while nothing of it changes. */
export interface Rate {
  readonly place: Place;
  readonly charging: Charging;
}

export class SiteRates {
  readonly #placeAt: (instantMs: number) => Place;
  readonly #intensityOf: (gridZone: string) => IntensityResolver;
  readonly #byWindow = new Map<number, Rate>();
  #last: { readonly rate: Rate; readonly point: ReturnType<IntensityResolver> } | null = null;

  constructor(placeAt: (instantMs: number) => Place, intensityOf: (gridZone: string) => IntensityResolver) {
    this.#placeAt = placeAt;
    this.#intensityOf = intensityOf;
  }

  at(windowStartMs: number): Rate {
    const known = this.#byWindow.get(windowStartMs);
    if (known !== undefined) return known;
    const place = this.#placeAt(windowStartMs);
    const point = place.gridZone === null ? null : this.#intensityOf(place.gridZone)(windowStartMs);
    const last = this.#last;
    const isSame =
      last !== null &&
      last.rate.place === place &&
      last.point?.gramsPerKwh === point?.gramsPerKwh &&
      last.point?.kind === point?.kind;
    const rate = isSame ? last.rate : { place, charging: { intensityOf: () => () => point, supply: null } };
    this.#last = { rate, point };
    this.#byWindow.set(windowStartMs, rate);
    return rate;
  }

  /** Whether all windows of `[fromMs, toMs)` are charged alike. */
  isOne(fromMs: number, toMs: number): boolean {
    const rate = this.at(fromMs);
    for (let startMs = fromMs + WINDOW_MS; startMs < toMs; startMs += WINDOW_MS)
      if (this.at(startMs) !== rate) return false;
    return true;
  }
}

const nothing = (): RolledWindow => ({ all: 0, idle: 0, jobs: 0, lowUtilization: 0, componentsOnly: 0 });

/**
 * Charges slots of time that follow each other, each of one rate.
 * @param slots null: nothing was booked
 * @param exclude told of energy that no intensity is known for
 */
export function chargeSlots(
  cell: Cell,
  rates: SiteRates,
  startMs: number,
  slotMs: number,
  slots: Iterable<Readonly<RolledWindow> | null>,
  exclude: (place: Place, millijoules: number) => void,
): void {
  let rate: Rate | null = null;
  let sum = nothing();
  const charge = () => {
    if (rate === null) return;
    const { place, charging } = rate;
    const uncharged = chargeWindow(
      cell,
      place,
      startMs,
      { ...sum, begun: true },
      sum.componentsOnly,
      charging,
    );
    if (uncharged > 0) exclude(place, uncharged);
    sum = nothing();
  };
  let slotStartMs = startMs;
  for (const slot of slots) {
    if (slot !== null) {
      const own = rates.at(slotStartMs);
      if (own !== rate) charge();
      rate = own;
      for (const field of WINDOW_FIELDS) sum[field] += slot[field];
    }
    slotStartMs += slotMs;
  }
  charge();
}
