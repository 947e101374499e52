/** The join over many nodes: cells summed into totals, steps and groups. */
import type { Place } from '../settings/place.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import { FigureSums, type Figures } from './figures.ts';
import type { JoinNode, NodeHourLedger } from './join-node.ts';
import { type JoinRange, nodeCells } from './node-cells.ts';
import { JOB_KEYS, type JobFacts, type JobKey, jobValue, OTHER_JOBS, type Owner } from './owners.ts';

export const PLACE_KEYS = ['node', 'gridZone', 'site', 'gpuModel'] as const;
export const GROUP_KEYS = [...PLACE_KEYS, ...JOB_KEYS] as const;
export type GroupKey = (typeof GROUP_KEYS)[number];

/** What counts as hardly used is a matter of opinion: low enough that a job that computes steadily is never in it. */
export const DEFAULT_LOW_UTILIZATION_RATIO = 0.2;

/** What is asked of jobs: groups by one of their values, or only some of them. */
export interface JobRequest {
  /** Asked for every job of the hours that are added. */
  readonly jobOf: (jobNumber: number) => JobFacts;
  readonly acceptsJob: (job: JobFacts) => boolean;
  /** Whether energy and hardware that was in no job is wanted too. */
  readonly acceptsOwner: (owner: Owner) => boolean;
}

export interface JoinRequest extends Omit<JoinRange, 'accepts' | 'ownerOf' | 'acceptsOwner'> {
  /** False: no series, only totals. */
  readonly withSeries: boolean;
  readonly groupBy: GroupKey | null;
  readonly accepts: (node: JoinNode, place: Place) => boolean;
  /** Null where nothing is asked of jobs. */
  readonly ofJobs: JobRequest | null;
}

export interface FigureStep extends Figures {
  readonly startMs: number;
  readonly endMs: number;
}

export interface FigureGroup extends Figures {
  readonly key: string;
  readonly label: string;
  /** In groups by what jobs are: whether it is jobs, proven idle or nobody's. Null in others. */
  readonly owner: 'job' | 'idle' | 'unattributed' | null;
  /** Different GPUs that were metered or, for jobs, allocated. */
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
  /** By key. */
  readonly groups: readonly FigureGroup[];
  readonly excluded: readonly Excluded[];
}

/** Totals with their steps. */
class Sums {
  readonly all = new FigureSums();
  /** `<node number> <device index>` */
  readonly gpus = new Set<string>();
  readonly steps = new Map<number, FigureSums>();
}

export class EmissionsJoin {
  readonly #request: JoinRequest;
  readonly #total = new Sums();
  readonly #groups = new Map<string, Sums & GroupName>();
  readonly #excluded = new Map<string | null, bigint>();
  readonly #range: Omit<JoinRange, 'accepts'>;

  constructor(request: JoinRequest) {
    this.#request = request;
    const { ofJobs, groupBy } = request;
    this.#range = {
      ...request,
      ownerOf: ofJobs && jobOwners(ofJobs, JOB_KEYS.find((key) => key === groupBy) ?? null),
      acceptsOwner: ofJobs?.acceptsOwner ?? (() => true),
    };
  }

  addNode(node: JoinNode, hours: Iterable<NodeHourLedger>): void {
    const request = this.#request;
    const accepts = (place: Place) => request.accepts(node, place);
    const { cells, excluded } = nodeCells(node, hours, { ...this.#range, accepts });
    for (const { place, step, owner, cell, gpus } of cells) {
      if (!cell.inFleet && !cell.reporting) continue;
      for (const sums of [this.#total, ...this.#groupsOf(node, place, owner)]) {
        sums.all.add(node.number, cell);
        for (const index of gpus) sums.gpus.add(`${node.number} ${index}`);
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

  /** So far. */
  get groupCount(): number {
    return this.#groups.size;
  }

  result(): JoinResult {
    return {
      totals: this.#total.all.toFigures(),
      gpuCount: this.#total.gpus.size,
      series: this.#series(this.#total),
      groups: [...this.#groups]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, sums]) => ({
          key: sums.key,
          label: sums.label,
          owner: sums.owner,
          gpuCount: sums.gpus.size,
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

  #groupsOf(node: JoinNode, place: Place, owner: Owner): Sums[] {
    const { groupBy } = this.#request;
    if (groupBy === null) return [];
    const name = groupOf(groupBy, node, place, owner);
    // Of one project called "idle" and what was idle: two groups.
    const id = `${name.key} ${name.owner}`;
    const group = this.#groups.get(id) ?? Object.assign(new Sums(), name);
    this.#groups.set(id, group);
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

type GroupName = Pick<FigureGroup, 'key' | 'label' | 'owner'>;

function groupOf(groupBy: GroupKey, node: JoinNode, place: Place, owner: Owner): GroupName {
  const same = (key: string | null) => ({ key: key ?? NO_GROUP, label: key ?? NO_GROUP, owner: null });
  switch (groupBy) {
    case 'node':
      return { key: node.id, label: node.hostname, owner: null };
    case 'gridZone':
      return same(place.gridZone);
    case 'site':
      return same(place.siteId);
    case 'gpuModel':
      return same(gpuModel(node));
    default:
      return { key: owner.key, label: owner.key, owner: owner.kind === 'whole' ? null : owner.kind };
  }
}

/** One owner for each value of the key that groups, or for all jobs together; those that are not accepted have none. */
function jobOwners({ jobOf, acceptsJob }: JobRequest, key: JobKey | null): (jobNumber: number) => Owner {
  const byValue = new Map<string, Owner>();
  const byNumber = new Map<number, Owner>();
  const ownerOf = (job: JobFacts): Owner => {
    if (!acceptsJob(job)) return OTHER_JOBS;
    const value = key === null ? '' : (jobValue(job, key) ?? NO_GROUP);
    const owner = byValue.get(value) ?? { kind: 'job', key: value };
    byValue.set(value, owner);
    return owner;
  };
  return (jobNumber) => {
    const owner = byNumber.get(jobNumber) ?? ownerOf(jobOf(jobNumber));
    byNumber.set(jobNumber, owner);
    return owner;
  };
}

/** The models of a node's GPUs; a node is never split, so mixed ones make one group: `A + B`. Null without GPUs. */
export function gpuModel(node: Pick<JoinNode, 'devices' | 'parts'>): string | null {
  const gpus = [...node.parts, ...node.devices].filter(({ type }) => type === 'gpu');
  const models = [...new Set(gpus.map(({ name }) => name))].sort();
  return models.length === 0 ? null : models.join(' + ');
}
