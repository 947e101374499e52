/** The figure: reads what the join needs, in bounded pieces, and joins it (shared/emissions). */
import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { beganMs } from '../../shared/embodied/amortization.ts';
import { withFootprints } from '../../shared/embodied/footprint.ts';
import { hardwareAsKnown } from '../../shared/embodied/own-figures.ts';
import {
  DEFAULT_LOW_UTILIZATION_RATIO,
  EmissionsJoin,
  type GroupKey,
  type JoinResult,
} from '../../shared/emissions/join.ts';
import type { NodePart } from '../../shared/emissions/join-node.ts';
import type { TimeSpan } from '../../shared/emissions/presence.ts';
import type { ContractUse } from '../../shared/emissions/supply.ts';
import { type Step, stepEdges } from '../../shared/emissions/time-steps.ts';
import type { Basis, Scope, Signal } from '../../shared/grid/intensity.ts';
import type { IntensityResolver } from '../../shared/grid/resolve.ts';
import { nodesAsKnown } from '../../shared/settings/node-as-known.ts';
import { type Place, Places } from '../../shared/settings/place.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { rangeProblem } from '../http/time-range.ts';
import { byKey, byNode } from '../storage/by-node.ts';
import { openDatabase } from '../storage/database.ts';
import { type FleetNode, readFleet, readFleetNodes } from '../storage/fleet.ts';
import { readJobNodes } from '../storage/job-nodes.ts';
import { type KnownHour, readHoursAsKnown } from '../storage/ledger-revisions.ts';
import { readNodeDevices } from '../storage/node-devices.ts';
import { findNodeNumber } from '../storage/node-directory.ts';
import { readPartsAsKnown } from '../storage/parts.ts';
import {
  type RecordedSetting,
  readAllSettings,
  readSettingsOfNodes,
  readSiteSettings,
} from '../storage/settings.ts';
import { type Shards, shardOfNode } from '../storage/shards.ts';
import { checkNodeDays, checkRange, checkSteps, isPlaceKey } from './emissions-bounds.ts';
import {
  acceptsGroup,
  acceptsJobs,
  acceptsNode,
  acceptsPlace,
  acceptsZone,
  emissionsFilter,
  type Term,
} from './emissions-filter.ts';
import { KnownJobs, namedJobs } from './emissions-jobs.ts';
import { loadIntensities } from './grid-intensity.ts';
import { devicesAsKnown } from './known-devices.ts';
import type { RolledQuery } from './rollup/plan.ts';
import { estimateGaps, readRolledUp } from './rollup/read.ts';
import { joinRolledNodes, planRolledNodes } from './rollup/read-nodes.ts';
import { loadSupply } from './supply.ts';

export interface EmissionsQuery {
  /** Only this node; null: the fleet. */
  readonly nodeId: string | null;
  /** Default: start of the UTC day that `toMs` ends in. */
  readonly fromMs?: number | undefined;
  /** Default: now. */
  readonly toMs?: number | undefined;
  readonly step: Step;
  readonly groupBy?: GroupKey | undefined;
  /** Of the groups so many, those with the most grams; default: all. */
  readonly top?: number | undefined;
  readonly filter?: string | undefined;
  readonly basis: Basis;
  readonly signal: Signal;
  /** Only what is charged with values of this scope; default: whatever zones are of. */
  readonly scope?: Scope | undefined;
  readonly accounting?: Accounting | undefined;
  /** Only what jobs of this project had. */
  readonly project?: string | undefined;
  /** Only what jobs of these projects had: all that the caller may see. Null: no bounds. */
  readonly withinProjects?: readonly string[] | null | undefined;
  /** Only what these jobs had. */
  readonly jobNumbers?: readonly number[] | undefined;
  /** GPUs below it count as low, 0..1; default `DEFAULT_LOW_UTILIZATION_RATIO`. */
  readonly lowUtilizationRatio?: number | undefined;
  /** Whether embodied emissions are wanted part by part too. */
  readonly withParts?: boolean | undefined;
  /** Answers as it was known then, not after `nowMs`; default: with all that is known. */
  readonly asOfMs?: number | undefined;
}

/** `market`: supply contracts cover what they can, the rest is at the residual mix or, without one, as under `location`. */
export const ACCOUNTINGS = ['location', 'market'] as const;
export type Accounting = (typeof ACCOUNTINGS)[number];

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

