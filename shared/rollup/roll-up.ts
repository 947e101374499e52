/** Sums hours of nodes by site and GPU model, and by owner: the same cells as the join's, before anything is charged. */
import type { CellWork } from '../emissions/cell-work.ts';
import type { Cell } from '../emissions/figures.ts';
import { DEFAULT_LOW_UTILIZATION_RATIO, gpuModel, gpuNumber } from '../emissions/join.ts';
import type { JoinNode, NodeHourLedger } from '../emissions/join-node.ts';
import { nodeCells } from '../emissions/node-cells.ts';
import { IDLE, type Owner, UNATTRIBUTED } from '../emissions/owners.ts';
import { HOUR_MS, WINDOWS_PER_HOUR, windowOfHour } from '../time/window.ts';
import { HourSums, type RolledWindow } from './hour-sums.ts';
import {
  addOwned,
  addShared,
  IDLE_OWNER,
  jobOwner,
  NODE,
  noValues,
  OwnerSums,
  SHARED_VALUES,
  setValues,
  UNATTRIBUTED_OWNER,
  valuesOf,
} from './owner-sums.ts';

/** To be raised whenever the same hours come to other sums: then all are summed again. */
export const ROLLUP_VERSION = 3;

export interface RollupGroup {
  readonly siteId: string | null;
  readonly gpuModel: string | null;
}

export interface GroupHour {
  readonly group: RollupGroup;
  readonly sums: HourSums;
}

/** What an owner of a node had in one hour. */
export interface OwnerHour {
  readonly nodeNumber: number;
  readonly group: RollupGroup;
  readonly owner: number;
  readonly sums: OwnerSums;
}

type Booked = readonly [windowIndex: number, window: RolledWindow];

/** While it is filled its figures stand apart, as numbers. */
interface GroupWork extends GroupHour {
  readonly values: number[];
}

interface Hour {
  readonly groups: Map<string, GroupWork>;
  readonly owners: Map<string, OwnerHour>;
}

/** Collects one hour after the other, any number of nodes each. */
export class RolledHours {
  readonly #hours = new Map<number, Hour>();
  readonly #nowMs: number;

  /** @param nowMs of an hour that is not over, what is before it counts */
  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** Goes on with an hour of which other nodes were summed before. */
  resume(hourStartMs: number, groups: readonly GroupHour[]): void {
    const hour = this.#hour(hourStartMs);
    for (const { group, sums } of groups) {
      const { sums: own, values } = groupOf(hour, group);
      own.add(sums);
      valuesOf(sums.figures).forEach((value, i) => {
        values[i]! += value;
      });
    }
  }

  /** @param hours of this node within `[fromMs, toMs)`, which are whole hours */
  addNode(node: JoinNode, hours: Iterable<NodeHourLedger>, fromMs: number, toMs: number): void {
    const edges = Array.from({ length: (toMs - fromMs) / HOUR_MS + 1 }, (_, i) => fromMs + i * HOUR_MS);
    const windows = new Map<Cell, Booked[]>();
    const jobs = new Map<number, Owner>();
    const { works } = nodeCells(node, hours, {
      edges,
      nowMs: this.#nowMs,
      accepts: () => true,
      ownerOf: (number) => {
        const job = jobs.get(number) ?? { kind: 'job', key: String(number) };
        jobs.set(number, job);
        return job;
      },
      acceptsOwner: () => true,
      lowUtilizationRatio: DEFAULT_LOW_UTILIZATION_RATIO,
      charge: (cell, _place, startMs, { all, idle, jobs, lowUtilization }, componentsOnly) => {
        const own = windows.get(cell) ?? [];
        windows.set(cell, own);
        own.push([windowOfHour(startMs), { all, idle, jobs, lowUtilization, componentsOnly }]);
        return 0;
      },
    });
    const model = gpuModel(node);
    const isGpu = new Set(
      node.devices.flatMap(({ type, deviceIndex }) => (type === 'gpu' ? [deviceIndex] : [])),
    );
    for (const work of works) {
      const whole = sumsOfNode(work, isGpu);
      if (!whole.inFleet && !whole.reporting) continue;
      const hour = this.#hour(edges[work.step]!);
      const group = { siteId: work.place.siteId, gpuModel: model };
      const add = (owner: number, sums: OwnerSums) =>
        addTo(hour, { nodeNumber: node.number, group, owner, sums });
      add(NODE, whole);
      const { sums: rolled, values } = groupOf(hour, group);
      addShared(values, whole.values);
      for (const { owner, cell, heldMs } of work.owners.values()) {
        const booked = windows.get(cell) ?? [];
        for (const [index, window] of booked) rolled.addWindow(index, window);
        const sums = sumsOfOwner(owner, cell, booked);
        sums.gpus = indexesOf(heldMs, isGpu);
        addOwned(values, sums.values);
        add(numberOf(owner), sums);
      }
      if (whole.inFleet) rolled.expected.add(node.number);
      if (whole.reporting) rolled.reporting.add(node.number);
      for (const index of whole.gpus) rolled.gpus.add(gpuNumber(node.number, index));
    }
  }

