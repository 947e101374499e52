/**
 * What gaps of a fleet would have used, by the mean power of the same type of device in the group over all hours: which device
 * was silent is not known any more. Hours pass by one by one; the means are known once all of them have.
 */
import { Cell } from '../emissions/figures.ts';
import type { EmissionsJoin, RolledHour } from '../emissions/join.ts';
import { WHOLE } from '../emissions/owners.ts';
import { NumberSet } from '../number-set.ts';
import type { Place } from '../settings/place.ts';
import { DEVICE_TYPES } from '../wire/ingest.ts';
import { MeanWatts } from './owner-join.ts';

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
    const { gapMilliseconds } = sums.figures;
    const place = placeAt(startMs);
    const group = JSON.stringify([place.siteId, gpuModel]);
    const watts = this.#watts.get(group) ?? new MeanWatts();
    this.#watts.set(group, watts);
    watts.addCell(sums.figures);
    if (!isAsked || DEVICE_TYPES.every((type) => gapMilliseconds[type] === 0)) return;
    const own = this.#gapOf({ group, gpuModel, place, step: this.#join.stepAt(startMs) });
    DEVICE_TYPES.forEach((type, i) => {
      own.milliseconds[i]! += gapMilliseconds[type];
    });
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
    const gap = this.#gaps.get(key) ?? { ...of, milliseconds: DEVICE_TYPES.map(() => 0) };
    this.#gaps.set(key, gap);
    return gap;
  }
}
