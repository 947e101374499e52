/**
 * Joins what owners had of nodes, as rollups hold it: the same cells as the join over every hour makes, for each node, place,
 * step and owner.
 */
import { Cell } from '../emissions/figures.ts';
import type { EmissionsJoin } from '../emissions/join.ts';
import type { JoinNode } from '../emissions/join-node.ts';
import { IDLE, type Owner, UNATTRIBUTED, WHOLE } from '../emissions/owners.ts';
import type { Place } from '../settings/place.ts';
import { WINDOW_MS } from '../time/window.ts';
import { DEVICE_TYPES } from '../wire/ingest.ts';
import type { RolledWindow } from './hour-sums.ts';
import {
  addOwned,
  ENERGY_BY_TYPE,
  GAP,
  IDLE_OWNER,
  jobOfOwner,
  METERED,
  NODE,
  noValues,
  type OwnerSums,
  SHARED_VALUES,
  type SlotEnergies,
  setValues,
  VALUES,
} from './owner-sums.ts';
import { chargeRuns, type SiteRates } from './site-rates.ts';

type NamedNode = Pick<JoinNode, 'number' | 'id' | 'hostname'>;

/** One owner's part of what is put together. */
class Share {
  readonly cell = new Cell();
  readonly values = noValues();
  readonly gpus = new Set<number>();
}

/** One node at one place in one step. */
interface Work {
  readonly node: NamedNode;
  readonly model: string | null;
  readonly place: Place;
  readonly step: number;
  readonly startMs: number;
  readonly rates: SiteRates;
  /** Its own, of which owners leave a rest. */
  readonly own: Share;
  readonly shares: Map<Owner, Share>;
}

/** What an owner had of a node in one hour or day of the rollups. */
export interface OwnerPiece {
  readonly model: string | null;
  readonly rates: SiteRates;
  readonly owner: number;
  /** Of one place, but for the windows of an hour in which its settings change. */
  readonly sums: OwnerSums;
}

/** An hour or a day within one step. */
export interface PieceTime {
  readonly startMs: number;
  /** Of one slot of the sums. */
  readonly slotMs: number;
}

/** Cells that are put together at once: some 2 kB each. */
const MAX_SHARES = 10_000;

export class OwnerJoin {
  readonly #join: EmissionsJoin;
  readonly #works = new Map<string, Work>();
  readonly #placeIds = new Map<Place, number>();
  readonly #watts = new Map<number, MeanWatts>();
  #shares = 0;
  #step = 0;

  constructor(join: EmissionsJoin) {
    this.#join = join;
  }

  /** @param pieces all of this node in this time */
  addNode(node: NamedNode, time: PieceTime, pieces: readonly OwnerPiece[]): void {
    const step = this.#join.stepAt(time.startMs);
    // Not amid a node: what its owners leave is known once all of them are there.
    if (step !== this.#step || this.#shares >= MAX_SHARES) this.flush();
    this.#step = step;
    for (const piece of pieces) this.#add(node, time, piece);
  }

  #add(node: NamedNode, time: PieceTime, piece: OwnerPiece): void {
    const { owner, sums } = piece;
    const work = this.#work(node, time, piece);
    if (owner === NODE) {
      addValues(work.own, sums);
      work.own.cell.inFleet ||= sums.inFleet;
      work.own.cell.reporting ||= sums.reporting;
      for (const index of sums.gpus) work.own.gpus.add(index);
      return;
    }
    this.#wattsOf(node).add(sums.values);
    const holder = this.#holderOf(owner);
    const share = this.#share(work, holder);
    if (holder === WHOLE) addOwned(share.values, sums.values);
    else addValues(share, sums);
    share.cell.reporting ||= sums.reporting;
    for (const index of sums.gpus) share.gpus.add(index);
    this.#charge(share.cell, holder, time, piece);
  }