  /** Empty where no node was expected or reported. */
  of(hourStartMs: number): readonly GroupHour[] {
    const groups = [...(this.#hours.get(hourStartMs)?.groups.values() ?? [])];
    return groups.map(({ group, sums, values }) => {
      setFigures(sums, values);
      return { group, sums };
    });
  }

  /** The same node by node and owner by owner. */
  ownersOf(hourStartMs: number): readonly OwnerHour[] {
    return [...(this.#hours.get(hourStartMs)?.owners.values() ?? [])];
  }

  #hour(hourStartMs: number): Hour {
    const hour = this.#hours.get(hourStartMs) ?? { groups: new Map(), owners: new Map() };
    this.#hours.set(hourStartMs, hour);
    return hour;
  }
}

function groupOf({ groups }: Hour, group: RollupGroup): GroupWork {
  const key = JSON.stringify([group.siteId, group.gpuModel]);
  const known = groups.get(key) ?? { group, sums: new HourSums(), values: noValues() };
  groups.set(key, known);
  return known;
}

function setFigures({ figures, windows }: HourSums, values: readonly number[]): void {
  setValues(figures, values);
  const sumOf = (name: 'all' | 'idle' | 'jobs' | 'lowUtilization') =>
    windows.reduce((sum, window) => sum + (window?.[name] ?? 0), 0);
  figures.energyMillijoules = sumOf('all');
  figures.idleMillijoules = sumOf('idle');
  figures.jobMillijoules = sumOf('jobs');
  figures.lowUtilizationMillijoules = sumOf('lowUtilization');
}

/** A site whose settings change within the hour has two cells of it. */
function addTo({ owners }: Hour, added: OwnerHour): void {
  const { nodeNumber, group, owner, sums } = added;
  const key = JSON.stringify([nodeNumber, owner, group.siteId]);
  const known = owners.get(key);
  if (known === undefined) {
    owners.set(key, added);
    return;
  }
  known.sums.addSums(sums);
  sums.energies.all.forEach((all, index) => {
    const { lowUtilization, componentsOnly } = sums.energies;
    if (all >= 0) known.sums.addEnergies(index, all, lowUtilization[index]!, componentsOnly[index]!);
  });
}

function sumsOfNode({ whole, owners }: CellWork, isGpu: ReadonlySet<number>): OwnerSums {
  const sums = new OwnerSums(WINDOWS_PER_HOUR, valuesOf(whole));
  sums.inFleet = whole.inFleet;
  // Nobody's share is there, if only with nothing in it, wherever the node reported.
  sums.reporting = owners.get(UNATTRIBUTED)?.cell.reporting ?? false;
  const gpus = [...owners.values()].flatMap(({ meteredMs }) => indexesOf(meteredMs, isGpu));
  sums.gpus = [...new Set(gpus)].sort((a, b) => a - b);
  return sums;
}

function sumsOfOwner(owner: Owner, cell: Cell, booked: readonly Booked[]): OwnerSums {
  const sums = new OwnerSums(WINDOWS_PER_HOUR, valuesOf(cell));
  // A reader takes it from the node, over whatever time is asked for.
  if (owner === UNATTRIBUTED) for (const index of SHARED_VALUES) sums.values[index] = 0;
  sums.reporting = cell.reporting;
  for (const [index, { all, lowUtilization, componentsOnly }] of booked)
    sums.addEnergies(index, all, lowUtilization, componentsOnly);
  return sums;
}

function numberOf({ kind, key }: Owner): number {
  if (kind === 'job') return jobOwner(Number(key));
  return kind === IDLE.kind ? IDLE_OWNER : UNATTRIBUTED_OWNER;
}

const indexesOf = (milliseconds: readonly number[], isGpu: ReadonlySet<number>): number[] =>
  [...milliseconds.keys()].filter((index) => milliseconds[index]! > 0 && isGpu.has(index));