/** Groups and filters that sums of the fleet hold. */
const ROLLED_KEYS = ['gridZone', 'site', 'gpuModel'] as const;
/** Decoded hours held at once. */
const HOURS_AT_ONCE = 2_000;

/** Problems: `not_found`, `invalid_parameter`, `range_too_long`. */
export async function emissions(
  shards: Shards,
  query: EmissionsQuery,
  nowMs: number,
): Promise<Result<Emissions>> {
  const { asOfMs = nowMs, accounting = 'location' } = query;
  if (accounting === 'market' && query.signal === 'marginal')
    return fail(
      'invalid_parameter',
      'accounting=market shares out what is used on average; ask for signal=average.',
      'accounting',
    );
  const known = { nowMs: asOfMs, knownAtMs: query.asOfMs ?? ALL_KNOWN };
  if (asOfMs > nowMs) return fail('invalid_parameter', 'asOf must not be in the future.', 'asOf');
  const toMs = query.toMs ?? asOfMs;
  const fromMs = query.fromMs ?? Math.floor((toMs - 1) / DAY_MS) * DAY_MS;
  const backwards = rangeProblem(fromMs, toMs);
  if (backwards !== null) return { ok: false, problem: backwards };
  const terms = emissionsFilter(query.filter, query.project);
  if (!terms.ok) return terms;
  const joinToMs = Math.min(toMs, asOfMs);
  const rolledQuery = rollable(shards, query, terms.value, { fromMs, toMs: joinToMs }, nowMs);
  const ofPlaces = rolledQuery !== null && isOfPlaces(query, terms.value);
  const rolled = ofPlaces ? await shards.each((db) => readRolledUp(db, rolledQuery)) : [];
  const only = await namedJobs(shards, query, terms.value);
  const ranOn =
    only && new Set((await shards.ofJobs(only, readJobNodes)).map(({ nodeNumber }) => nodeNumber));
  const number = query.nodeId === null ? null : await findNodeNumber(shards.main, query.nodeId);
  if (query.nodeId !== null && number === null)
    return fail('not_found', `No node has the id "${query.nodeId}".`, 'id');
  // Contracts are spread over the whole fleet, whatever part of it is asked for.
  const named = accounting === 'market' ? null : number === null ? ranOn && [...ranOn] : [number];
  const fleet = await (named === null
    ? shards.rows(async (db, shard) => (rolled[shard]?.spans.length === 0 ? [] : readFleet(db)))
    : shards.ofNodes(named, readFleetNodes));
  const isAsked = (node: FleetNode) =>
    (ranOn === null || ranOn.has(node.number)) &&
    (query.nodeId === null || node.id === query.nodeId) &&
    acceptsNode(node, terms.value);
  const asked = byKey(fleet.filter(isAsked), ({ number }) => shardOfNode(number));
  const rolledNodes =
    rolledQuery === null || ofPlaces
      ? []
      : await shards.each((db, shard) =>
          planRolledNodes(db, rolledQuery, asked.get(shard) ?? [], query.step === 'hour'),
        );
  // Each shard has summed what it has; the end of the last step may be ahead.
  const ofShards = Array.from(
    { length: shards.count },
    (_, shard) => rolled[shard] ?? rolledNodes[shard] ?? { ...NOT_ROLLED, spans: [{ fromMs, toMs }] },
  );
  const summed = rolledNodes.reduce((sum, plan) => sum + (plan?.nodes.length ?? 0), 0);
  const tooMuch = checkNodeDays(query.step, { fromMs, toMs: joinToMs }, summed);
  if (tooMuch !== null) return tooMuch;
  const areNodesRead = ofShards.some(({ spans }) => spans.length > 0);
  const settings = !areNodesRead
    ? []
    : await (named === null ? readAllSettings(shards) : readSettingsOfNodes(shards, named));
  const asKnown = nodesAsKnown(fleet, settings, known.knownAtMs);
  const nodes = asKnown.filter(isAsked);
  const spansOf = ({ number }: FleetNode) => ofShards[shardOfNode(number)]!.spans;
  const tooLong = checkRange(query, { fromMs, toMs }, byKey(nodes, spansOf));
  if (tooLong !== null) return tooLong;

  const range = { fromMs, toMs, joinToMs, ...known };
  const supply = accounting === 'market' ? await loadSupply(shards, asKnown, settings, range) : null;
  if (supply !== null && !supply.ok) return supply;
  const toRead = nodes.filter((node) => spansOf(node).length > 0);
  const prepared = await prepareNodes(shards, toRead, range, settings);
  const gridZones = ofShards.flatMap((own) => [...own.gridZones]);
  const resolvers = await loadResolvers(shards.main, prepared, gridZones, query, range);
  const ofJobs = acceptsJobs(terms.value, query.jobNumbers, query.withinProjects ?? null);
  const byJobs = query.groupBy !== undefined && !isPlaceKey(query.groupBy);
  const jobs = byJobs || !ofJobs.all ? new KnownJobs(shards, known.knownAtMs) : null;
  const edges = stepEdges(query.step, fromMs, toMs);
  const join = new EmissionsJoin({
    edges,
    nowMs: asOfMs,
    withSeries: query.step !== 'none',
    groupBy: query.groupBy ?? null,
    accepts: (node, place) => acceptsPlace(node, place, terms.value),
    intensityOf: (gridZone) => resolvers.get(gridZone)!,
    scope: query.scope,
    supply: supply === null ? null : supply.value.plan,
    ofJobs: jobs && { ...ofJobs, jobOf: jobs.jobOf },
    lowUtilizationRatio: query.lowUtilizationRatio ?? DEFAULT_LOW_UTILIZATION_RATIO,
    withParts: query.withParts,
  });
  const tooManySteps = () => checkSteps(edges.length - 1, 1 + join.groupCount);
  estimateGaps(rolled.filter((own) => own !== null));
  for (const own of rolled) for (const hour of own?.hours ?? []) join.addHour(hour);
  const know = async (numbers: readonly number[]) => jobs?.read(numbers);
  for (const [shard, plan] of rolledNodes.entries()) {
    if (plan === null) continue;
    const added = await shards.ask(shard, async (db) => {
      for await (const _ of joinRolledNodes(db, plan, join, know)) {
        const tooMany = tooManySteps();
        if (tooMany !== null) return tooMany;
      }
      return null;
    });
    if (added !== null) return added;
  }
  for (const [shard, own] of byKey(prepared, ({ number }) => shardOfNode(number))) {
    for (const span of ofShards[shard]!.spans) {
      const within = { ...range, ...span, joinToMs: Math.min(span.toMs, joinToMs) };
      for (const chunk of chunksOf(own, span)) {
        await shards.ask(shard, (db) => addChunk(db, join, chunk, within, jobs));
        const tooMany = tooManySteps();
        if (tooMany !== null) return tooMany;
      }
    }
  }
  const tooMany = tooManySteps();
  if (tooMany !== null) return tooMany;
  // How much of a contract is used tells what others use.
  const bound = (query.withinProjects ?? null) !== null;
  const contracts = supply === null || bound ? null : supply.value.uses;
  const ends = ofShards.flatMap((own) => own.rolledUpToMs ?? []);
  const rolledUpToMs = ends.length === 0 ? null : Math.min(...ends);
  const hoursWaiting = ofShards.reduce((sum, own) => sum + own.hoursWaiting, 0);
  return ok({
    fromMs,
    toMs,
    asOfMs,
    contracts,
    rolledUpToMs,
    hoursWaiting,
    ...join.result(query.top ?? null),
  });
}

