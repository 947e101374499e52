/**
 * What gaps of a fleet would have used, by the mean power of the same type of device in the group over all hours: which device
 * was silent is not known any more. Hours pass by one by one; the means are known once all of them have.
 */
import { Cell } from '../emissions/figures.ts';
import type { EmissionsJoin, RolledHour } from '../emissions/join.ts';
import { WHOLE } from '../emissions/owners.ts';
import { NumberSet } from '../number-set.ts';
import type { Place } from '../settings/place.ts';
import { MeanWatts } from './owner-join.ts';
import { GAP, noValues, valuesOf } from './owner-sums.ts';

/** Of one group at one place in one step. */
interface Gap {
  readonly group: string;
  readonly gpuModel: string | null;
  readonly place: Place;
  readonly step: number;
  readonly values: number[];
}

const NONE = new NumberSet();

export class GapEstimates {
  readonly #join: EmissionsJoin;
  readonly #watts = new Map<string, MeanWatts>();
  readonly #placeIds = new Map<Place, number>();
  readonly #gaps = new Map<string, Gap>();

  constructor(join: EmissionsJoin) {
    this.#join = join;
  }

  /** @param isAsked whether its gaps are: its power says what others of its group would have used */
  note({ startMs, gpuModel, placeAt, sums }: RolledHour, isAsked: boolean): void {
    const values = valuesOf(sums.figures);
    const place = placeAt(startMs);
    const group = JSON.stringify([place.siteId, gpuModel]);
    const watts = this.#watts.get(group) ?? new MeanWatts();
    this.#watts.set(group, watts);
    watts.add(values);
    if (!isAsked || values.slice(GAP.first, GAP.end).every((milliseconds) => milliseconds === 0)) return;
    const own = this.#gapOf({ group, gpuModel, place, step: this.#join.stepAt(startMs) });
    for (let i = GAP.first; i < GAP.end; i++) own.values[i]! += values[i]!;
  }

  /** Adds the estimates to the join. */
  finish(): void {
    for (const { group, gpuModel, place, step, values } of this.#gaps.values()) {
      const figures = new Cell();
      figures.missingMillijoulesEstimate = this.#watts.get(group)!.missing(values);
      const nobody = { expected: NONE, reporting: NONE, gpus: NONE };
      this.#join.addNodes(step, { place, gpuModel, owner: WHOLE, figures, ...nobody });
    }
  }

  #gapOf(of: Omit<Gap, 'values'>): Gap {
    const placeId = this.#placeIds.get(of.place) ?? this.#placeIds.size;
    this.#placeIds.set(of.place, placeId);
    const key = `${of.group} ${of.step} ${placeId}`;
    const gap = this.#gaps.get(key) ?? { ...of, values: noValues() };
    this.#gaps.set(key, gap);
    return gap;
  }
}
