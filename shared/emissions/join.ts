/** The join over many nodes: cells summed into totals, steps and groups. */
import type { Scope } from '../grid/intensity.ts';
import { withinScope } from '../grid/resolve.ts';
import { NumberSet } from '../number-set.ts';
import type { HourSums } from '../rollup/hour-sums.ts';
import { chargeRuns, SiteRates } from '../rollup/site-rates.ts';
import type { Place } from '../settings/place.ts';
import { WINDOW_MS, WINDOWS_PER_HOUR } from '../time/window.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import { type Charging, chargeWindow } from './charge-window.ts';
import { CompensatedSum } from './compensated-sum.ts';
import type { OwnerOf } from './device-shares.ts';
import { type PartRow, PartSums } from './embodied-parts.ts';
import { FigureSums, type Figures } from './figures.ts';
import { type GridUse, GridUses } from './grid-uses.ts';
import {
  type GroupKey,
  type GroupName,
  groupOf,
  type JobOwners,
  type JobRequest,
  jobOwners,
  NO_GROUP,
} from './join-groups.ts';
import type { JoinNode, NodeHourLedger, NodePart } from './join-node.ts';
import { isWanted, type JoinRange, type NodeCell, nodeCells } from './node-cells.ts';
import { JOB_KEYS, type JobFacts, type Owner, WHOLE } from './owners.ts';
import type { TimeSpan } from './presence.ts';
import { edgesWithin, stepAt } from './time-steps.ts';

export { GROUP_KEYS, type GroupKey, type JobRequest, NO_GROUP, PLACE_KEYS } from './join-groups.ts';

/** What counts as hardly used is a matter of opinion: low enough that a job that computes steadily is never in it. */
export const DEFAULT_LOW_UTILIZATION_RATIO = 0.2;

export interface JoinRequest
  extends Charging,
    Pick<JoinRange, 'edges' | 'nowMs' | 'lowUtilizationRatio' | 'withParts'> {
  /** False: no series, only totals. */
  readonly withSeries: boolean;
  readonly groupBy: GroupKey | null;
  readonly accepts: (node: JoinNode, place: Place) => boolean;
  /** Null where nothing is asked of jobs. */
  readonly ofJobs: JobRequest | null;
  /** Only what is charged with values of this scope; the rest is excluded. Default: whatever zones are of. */
  readonly scope?: Scope | undefined;
}

export interface FigureStep extends Figures {
  readonly startMs: number;
  readonly endMs: number;
}

export interface FigureGroup extends Figures, GroupName {
  /** Different GPUs that were metered or, for jobs, allocated. */
  readonly gpuCount: number;
  readonly series: readonly FigureStep[];
}

/** Groups that are not listed. */
export interface OtherGroups extends Figures {
  readonly groupCount: number;
  readonly gpuCount: number;
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
  /** Different GPUs that were metered or, for jobs, allocated. */
  readonly gpuCount: number;
  readonly series: readonly FigureStep[];
  /** By key; where only some are asked for, those with the most grams, most first. */
  readonly groups: readonly FigureGroup[];
  /** The others together; null where there are none. */
  readonly otherGroups: OtherGroups | null;
  /** By zone. */
  readonly excluded: readonly Excluded[];
  /** What the totals were charged with, by zone. */
  readonly gridUses: readonly GridUse[];
  /** Lifetimes of hardware at the places of its nodes, ascending: the embodied figures are straight lines over these. */
  readonly embodiedLifetimeYears: readonly number[];
  /** The embodied figure of the totals by what it is of; empty unless asked for. */
  readonly embodiedParts: readonly PartRow[];
}

/** Many nodes of one site and GPU model in one hour, as a rollup holds them. */
export interface RolledHour {
  readonly startMs: number;
  readonly gpuModel: string | null;
  readonly placeAt: (instantMs: number) => Place;
  readonly sums: HourSums;
}

/** What an owner had of many nodes of one site and GPU model in one step. */
export interface NodesCell extends Pick<HourSums, 'figures' | 'expected' | 'reporting' | 'gpus'> {
  readonly place: Place;
  readonly gpuModel: string | null;
  readonly owner: Owner;
}

/** Many nodes have no name: who groups by node has each of them. */
const NO_NODE = { id: NO_GROUP, hostname: NO_GROUP };

/** Totals with their steps. */
class Sums {
  readonly all = new FigureSums();
  /** By `gpuNumber`. */
  readonly gpus = new NumberSet();
  readonly steps = new Map<number, FigureSums>();
  #lastGpus: NumberSet | null = null;

  addAll(other: Sums): void {
    this.all.addAll(other.all);
    this.gpus.addAll(other.gpus);
    for (const [step, figures] of other.steps) {
      const own = this.steps.get(step) ?? new FigureSums();
      this.steps.set(step, own);
      own.addAll(figures);
    }
  }