const NOT_ROLLED = { gridZones: new Set<string>(), rolledUpToMs: null, hoursWaiting: 0 };

/** Of which sums of hours can answer; null where it asks for what they do not hold. */
function rollable(
  shards: Shards,
  query: EmissionsQuery,
  terms: readonly Term[],
  span: TimeSpan,
  nowMs: number,
): RolledQuery | null {
  const { lowUtilizationRatio = DEFAULT_LOW_UTILIZATION_RATIO, accounting = 'location' } = query;
  const isHeld =
    query.asOfMs === undefined &&
    query.withParts !== true &&
    query.step !== 'window' &&
    accounting === 'location' &&
    lowUtilizationRatio === DEFAULT_LOW_UTILIZATION_RATIO;
  if (!isHeld || span.fromMs >= span.toMs) return null;
  let siteSettings: Promise<RecordedSetting[]> | null = null;
  return {
    ...span,
    siteSettings: () => (siteSettings ??= readSiteSettings(openDatabase(shards.main))),
    nowMs,
    byZone: keysOf(query, terms).includes('gridZone'),
    acceptsGroup: (group) => acceptsGroup(group, terms),
    acceptsPlace: (place) => acceptsZone(place, terms),
  };
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

const keysOf = ({ groupBy }: EmissionsQuery, terms: readonly Term[]): readonly string[] => [
  ...terms.map(({ key }) => key),
  ...(groupBy === undefined ? [] : [groupBy]),
];

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
  /** The instant that the answer speaks from. */
  readonly nowMs: number;
  /** What was recorded later is left out; unlike `nowMs` it has no end where nobody asked for the past. */
  readonly knownAtMs: number;
  /** `toMs`, but not beyond now. */
  readonly joinToMs: number;
}

