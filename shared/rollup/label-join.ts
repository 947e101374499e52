/**
 * Joins what labels of jobs had over many nodes: the same cells as `OwnerJoin` puts together for each node, here for all nodes
 * of a site and GPU model at once.
 */
import { Cell } from '../emissions/figures.ts';
import type { EmissionsJoin } from '../emissions/join.ts';
import { IDLE, type Owner, UNATTRIBUTED } from '../emissions/owners.ts';
import { NumberSet } from '../number-set.ts';
import type { Place } from '../settings/place.ts';
import type { LabelSums } from './label-sums.ts';
import { chargeNothing, MeanWatts, type PieceTime, sumSlots } from './owner-join.ts';
import {
  IDLE_OWNER,
  jobOwner,
  noValues,
  SHARED_VALUES,
  setValues,
  UNATTRIBUTED_OWNER,
  VALUES,
} from './owner-sums.ts';
import { chargeRuns, type SiteRates } from './site-rates.ts';

/** A site with a GPU model. */
export interface LabelGroup {
  readonly number: number;
  readonly model: string | null;
  readonly rates: SiteRates;
}

class Share {
  readonly cell = new Cell();
  readonly values = noValues();
  readonly present = new NumberSet();
  readonly reporting = new NumberSet();
  readonly gpus = new NumberSet();
  #last: LabelSums | null = null;

  /** Of a fleet that stands, one hour has the sets of the one before. */
  add(own: LabelSums): void {
    for (let i = 0; i < VALUES; i++) this.values[i]! += own.sums.values[i]!;
    for (const set of ['present', 'reporting', 'gpus'] as const)
      if (own[set] !== this.#last?.[set]) this[set].addAll(own[set]);
    this.#last = own;
  }
}

/** One group at one place in one step. */
interface Work {
  readonly group: LabelGroup;
  readonly place: Place;
  readonly startMs: number;
  /** Of the nodes themselves, of which owners leave a rest. */
  readonly nodes: Share;
  readonly shares: Map<Owner, Share>;
}

export class LabelJoin {
  readonly #join: EmissionsJoin;
  readonly #works = new Map<string, Work>();
  readonly #placeIds = new Map<Place, number>();
  readonly #watts = new Map<number, MeanWatts>();
  readonly #owners = new Set<Owner>();
  #step = 0;

  constructor(join: EmissionsJoin) {
    this.#join = join;
  }

  /**
   * In order of time.
   * @param owner null: the nodes themselves
   */
  add(group: LabelGroup, time: PieceTime, owner: Owner | null, own: LabelSums): void {
    const step = this.#join.stepAt(time.startMs);
    if (step !== this.#step) this.flush();
    this.#step = step;
    const work = this.#work(group, time.startMs);
    if (owner === null) {
      work.nodes.add(own);
      return;
    }
    this.#wattsOf(group).add(own.sums.values);
    const share = shareOf(work, owner);
    if (this.#join.isWanted(owner)) this.#owners.add(owner);
    share.add(own);
    const { energies } = own.sums;
    const runs = group.rates.runs(time.startMs, time.slotMs, energies.all.length);
    const number = NUMBERS[owner.kind];
    const sumOf = (first: number, end: number) => sumSlots(energies, number, share.cell, first, end);
    chargeRuns(share.cell, runs, sumOf, ({ gridZone }, millijoules) => {
      if (this.#join.isWanted(owner)) this.#join.exclude(gridZone, millijoules);
    });
  }

  /** Owners of which something waits to be given to the join. */
  get owners(): number {
    return this.#owners.size;
  }

  /** Gives the join what was put together. */
  flush(): void {
    for (const work of this.#works.values()) this.#finish(work);
    this.#works.clear();
    this.#owners.clear();
  }

  #work(group: LabelGroup, startMs: number): Work {
    const { place } = group.rates.at(startMs);
    const placeId = this.#placeIds.get(place) ?? this.#placeIds.size;
    this.#placeIds.set(place, placeId);
    const key = `${group.number} ${placeId}`;
    const known = this.#works.get(key);
    if (known) return known;
    const work = { group, place, startMs, nodes: new Share(), shares: new Map<Owner, Share>() };
    this.#works.set(key, work);
    return work;
  }

  #finish(work: Work): void {
    const { group, place, startMs, nodes, shares } = work;
    const rest = shareOf(work, UNATTRIBUTED);
    // Who has a share of what was booked has one of the site's water and overheads, if only nothing of them.
    if (nodes.reporting.size > 0)
      for (const owner of [IDLE, UNATTRIBUTED])
        chargeNothing(shareOf(work, owner).cell, group.rates, startMs);
    for (const index of SHARED_VALUES) {
      let others = 0;
      for (const share of shares.values()) if (share !== rest) others += share.values[index]!;
      // Below zero only by rounding, or where more was allocated than the nodes have.
      rest.values[index] = Math.max(0, nodes.values[index]! - others);
    }
    for (const [owner, share] of shares) {
      if (!this.#join.isWanted(owner)) continue;
      const { cell, values } = share;
      setValues(cell, values);
      cell.missingMillijoulesEstimate = this.#wattsOf(group).missing(values);
      const isRest = share === rest;
      const expected = isRest
        ? nodes.present
        : (owner === IDLE ? nodes.reporting : share.present).and(nodes.present);
      const reporting = isRest ? nodes.reporting : share.reporting;
      this.#join.addNodes(this.#step, {
        place,
        gpuModel: group.model,
        owner,
        figures: cell,
        expected,
        reporting,
        gpus: share.gpus,
      });
    }
  }

  #wattsOf({ number }: LabelGroup): MeanWatts {
    const watts = this.#watts.get(number) ?? new MeanWatts();
    this.#watts.set(number, watts);
    return watts;
  }
}

/** Energies of any job are charged as those of one. */
const NUMBERS = {
  whole: jobOwner(0),
  job: jobOwner(0),
  idle: IDLE_OWNER,
  unattributed: UNATTRIBUTED_OWNER,
} as const;

function shareOf({ shares }: Work, owner: Owner): Share {
  const known = shares.get(owner);
  if (known) return known;
  const made = new Share();
  shares.set(owner, made);
  return made;
}
