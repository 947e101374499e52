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
import { GAP, valuesOf } from './owner-sums.ts';

/** Of one group at one place in one step. */
interface Gap {
  readonly group: string;
  readonly gpuModel: string | null;
  readonly place: Place;
  readonly step: number;
  /** Milliseconds by type of device. */
  readonly milliseconds: number[];
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
    for (let i = 0; i < own.milliseconds.length; i++) own.milliseconds[i]! += values[GAP.first + i]!;
  }

  /** Adds the estimates to the join. */
  finish(): void {
    for (const { group, gpuModel, place, step, milliseconds } of this.#gaps.values()) {
      const figures = new Cell();
      figures.missingMillijoulesEstimate = this.#watts.get(group)!.missingIn(milliseconds);
      const nobody = { expected: NONE, reporting: NONE, gpus: NONE };
      this.#join.addNodes(step, { place, gpuModel, owner: WHOLE, figures, ...nobody });
    }
  }

  #gapOf(of: Omit<Gap, 'milliseconds'>): Gap {
    const placeId = this.#placeIds.get(of.place) ?? this.#placeIds.size;
    this.#placeIds.set(of.place, placeId);
    const key = `${of.group} ${of.step} ${placeId}`;
    const gap = this.#gaps.get(key) ?? { ...of, milliseconds: [0, 0, 0, 0] };
    this.#gaps.set(key, gap);
    return gap;
  }
}