  /** Of a fleet that stands, one hour has the set of the one before. */
  addGpus(gpus: NumberSet): void {
    if (gpus !== this.#lastGpus) this.gpus.addAll(gpus);
    this.#lastGpus = gpus;
  }
}

export class EmissionsJoin {
  readonly #request: JoinRequest;
  readonly #owners: JobOwners | null;
  readonly #total = new Sums();
  readonly #groups = new Map<string, Sums & GroupName>();
  readonly #excluded = new Map<string | null, CompensatedSum>();
  readonly #lifetimes = new Set<number>();
  readonly #parts = new PartSums();
  readonly #gridUses = new GridUses();
  readonly #rates = new Map<(instantMs: number) => Place, SiteRates>();
  readonly #range: Omit<JoinRange, 'accepts' | 'edges'>;

  constructor(request: JoinRequest) {
    const { ofJobs, groupBy, intensityOf, scope } = request;
    this.#request =
      scope === undefined
        ? request
        : { ...request, intensityOf: (gridZone) => withinScope(intensityOf(gridZone), scope) };
    this.#owners = ofJobs && jobOwners(ofJobs, JOB_KEYS.find((key) => key === groupBy) ?? null);
    this.#range = {
      ...request,
      charge: (...window) => chargeWindow(...window, this.#request),
      ownerOf: this.#owners?.ofNumber ?? null,
      acceptsOwner: ofJobs?.acceptsOwner ?? (() => true),
    };
  }

