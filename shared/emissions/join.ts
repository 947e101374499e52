/** The join over many nodes: cells summed into totals, steps and groups. */
import type { Place } from '../settings/place.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import { FigureSums, type Figures } from './figures.ts';
import type { JoinNode, NodeHourLedger } from './join-node.ts';
import { type JoinRange, nodeCells } from './node-cells.ts';

export const GROUP_KEYS = ['node', 'gridZone', 'site', 'gpuModel'] as const;
export type GroupKey = (typeof GROUP_KEYS)[number];

export interface JoinRequest extends Omit<JoinRange, 'accepts'> {
  /** False: no series, only totals. */
  readonly withSeries: boolean;
  readonly groupBy: GroupKey | null;
  readonly accepts: (node: JoinNode, place: Place) => boolean;
}

export interface FigureStep extends Figures {
  readonly startMs: number;
  readonly endMs: number;
}

export interface FigureGroup extends Figures {
  readonly key: string;
  readonly label: string;
  readonly series: readonly FigureStep[];
}

export interface Excluded {
  /** Null where the nodes' site has no zone. */
  readonly gridZone: string | null;
  readonly reason: string;
  readonly energyKwh: number;
}

export interface JoinResult {
  readonly totals: Figures;
  readonly series: readonly FigureStep[];
  /** By key. */
  readonly groups: readonly FigureGroup[];
  readonly excluded: readonly Excluded[];
}

/** Totals with their steps. */
class Sums {
  readonly all = new FigureSums();
  readonly steps = new Map<number, FigureSums>();
}

export class EmissionsJoin {
  readonly #request: JoinRequest;
  readonly #total = new Sums();
  readonly #groups = new Map<string, Sums & { label: string }>();
  readonly #excluded = new Map<string | null, bigint>();

  constructor(request: JoinRequest) {
    this.#request = request;
  }

  addNode(node: JoinNode, hours: Iterable<NodeHourLedger>): void {
    const request = this.#request;
    const accepts = (place: Place) => request.accepts(node, place);
    const { cells, excluded } = nodeCells(node, hours, { ...request, accepts });
    for (const { place, step, cell } of cells) {
      if (!cell.inFleet && !cell.reporting) continue;
      for (const sums of [this.#total, ...this.#groupsOf(node, place)]) {
        sums.all.add(node.number, cell);
        if (!request.withSeries) continue;
        const ofStep = sums.steps.get(step) ?? new FigureSums();
        sums.steps.set(step, ofStep);
        ofStep.add(node.number, cell);
      }
    }
    for (const { gridZone, millijoules } of excluded) {
      this.#excluded.set(gridZone, (this.#excluded.get(gridZone) ?? 0n) + BigInt(millijoules));
    }
  }

  result(): JoinResult {
    return {
      totals: this.#total.all.toFigures(),
      series: this.#series(this.#total),
      groups: [...this.#groups]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, sums]) => ({
          key,
          label: sums.label,
          ...sums.all.toFigures(),
          series: this.#series(sums),
        })),
      excluded: [...this.#excluded].map(([gridZone, millijoules]) => ({
        gridZone,
        reason: gridZone === null ? 'no grid zone is set for the site' : 'no series on this basis',
        energyKwh: Number(millijoules) / MILLIJOULES_PER_KWH,
      })),
    };
  }

  #groupsOf(node: JoinNode, place: Place): Sums[] {
    const { groupBy } = this.#request;
    if (groupBy === null) return [];
    const { key, label } = groupOf(groupBy, node, place);
    const group = this.#groups.get(key) ?? Object.assign(new Sums(), { label });
    this.#groups.set(key, group);
    return [group];
  }

  /** Every step that has begun, those without a node included: nothing there is a figure too. */
  #series(sums: Sums): FigureStep[] {
    const { edges, nowMs, withSeries } = this.#request;
    if (!withSeries) return [];
    const steps: FigureStep[] = [];
    for (let step = 0; step + 1 < edges.length && edges[step]! < nowMs; step++) {
      const figures = (sums.steps.get(step) ?? new FigureSums()).toFigures();
      steps.push({ startMs: edges[step]!, endMs: edges[step + 1]!, ...figures });
    }
    return steps;
  }
}

/** Key of what belongs to none. */
export const NO_GROUP = 'none';

function groupOf(groupBy: GroupKey, node: JoinNode, place: Place): { key: string; label: string } {
  const same = (key: string | null) => ({ key: key ?? NO_GROUP, label: key ?? NO_GROUP });
  switch (groupBy) {
    case 'node':
      return { key: node.id, label: node.hostname };
    case 'gridZone':
      return same(place.gridZone);
    case 'site':
      return same(place.siteId);
    case 'gpuModel':
      return same(gpuModel(node));
  }
}

/** The models of a node's GPUs; a node is never split, so mixed ones make one group: `A + B`. Null without GPUs. */
export function gpuModel(node: Pick<JoinNode, 'devices' | 'parts'>): string | null {
  const gpus = [...node.parts, ...node.devices].filter(({ type }) => type === 'gpu');
  const models = [...new Set(gpus.map(({ name }) => name))].sort();
  return models.length === 0 ? null : models.join(' + ');
}
