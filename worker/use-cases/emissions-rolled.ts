/** What of a question sums of hours and days answer, shard by shard, and what they leave. */
import { DEFAULT_LOW_UTILIZATION_RATIO, type EmissionsJoin, NO_GROUP } from '../../shared/emissions/join.ts';
import { JOB_KEYS, type JobKey } from '../../shared/emissions/owners.ts';
import type { TimeSpan } from '../../shared/emissions/presence.ts';
import { settledUntil } from '../../shared/ledger/settled.ts';
import { GapEstimates } from '../../shared/rollup/gap-estimates.ts';
import { byKey } from '../storage/by-node.ts';
import { openDatabase } from '../storage/database.ts';
import type { FleetNode } from '../storage/fleet.ts';
import { type RollupOutline, readRollupOutline } from '../storage/rollup-outline.ts';
import { readSiteSettings } from '../storage/settings.ts';
import { type Shards, shardOfNode } from '../storage/shards.ts';
import { MAX_NODE_HOURS } from './emissions-bounds.ts';
import { acceptsGroup, acceptsZone, onlyJob, type Term } from './emissions-filter.ts';
import type { EmissionsQuery, Range } from './emissions-query.ts';
import { changedSince } from './rollup/changed-since.ts';
import { type HourCounts, type RolledPlan, type RolledQuery, sitePlaces } from './rollup/plan.ts';
import { type AskedHour, hourSumsOf, planRolledUp, type RolledUp, readRolledHours } from './rollup/read.ts';
import { joinRolledLabels, planRolledLabels, type RolledLabels } from './rollup/read-labels.ts';
import { joinRolledNodes, planRolledNodes, type RolledNodes } from './rollup/read-nodes.ts';

/** Groups and filters that sums of the fleet hold. */
const ROLLED_KEYS = ['gridZone', 'site', 'gpuModel'] as const;

/** What the sums of one shard leave: spans to be joined node by node. */
export type Left = Pick<RolledPlan, 'spans' | 'gridZones' | 'rolledUpToMs' | keyof HourCounts>;

export class RolledParts {
  readonly #shards: Shards;
  readonly #query: RolledQuery | null;
  /** By shard; null: nothing is summed there yet. */
  readonly #outlines: readonly (RollupOutline | null)[];
  readonly #range: Range;
  /** By shard: sums of the fleet, where nothing is asked of nodes and jobs; else of nodes. */
  readonly #ofPlaces: readonly (RolledUp | null)[] | null;
  /** By shard: sums by label of jobs over all nodes, where they answer and the shard keeps them. */
  readonly #ofLabels: readonly (RolledLabels | null)[];
  #ofNodes: readonly (RolledNodes | null)[] = [];

  private constructor(
    shards: Shards,
    query: RolledQuery | null,
    outlines: readonly (RollupOutline | null)[],
    range: Range,
    ofPlaces: readonly (RolledUp | null)[] | null,
    ofLabels: readonly (RolledLabels | null)[],
  ) {
    this.#shards = shards;
    this.#query = query;
    this.#outlines = outlines;
    this.#range = range;
    this.#ofPlaces = ofPlaces;
    this.#ofLabels = ofLabels;
  }

  /**
   * Reads sums of the fleet, if they answer.
   * @param query `energyAlone`: no more is taken of them than energies of places
   */
  static async read(
    shards: Shards,
    query: EmissionsQuery & { readonly energyAlone?: boolean },
    terms: readonly Term[],
    range: Range,
    nowMs: number,
  ): Promise<RolledParts> {
    const span = { fromMs: range.fromMs, toMs: range.joinToMs };
    const rolled = await rollable(shards, query, terms, { ...span, knownAtMs: range.knownAtMs, nowMs });
    if (rolled === null) return new RolledParts(shards, null, [], range, null, []);
    const outlines = await shards.each((db) => readRollupOutline(db, span));
    if (isOfPlaces(query, terms)) {
      const ofPlaces = await planEach(outlines, (outline) => planRolledUp(rolled, outline));
      return new RolledParts(shards, rolled, outlines, range, ofPlaces, []);
    }
    // What a job is called now, or in another database, is a moment late in sums by label.
    const key = isAnswerAsKnown(query) ? null : labelKeyOf(query, terms);
    const labels = key && { key, values: valuesOf(query, terms, key) };
    const ofLabels =
      labels === null ? [] : await planEach(outlines, (outline) => planRolledLabels(rolled, outline, labels));
    return new RolledParts(shards, rolled, outlines, range, null, ofLabels);
  }