  /** @param span what is added of the node, where the rest of the range is in rollups; default: all of the range */
  addNode(node: JoinNode, hours: Iterable<NodeHourLedger>, span?: TimeSpan): void {
    const { edges: all, accepts } = this.#request;
    const edges = span === undefined ? all : edgesWithin(all, span);
    const firstStep = stepAt(all, edges[0]!);
    const range = { ...this.#range, edges, accepts: (place: Place) => accepts(node, place) };
    const { cells, excluded } = nodeCells(node, hours, range);
    const model = gpuModel(node);
    for (const cell of cells) this.addCell(node, model, { ...cell, step: firstStep + cell.step });
    for (const { gridZone, millijoules } of excluded) this.exclude(gridZone, millijoules);
  }

  /** Adds a share of a node, charged already; its place and owner are accepted. */
  addCell(
    node: Pick<JoinNode, 'number' | 'id' | 'hostname'>,
    model: string | null,
    { place, step, owner, cell, gpus }: NodeCell,
  ): void {
    if (!cell.inFleet && !cell.reporting) return;
    this.#lifetimes.add(place.lifetimeYears);
    if (cell.embodiedParts !== null) this.#parts.addAll(cell.embodiedParts);
    if (cell.gridUses !== null) this.#gridUses.addAll(cell.gridUses);
    const { groupBy } = this.#request;
    const group = groupBy === null ? null : groupOf(groupBy, node, model, place, owner);
    const add = (figures: FigureSums) => figures.add(node.number, cell);
    for (const sums of this.#addStep(step, group, add))
      for (const index of gpus) sums.gpus.add(gpuNumber(node.number, index));
  }

  /**
   * Adds an hour of many nodes that the request accepts; it lies within one step, and asks nothing of jobs or nodes.
   * `hour.figures` is charged on the way.
   * @param placeAt what held at the site; its zone throughout the hour where zones are grouped by
   */
  addHour({ startMs, gpuModel, placeAt, sums: hour }: RolledHour): void {
    const { edges } = this.#request;
    const exclude = (place: Place, millijoules: number) => this.exclude(place.gridZone, millijoules);
    const runs = this.ratesOf(placeAt).runs(startMs, WINDOW_MS, WINDOWS_PER_HOUR);
    chargeRuns(hour.figures, runs, (first, end) => hour.sumOf(first, end), exclude);
    this.addNodes(stepAt(edges, startMs), { ...hour, place: placeAt(startMs), gpuModel, owner: WHOLE });
  }

  /** Adds a share of many nodes, charged already; its place and owner are accepted, and it asks nothing of nodes. */
  addNodes(
    step: number,
    { place, gpuModel, owner, figures: cell, expected, reporting, gpus }: NodesCell,
  ): void {
    if (cell.gridUses !== null) this.#gridUses.addAll(cell.gridUses);
    this.#lifetimes.add(place.lifetimeYears);
    const { groupBy } = this.#request;
    const group = groupBy === null ? null : groupOf(groupBy, NO_NODE, gpuModel, place, owner);
    const add = (figures: FigureSums) => figures.addNodes(cell, expected, reporting);
    for (const sums of this.#addStep(step, group, add)) sums.addGpus(gpus);
  }

  /** Rates of a site, worked out once. */
  ratesOf(placeAt: (instantMs: number) => Place): SiteRates {
    const known = this.#rates.get(placeAt) ?? new SiteRates(placeAt, this.#request);
    this.#rates.set(placeAt, known);
    return known;
  }

  /** Adds to the totals and the group, and to the step of each; returns them. */
  #addStep(step: number, name: GroupName | null, add: (figures: FigureSums) => void): readonly Sums[] {
    const all = name === null ? [this.#total] : [this.#total, this.#group(name)];
    for (const sums of all) {
      add(sums.all);
      if (!this.#request.withSeries) continue;
      const ofStep = sums.steps.get(step) ?? new FigureSums();
      sums.steps.set(step, ofStep);
      add(ofStep);
    }
    return all;
  }

  /** Energy that no intensity is known for. */
  exclude(gridZone: string | null, millijoules: number): void {
    const sum = this.#excluded.get(gridZone) ?? new CompensatedSum();
    this.#excluded.set(gridZone, sum);
    sum.add(millijoules);
  }

  /** Whose a job's share is; null where nobody asks. */
  get ownerOf(): OwnerOf {
    return this.#range.ownerOf;
  }

  /** Whose the share of jobs is of which no more is known than what is asked for; null where nobody asks. */
  get ownerOfFacts(): ((job: JobFacts) => Owner) | null {
    return this.#owners?.ofJob ?? null;
  }

  /** Whether the owner's share is asked for. */
  isWanted(owner: Owner): boolean {
    return isWanted(owner, this.#range);
  }

  stepAt(instantMs: number): number {
    return stepAt(this.#request.edges, instantMs);
  }

  /** So far. */
  get groupCount(): number {
    return this.#groups.size;
  }

  /** @param top so many groups, those with the most grams; null: all, by key */
  result(top: number | null = null): JoinResult {
    const groups = [...this.#groups.values()];
    const { scope } = this.#request;
    const noSeries = `no series on this basis${scope === undefined ? '' : ` of ${scope}`}`;
    const listed =
      top === null
        ? groups.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
        : groups
            .sort((a, b) => b.all.totalGrams - a.all.totalGrams || (a.key < b.key ? -1 : 1))
            .slice(0, top);
    return {
      totals: this.#total.all.toFigures(),
      gpuCount: this.#total.gpus.size,
      series: this.#series(this.#total),
      groups: listed.map((sums) => ({
        key: sums.key,
        label: sums.label,
        owner: sums.owner,
        gpuCount: sums.gpus.size,
        ...sums.all.toFigures(),
        series: this.#series(sums),
      })),
      otherGroups: this.#others(groups.slice(listed.length)),
      excluded: [...this.#excluded].sort(byZone).map(([gridZone, millijoules]) => ({
        gridZone,
        reason: gridZone === null ? 'no grid zone is set for the site' : noSeries,
        energyKwh: millijoules.value / MILLIJOULES_PER_KWH,
      })),
      gridUses: this.#gridUses.list(),
      embodiedLifetimeYears: [...this.#lifetimes].sort((a, b) => a - b),
      embodiedParts: this.#parts.rows(),
    };
  }

  #others(groups: readonly Sums[]): OtherGroups | null {
    if (groups.length === 0) return null;
    const others = new Sums();
    for (const group of groups) others.addAll(group);
    return {
      groupCount: groups.length,
      gpuCount: others.gpus.size,
      ...others.all.toFigures(),
      series: this.#series(others),
    };
  }

  #group(name: GroupName): Sums {
    const id = idOf(name);
    const group = this.#groups.get(id) ?? Object.assign(new Sums(), name);
    this.#groups.set(id, group);
    return group;
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

/** What has no zone comes first. */
const byZone = ([a]: [string | null, unknown], [b]: [string | null, unknown]) =>
  (a ?? '') < (b ?? '') ? -1 : 1;

/** Of one project called "idle" and what was idle: two groups. */
const idOf = ({ key, owner }: GroupName): string => `${key} ${owner}`;

/** More nodes than there are numbers of (worker/storage/shards.ts). */
const NODES = 2 ** 26;

/** One number for each GPU of the fleet; those of one index stand together, so that a set of them is dense. */
export const gpuNumber = (nodeNumber: number, deviceIndex: number): number =>
  deviceIndex * NODES + nodeNumber;

/** The models of a node's GPUs; a node is never split, so mixed ones make one group: `A + B`. Null without GPUs. */
export function gpuModel(
  node: Pick<JoinNode, 'devices'> & { readonly parts: readonly Pick<NodePart, 'type' | 'name'>[] },
): string | null {
  const gpus = [...node.parts, ...node.devices].filter(({ type }) => type === 'gpu');
  const models = [...new Set(gpus.map(({ name }) => name))].sort();
  return models.length === 0 ? null : models.join(' + ');
}
