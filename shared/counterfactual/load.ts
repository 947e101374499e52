/** What somebody drew, window by window: the block that a counterfactual moves. */

import { WINDOW_MS } from '../time/window.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import type { EnergyKind } from '../wire/ingest.ts';

/** The windows with energy in one grid zone; the three arrays run in parallel. */
export interface LoadPart {
  /** Null where no zone is set for the site. */
  readonly gridZone: string | null;
  /** Windows since the start of the load, ascending. */
  readonly offsets: Int32Array;
  /** IT energy: whole numbers below 2^53. */
  readonly millijoules: Float64Array;
  /** The same x the PUE of where it ran. */
  readonly facilityKwh: Float64Array;
}

/** All nodes together; several parts where they stood in several zones. */
export interface Load {
  readonly startMs: number;
  /** From the first window to the last; between them there may be windows without energy. */
  readonly windowCount: number;
  readonly parts: readonly LoadPart[];
}

interface WindowEnergy {
  millijoules: number;
  facilityKwh: number;
}

/** A load while its windows are found, in any order. */
export class LoadBook {
  startMs = Number.POSITIVE_INFINITY;
  endMs = Number.NEGATIVE_INFINITY;
  energyMillijoules = 0n;
  recoveredMillijoules = 0n;
  readonly byKind: Record<EnergyKind, bigint> = { counter: 0n, integrated: 0n, modelled: 0n, simulated: 0n };
  readonly #zones = new Map<string | null, Map<number, WindowEnergy>>();

  /** @param energy whole millijoules, as metered; zero still says that the load was there */
  add(
    windowStartMs: number,
    energy: {
      readonly energyMillijoules: number;
      readonly recoveredMillijoules: number;
      readonly kind: EnergyKind;
    },
    place: { readonly gridZone: string | null; readonly pueRatio: number },
  ): void {
    this.startMs = Math.min(this.startMs, windowStartMs);
    this.endMs = Math.max(this.endMs, windowStartMs + WINDOW_MS);
    const { energyMillijoules, recoveredMillijoules, kind } = energy;
    if (energyMillijoules === 0) return;
    this.energyMillijoules += BigInt(energyMillijoules);
    this.recoveredMillijoules += BigInt(recoveredMillijoules);
    this.byKind[kind] += BigInt(energyMillijoules);
    const zone = this.#zones.get(place.gridZone) ?? new Map<number, WindowEnergy>();
    this.#zones.set(place.gridZone, zone);
    const window = zone.get(windowStartMs) ?? { millijoules: 0, facilityKwh: 0 };
    zone.set(windowStartMs, window);
    window.millijoules += energyMillijoules;
    window.facilityKwh += (energyMillijoules * place.pueRatio) / MILLIJOULES_PER_KWH;
  }

  get gridZones(): Iterable<string | null> {
    return this.#zones.keys();
  }

  toLoad(): Load {
    const { startMs, endMs } = this;
    return {
      startMs,
      windowCount: Math.max(0, (endMs - startMs) / WINDOW_MS),
      parts: [...this.#zones].map(([gridZone, windows]) => {
        const inOrder = [...windows].sort(([a], [b]) => a - b);
        return {
          gridZone,
          offsets: Int32Array.from(inOrder, ([windowStartMs]) => (windowStartMs - startMs) / WINDOW_MS),
          millijoules: Float64Array.from(inOrder, ([, { millijoules }]) => millijoules),
          facilityKwh: Float64Array.from(inOrder, ([, { facilityKwh }]) => facilityKwh),
        };
      }),
    };
  }
}