  /** Plans what days of these nodes hold, where sums of the fleet do not answer. @returns how many nodes */
  async planNodes(nodes: readonly FleetNode[], step: EmissionsQuery['step']): Promise<number> {
    const query = this.#query;
    if (query === null || this.#ofPlaces !== null) return 0;
    const ofShard = byKey(nodes, ({ number }) => shardOfNode(number));
    this.#ofNodes = await planEach(this.#outlines, async (outline, shard) =>
      this.#ofLabels[shard]
        ? null
        : planRolledNodes(query, outline, ofShard.get(shard) ?? [], step === 'hour'),
    );
    return this.#ofNodes.reduce((sum, plan) => sum + (plan?.nodes.length ?? 0), 0);
  }

  /** Each shard has summed what it has; the end of the last step may be ahead. */
  leftOf(shard: number): Left {
    const { fromMs, toMs } = this.#range;
    const all = fromMs < toMs ? [{ fromMs, toMs }] : [];
    const taken = this.#ofPlaces?.[shard] ?? this.#ofLabels[shard] ?? this.#ofNodes[shard];
    return taken ?? { ...NOT_ROLLED, spans: all };
  }

  get left(): readonly Left[] {
    return Array.from({ length: this.#shards.count }, (_, shard) => this.leftOf(shard));
  }

  /** How many hours of sites and GPU models there are to be read of sums of the fleet, over all shards. */
  get hourSums(): number {
    return (this.#ofPlaces ?? []).reduce((sum, plan) => sum + (plan === null ? 0 : hourSumsOf(plan)), 0);
  }

  /** What sums of the fleet hold, where they answer: a day of a group at once. */
  hours(): AsyncGenerator<readonly AskedHour[]> {
    return readRolledHours(this.#shards, this.#ofPlaces ?? []);
  }

  /**
   * Adds all of it to the join.
   * @param know reads jobs before they are joined
   * @param check told how many days and hours of labels were read so far, and how many groups there are; null: go on
   */
  async addTo<T>(
    join: EmissionsJoin,
    know: (jobNumbers: readonly number[]) => Promise<void>,
    check: (labelPieces: number, groups: number) => T | null,
  ): Promise<T | null> {
    let labelPieces = 0;
    const gaps = new GapEstimates(join);
    for await (const hours of this.hours())
      for (const hour of hours) {
        gaps.note(hour, hour.isAsked);
        if (hour.isAsked) join.addHour(hour);
      }
    gaps.finish();
    for (let shard = 0; shard < this.#shards.count; shard++) {
      const ofLabels = this.#ofLabels[shard];
      const ofNodes = this.#ofNodes[shard];
      const stopped = await this.#shards.ask(shard, async (db) => {
        if (ofLabels)
          for await (const { pieces, groups } of joinRolledLabels(db, ofLabels, join, know)) {
            labelPieces += pieces;
            const found = check(labelPieces, groups);
            if (found !== null) return found;
          }
        if (ofNodes)
          for await (const _ of joinRolledNodes(db, ofNodes, join, know)) {
            const found = check(labelPieces, join.groupCount);
            if (found !== null) return found;
          }
        return null;
      });
      if (stopped !== null) return stopped;
    }
    return null;
  }
}

/** Plans of all shards; null where there is none. */
const planEach = <T>(
  outlines: readonly (RollupOutline | null)[],
  plan: (outline: RollupOutline, shard: number) => Promise<T | null>,
): Promise<(T | null)[]> =>
  Promise.all(outlines.map(async (outline, shard) => outline && plan(outline, shard)));

const NOT_ROLLED = {
  gridZones: new Set<string>(),
  rolledUpToMs: null,
  hoursWaiting: 0,
  hoursMarked: 0,
  hoursChanged: 0,
  hoursGone: 0,
};

/** Of which sums of hours can answer; null where it asks for what they do not hold. */
async function rollable(
  shards: Shards,
  query: EmissionsQuery & { readonly energyAlone?: boolean },
  terms: readonly Term[],
  span: TimeSpan & Pick<RolledQuery, 'knownAtMs' | 'nowMs'>,
): Promise<RolledQuery | null> {
  const { lowUtilizationRatio = DEFAULT_LOW_UTILIZATION_RATIO, asOfMs, sumsAsKnown = false } = query;
  const isAsKnown = isAnswerAsKnown(query);
  const isHeld =
    query.withParts !== true &&
    query.step !== 'window' &&
    lowUtilizationRatio === DEFAULT_LOW_UTILIZATION_RATIO;
  if (!isHeld || span.fromMs >= span.toMs) return null;
  const areLabelsAsked = terms.some(({ key }) => key === 'label');
  const asked = query.energyAlone === true ? 'energy' : areLabelsAsked ? 'labels' : 'figures';
  const changed = once(async () => [
    ...(await changedSince(shards, span, span, asked)),
    ...unsettled(span, asOfMs),
  ]);
  return {
    ...span,
    // What was recorded since then is looked for only where the join would take too long.
    directNodeHours: isAsKnown && !sumsAsKnown ? MAX_NODE_HOURS / shards.count : 0,
    exactEnds: query.exactEnds === true,
    changed: isAsKnown ? changed : null,
    places: once(async () => sitePlaces(await readSiteSettings(openDatabase(shards.main)), span)),
    byZone: keysOf(query, terms).includes('gridZone'),
    acceptsGroup: (group) => acceptsGroup(group, terms),
    acceptsPlace: (place) => acceptsZone(place, terms),
  };
}

/** Whether it must lack nothing that was known, and hold nothing of later. */
export const isAnswerAsKnown = ({ asOfMs, sumsAsKnown = false }: EmissionsQuery): boolean =>
  sumsAsKnown || asOfMs !== undefined;

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let promise: Promise<T> | null = null;
  return () => (promise ??= read());
}

/** What had not settled by then was changing still, and no log says how it stood. */
function unsettled({ fromMs, toMs }: TimeSpan, asOfMs: number | undefined): TimeSpan[] {
  const settledMs = asOfMs === undefined ? toMs : Math.max(fromMs, settledUntil(asOfMs));
  return settledMs < toMs ? [{ fromMs: settledMs, toMs }] : [];
}

/** Whether it asks for nothing of nodes and jobs: then sums of the fleet answer. */
function isOfPlaces(query: EmissionsQuery, terms: readonly Term[]): boolean {
  return (
    query.nodeId === null &&
    query.jobNumbers === undefined &&
    (query.withinProjects ?? null) === null &&
    keysOf(query, terms).every((key) => ROLLED_KEYS.some((each) => each === key))
  );
}

/**
 * What jobs are to be labelled by, where it asks for nothing of nodes. Null for one job: its nodes are few. A job has all its
 * values, so that what asks for several of them is asked of jobs.
 */
function labelKeyOf(query: EmissionsQuery, terms: readonly Term[]): JobKey | null {
  if (query.nodeId !== null || query.jobNumbers !== undefined || onlyJob(terms) !== null) return null;
  const bound = (query.withinProjects ?? null) === null ? [] : ['project'];
  const ofOthers = [...keysOf(query, terms), ...bound].filter(
    (key) => !ROLLED_KEYS.some((each) => each === key),
  );
  const keys = JOB_KEYS.filter((key) => ofOthers.includes(key));
  const areAll = ofOthers.every((key) => keys.some((each) => each === key));
  return areAll ? (keys.length === 1 ? keys[0]! : 'job') : null;
}

/** Values of the key that jobs must have; null: any. Whoever asks for one asks for nothing that no job had. */
function valuesOf(
  { withinProjects }: EmissionsQuery,
  terms: readonly Term[],
  key: JobKey,
): ReadonlySet<string> | null {
  // Numbers stand for jobs, and no value for one that nobody said.
  if (key === 'job') return null;
  const asked = terms.find((term) => term.key === key)?.value;
  if (asked !== undefined) return asked === NO_GROUP ? null : new Set([asked]);
  return key === 'project' && withinProjects ? new Set(withinProjects) : null;
}

const keysOf = ({ groupBy }: EmissionsQuery, terms: readonly Term[]): readonly string[] => [
  ...terms.map(({ key }) => key),
  ...(groupBy === undefined ? [] : [groupBy]),
];
