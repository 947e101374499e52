/** The figure: reads what the join needs, in bounded pieces, and joins it (shared/emissions). */
import {
  DEFAULT_LOW_UTILIZATION_RATIO,
  EmissionsJoin,
  type JoinResult,
} from '../../shared/emissions/join.ts';
import type { ContractUse } from '../../shared/emissions/supply.ts';
import { stepEdges } from '../../shared/emissions/time-steps.ts';
import { ok, type Result } from '../http/problem.ts';
import { byKey } from '../storage/by-node.ts';
import type { FleetNode } from '../storage/fleet.ts';
import { type Shards, shardOfNode } from '../storage/shards.ts';
import {
  checkHourSums,
  checkKnown,
  checkLabelPieces,
  checkNodeDays,
  checkRange,
  checkSteps,
  isPlaceKey,
} from './emissions-bounds.ts';
import { addByNode, loadResolvers, NodeFacts } from './emissions-by-node.ts';
import { acceptsJobs, acceptsPlace } from './emissions-filter.ts';
import { KnownJobs } from './emissions-jobs.ts';
import { askedAsKnown, findAsked, findAskedJobs, rangeOfJobs } from './emissions-nodes.ts';
import { askedOf, type EmissionsQuery } from './emissions-query.ts';
import { isAnswerAsKnown, RolledParts } from './emissions-rolled.ts';
import { loadSupply } from './supply.ts';

export interface Emissions extends JoinResult {
  /** Null under location accounting. */
  readonly contracts: readonly ContractUse[] | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly asOfMs: number;
  /** Until when it counts, where that is not all that was asked for: the newest hours of a large fleet are summed by cron. */
  readonly rolledUpToMs: number | null;
  /** Hours that changed and are counted as they were until they are summed again. */
  readonly hoursWaiting: number;
}

/** Problems: `not_found`, `invalid_parameter`, `range_too_long`. */
export async function emissions(
  shards: Shards,
  query: EmissionsQuery,
  nowMs: number,
): Promise<Result<Emissions>> {
  const question = askedOf(query, nowMs);
  if (!question.ok) return question;
  const { range, terms } = question.value;
  const { fromMs, toMs, knownAtMs } = range;
  const askedJobs = await findAskedJobs(shards, query, terms);
  const reads = rangeOfJobs(range, askedJobs);
  const rolled = await RolledParts.read(shards, query, terms, reads, nowMs);
  const isLeft = (shard: number) => rolled.leftOf(shard).spans.length > 0;
  const found = await findAsked(shards, query, terms, askedJobs, isLeft);
  if (!found.ok) return found;
  const summed = await rolled.planNodes(found.value.fleet.filter(found.value.isAsked), query.step);
  const tooMuch =
    checkHourSums(rolled.hourSums, 'from') ??
    checkNodeDays(query.step, { fromMs: reads.fromMs, toMs: reads.joinToMs }, summed);
  if (tooMuch !== null) return tooMuch;
  const { left } = rolled;
  const areNodesRead = left.some(({ spans }) => spans.length > 0);
  const settings = areNodesRead ? await found.value.settings() : [];
  const nodes = askedAsKnown(found.value, settings, knownAtMs);
  const spansOf = ({ number }: FleetNode) => left[shardOfNode(number)]!.spans;
  const tooLong = checkRange(query, { fromMs, toMs }, byKey(nodes, spansOf));
  const lacking = isAnswerAsKnown(query) ? checkKnown(left, nodes.length, tooLong !== null) : null;
  if (lacking !== null) return lacking;
  if (tooLong !== null) return tooLong;

  const isMarket = query.accounting === 'market';
  const supply = isMarket ? await loadSupply(shards, query, range, nowMs) : null;
  if (supply !== null && !supply.ok) return supply;
  const toRead = nodes.filter((node) => spansOf(node).length > 0);
  const facts = new NodeFacts(settings, reads);
  const gridZones = left.flatMap((own) => [...own.gridZones]);
  gridZones.push(...facts.zonesOf(toRead));
  const resolvers = await loadResolvers(shards.main, gridZones, query, reads);
  const ofJobs = acceptsJobs(terms, query.jobNumbers, query.withinProjects ?? null);
  const byJobs = query.groupBy !== undefined && !isPlaceKey(query.groupBy);
  const jobs = byJobs || !ofJobs.all ? new KnownJobs(shards, knownAtMs) : null;
  const edges = stepEdges(query.step, fromMs, toMs);
  const join = new EmissionsJoin({
    edges,
    nowMs: range.nowMs,
    withSeries: query.step !== 'none',
    groupBy: query.groupBy ?? null,
    accepts: (node, place) => acceptsPlace(node, place, terms),
    intensityOf: (gridZone) => resolvers.get(gridZone)!,
    scope: query.scope,
    supply: supply === null ? null : supply.value.plan,
    ofJobs: jobs && { ...ofJobs, jobOf: jobs.jobOf },
    lowUtilizationRatio: query.lowUtilizationRatio ?? DEFAULT_LOW_UTILIZATION_RATIO,
    withParts: query.withParts,
  });
  const tooManySteps = (groups = join.groupCount) => checkSteps(edges.length - 1, 1 + groups);
  const know = async (numbers: readonly number[]) => jobs?.read(numbers);
  const tooMuchRead = (labelPieces: number, groups: number) =>
    tooManySteps(groups) ?? checkLabelPieces(labelPieces);
  let stopped = await rolled.addTo(join, know, tooMuchRead);
  for (const [shard, own] of byKey(toRead, ({ number }) => shardOfNode(number)))
    stopped ??= await shards.ask(shard, (db) =>
      addByNode(db, join, facts, own, left[shard]!.spans, reads, jobs, tooManySteps),
    );
  stopped ??= tooManySteps();
  if (stopped !== null) return stopped;
  // How much of a contract is used tells what others use.
  const bound = (query.withinProjects ?? null) !== null;
  const ends = [
    ...left.flatMap((own) => own.rolledUpToMs ?? []),
    // What contracts are spread over may end later than what is asked for.
    ...[supply?.value.rolledUpToMs ?? toMs].filter((endMs) => endMs < toMs),
  ];
  return ok({
    fromMs,
    toMs,
    asOfMs: range.nowMs,
    contracts: supply === null || bound ? null : supply.value.uses,
    rolledUpToMs: ends.length === 0 ? null : Math.min(...ends),
    hoursWaiting: Math.max(
      left.reduce((sum, own) => sum + own.hoursWaiting, 0),
      supply?.value.hoursWaiting ?? 0,
    ),
    ...join.result(query.top ?? null),
  });
}
