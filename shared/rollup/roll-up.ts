/** Sums hours of nodes by site and GPU model: the same cells as the join's, before anything is charged. */
import type { Cell } from '../emissions/figures.ts';
import { DEFAULT_LOW_UTILIZATION_RATIO, gpuModel, gpuNumber } from '../emissions/join.ts';
import type { JoinNode, NodeHourLedger } from '../emissions/join-node.ts';
import { nodeCells } from '../emissions/node-cells.ts';
import { HOUR_MS, windowOfHour } from '../time/window.ts';
import { HourSums, type RolledWindow } from './hour-sums.ts';

/** To be raised whenever the same hours come to other sums: then all are summed again. */
export const ROLLUP_VERSION = 1;

export interface RollupGroup {
  readonly siteId: string | null;
  readonly gpuModel: string | null;
}

export interface GroupHour {
  readonly group: RollupGroup;
  readonly sums: HourSums;
}

/** Collects one hour after the other, any number of nodes each. */
export class RolledHours {
  readonly #hours = new Map<number, Map<string, GroupHour>>();
  readonly #nowMs: number;

  /** @param nowMs of an hour that is not over, what is before it counts */
  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** @param hours of this node within `[fromMs, toMs)`, which are whole hours */
  addNode(node: JoinNode, hours: Iterable<NodeHourLedger>, fromMs: number, toMs: number): void {
    const edges = Array.from({ length: (toMs - fromMs) / HOUR_MS + 1 }, (_, i) => fromMs + i * HOUR_MS);
    const windows = new Map<Cell, [number, RolledWindow][]>();
    const { cells } = nodeCells(node, hours, {
      edges,
      nowMs: this.#nowMs,
      accepts: () => true,
      ownerOf: null,
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
    for (const { place, step, cell, gpus } of cells) {
      if (!cell.inFleet && !cell.reporting) continue;
      const sums = this.#sums(edges[step]!, { siteId: place.siteId, gpuModel: model });
      for (const [index, window] of windows.get(cell) ?? []) sums.addWindow(index, window);
      sums.addFigures(cell);
      if (cell.inFleet) sums.expected.add(node.number);
      if (cell.reporting) sums.reporting.add(node.number);
      for (const index of gpus) sums.gpus.add(gpuNumber(node.number, index));
    }
  }

  /** Empty where no node was expected or reported. */
  of(hourStartMs: number): readonly GroupHour[] {
    return [...(this.#hours.get(hourStartMs)?.values() ?? [])];
  }

  #sums(hourStartMs: number, group: RollupGroup): HourSums {
    const groups = this.#hours.get(hourStartMs) ?? new Map<string, GroupHour>();
    this.#hours.set(hourStartMs, groups);
    const key = JSON.stringify([group.siteId, group.gpuModel]);
    const known = groups.get(key) ?? { group, sums: new HourSums() };
    groups.set(key, known);
    return known.sums;
  }
}