  #holderOf(owner: number): Owner {
    const { ownerOf } = this.#join;
    if (ownerOf === null) return WHOLE;
    const job = jobOfOwner(owner);
    if (job !== null) return ownerOf(job);
    return owner === IDLE_OWNER ? IDLE : UNATTRIBUTED;
  }

  /** Gives the join what was put together. */
  flush(): void {
    for (const work of this.#works.values()) this.#finish(work);
    this.#works.clear();
    this.#shares = 0;
  }

  #work(node: NamedNode, { startMs }: PieceTime, { model, rates }: OwnerPiece): Work {
    const { place } = rates.at(startMs);
    const placeId = this.#placeIds.get(place) ?? this.#placeIds.size;
    this.#placeIds.set(place, placeId);
    const key = `${node.number} ${placeId}`;
    const known = this.#works.get(key);
    if (known) return known;
    const shares = new Map<Owner, Share>();
    const work = { node, model, place, step: this.#step, startMs, rates, own: new Share(), shares };
    this.#works.set(key, work);
    this.#shares++;
    return work;
  }

  #share({ shares }: Work, owner: Owner): Share {
    const known = shares.get(owner);
    if (known) return known;
    const made = new Share();
    shares.set(owner, made);
    this.#shares++;
    return made;
  }

  #charge(cell: Cell, holder: Owner, time: PieceTime, { owner, rates, sums }: OwnerPiece): void {
    const energies = sums.energies;
    const runs = rates.runs(time.startMs, time.slotMs, energies.all.length);
    const sumOf = (first: number, end: number) => sumSlots(energies, owner, cell, first, end);
    chargeRuns(cell, runs, sumOf, ({ gridZone }, millijoules) => {
      if (this.#join.isWanted(holder)) this.#join.exclude(gridZone, millijoules);
    });
  }

  #finish(work: Work): void {
    const { own, shares } = work;
    if (this.#join.ownerOf === null) {
      const share = this.#share(work, WHOLE);
      for (const index of SHARED_VALUES) share.values[index] = own.values[index]!;
      share.cell.reporting = own.cell.reporting;
      share.gpus.clear();
      for (const index of own.gpus) share.gpus.add(index);
    } else {
      if (own.cell.reporting) this.#chargeNothing(work, IDLE);
      const rest = own.cell.reporting
        ? this.#chargeNothing(work, UNATTRIBUTED)
        : this.#share(work, UNATTRIBUTED);
      rest.cell.reporting = own.cell.reporting;
      for (const index of SHARED_VALUES) {
        let others = 0;
        for (const share of shares.values()) if (share !== rest) others += share.values[index]!;
        // Below zero only by rounding, or where more was allocated than the node has.
        rest.values[index] = Math.max(0, own.values[index]! - others);
      }
    }
    const watts = this.#wattsOf(work.node);
    for (const [owner, { cell, values, gpus }] of shares) {
      if (!this.#join.isWanted(owner)) continue;
      cell.inFleet = own.cell.inFleet;
      setValues(cell, values);
      cell.missingMillijoulesEstimate = watts.missing(values);
      this.#join.addCell(work.node, work.model, { ...work, owner, cell, gpus: [...gpus] });
    }
  }

  #chargeNothing(work: Work, owner: Owner): Share {
    const share = this.#share(work, owner);
    chargeNothing(share.cell, work.rates, work.startMs);
    return share;
  }

  #wattsOf({ number }: NamedNode): MeanWatts {
    const watts = this.#watts.get(number) ?? new MeanWatts();
    this.#watts.set(number, watts);
    return watts;
  }
}

const NOTHING: RolledWindow = { all: 0, idle: 0, jobs: 0, lowUtilization: 0, componentsOnly: 0 };

/** Who has a share of what was booked has one of the site's water and overheads, if only nothing of them. */
export function chargeNothing(cell: Cell, rates: SiteRates, startMs: number): void {
  chargeRuns(
    cell,
    rates.runs(startMs, WINDOW_MS, 1),
    () => NOTHING,
    () => {},
  );
}

function addValues(share: Share, { values }: OwnerSums): void {
  for (let i = 0; i < VALUES; i++) share.values[i]! += values[i]!;
}

/** Adds to the cell what was booked in these slots, and returns it; null: nothing was. */
export function sumSlots(
  { all, lowUtilization, componentsOnly }: SlotEnergies,
  owner: number,
  cell: Cell,
  first: number,
  end: number,
): RolledWindow | null {
  let energy = -1;
  let low = 0;
  let components = 0;
  for (let slot = first; slot < end; slot++) {
    const booked = all[slot]!;
    if (booked < 0) continue;
    energy = Math.max(0, energy) + booked;
    low += lowUtilization[slot]!;
    components += componentsOnly[slot]!;
  }
  if (energy < 0) return null;
  const idle = owner === IDLE_OWNER ? energy : 0;
  const jobs = jobOfOwner(owner) === null ? 0 : energy;
  cell.energyMillijoules += energy;
  cell.idleMillijoules += idle;
  cell.jobMillijoules += jobs;
  cell.lowUtilizationMillijoules += low;
  return { all: energy, idle, jobs, lowUtilization: low, componentsOnly: components };
}

/** Mean power of devices by type, so far: those of a node, or of the nodes of a group. */
export class MeanWatts {
  readonly #millijoules = [0, 0, 0, 0];
  readonly #milliseconds = [0, 0, 0, 0];

  add(values: readonly number[]): void {
    for (let i = 0; i < this.#millijoules.length; i++) {
      this.#millijoules[i]! += values[ENERGY_BY_TYPE.first + i]!;
      this.#milliseconds[i]! += values[METERED.first + i]!;
    }
  }

  /** Of an hour of many nodes. */
  addCell({ byDeviceType, meteredMilliseconds }: Cell): void {
    DEVICE_TYPES.forEach((type, i) => {
      this.#millijoules[i]! += byDeviceType[type];
      this.#milliseconds[i]! += meteredMilliseconds[type];
    });
  }

  /** What gaps would have used. */
  missing(values: readonly number[]): number {
    return this.missingIn(values.slice(GAP.first, GAP.end));
  }

  /** @param gapMilliseconds by type of device */
  missingIn(gapMilliseconds: readonly number[]): number {
    let sum = 0;
    for (let i = 0; i < this.#millijoules.length; i++) {
      const milliseconds = this.#milliseconds[i]!;
      if (milliseconds > 0) sum += (gapMilliseconds[i]! * this.#millijoules[i]!) / milliseconds;
    }
    return sum;
  }
}