interface PreparedNode extends FleetNode {
  readonly parts: readonly NodePart[];
  readonly places: readonly Place[];
}

async function prepareNodes(
  shards: Shards,
  nodes: readonly FleetNode[],
  range: Range,
  settings: readonly RecordedSetting[],
): Promise<PreparedNode[]> {
  const numbers = nodes.map(({ number }) => number);
  const parts = byNode(
    await shards.ofNodes(numbers, (db, own) => readPartsAsKnown(db, own, range.knownAtMs)),
  );
  const places = new Places(settings, range.knownAtMs);
  const hardware = hardwareAsKnown(settings, range.knownAtMs);
  return nodes.map((node) => {
    const own = withFootprints(parts.get(node.number) ?? [], hardware);
    // Lifetimes count from the first day in service, however short the range asked for.
    const startMs = Math.min(range.fromMs, ...own.map(beganMs));
    return {
      ...node,
      parts: own,
      places: places.of(node.number, { startMs: epochMs(startMs), endMs: epochMs(range.joinToMs) }),
    };
  });
}

/** One resolver for each zone that a node stands in during the range, and for others that are needed. */
async function loadResolvers(
  db: D1Database,
  nodes: readonly PreparedNode[],
  others: Iterable<string>,
  { basis, signal }: EmissionsQuery,
  { fromMs, joinToMs, knownAtMs }: Range,
): Promise<ReadonlyMap<string, IntensityResolver>> {
  const zones = new Set(others);
  for (const { gridZone, endMs } of nodes.flatMap(({ places }) => places))
    if (gridZone !== null && endMs > fromMs) zones.add(gridZone);
  return loadIntensities(db, { gridZones: [...zones], basis, signal, fromMs, toMs: joinToMs }, knownAtMs);
}

function* chunksOf(nodes: readonly PreparedNode[], { fromMs, toMs }: TimeSpan) {
  const hoursOfNode = Math.ceil((toMs - fromMs) / HOUR_MS);
  const size = Math.max(1, Math.floor(HOURS_AT_ONCE / hoursOfNode));
  for (let i = 0; i < nodes.length; i += size) yield nodes.slice(i, i + size);
}

async function addChunk(
  db: D1Database,
  join: EmissionsJoin,
  chunk: readonly PreparedNode[],
  { fromMs, toMs, joinToMs, knownAtMs }: Range,
  jobs: KnownJobs | null,
): Promise<void> {
  const nodeNumbers = chunk.map(({ number }) => number);
  const hours = new Map<number, KnownHour[]>(nodeNumbers.map((number) => [number, []]));
  if (fromMs < joinToMs) {
    const query = { nodeNumbers, fromMs, toMs: joinToMs };
    for (const hour of await readHoursAsKnown(db, query, knownAtMs)) hours.get(hour.nodeNumber)!.push(hour);
  }
  // After the hours: devices and jobs are registered before an hour names them.
  await jobs?.readNamedIn([...hours.values()].flat());
  const devices = byNode(await readNodeDevices(db, nodeNumbers));
  for (const node of chunk) {
    const own = hours.get(node.number)!;
    const registered = devices.get(node.number) ?? [];
    join.addNode({ ...node, devices: devicesAsKnown(registered, own, knownAtMs) }, own, { fromMs, toMs });
  }
}
