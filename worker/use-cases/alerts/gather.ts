/** Sums the windows of one hour over some thousand nodes, for every scope at once: nodes are read once, not per rule. */

import { FactSums, NO_ZONE, type WindowFacts } from '../../../shared/alerts/facts.ts';
import { type HourRange, jobFacts, type NodeWindow, nodeWindows } from '../../../shared/alerts/node-facts.ts';
import {
  acceptsJob,
  isOfJobs,
  type Scope,
  type ScopedJob,
  ScopeIndex,
} from '../../../shared/alerts/scope.ts';
import { beganMs } from '../../../shared/embodied/amortization.ts';
import { Footprints } from '../../../shared/embodied/footprint.ts';
import type { HardwareHistory } from '../../../shared/embodied/own-figures.ts';
import type { JoinNode, NodePart } from '../../../shared/emissions/join-node.ts';
import type { HourLedger } from '../../../shared/ledger/hour.ts';
import type { Place, Places } from '../../../shared/settings/place.ts';
import { HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';
import { byNode } from '../../storage/by-node.ts';
import type { FleetNode } from '../../storage/fleet.ts';
import { readFleetHours } from '../../storage/fleet-hours.ts';
import { readFleetJobs } from '../../storage/fleet-jobs.ts';
import { readNodeDevices } from '../../storage/node-devices.ts';
import type { NodeHour } from '../../storage/node-hours.ts';
import { readParts } from '../../storage/parts.ts';
import type { Shards } from '../../storage/shards.ts';

export interface GatherRequest {
  readonly hourStartMs: number;
  /** Windows of the hour before this instant. */
  readonly toMs: number;
  readonly scopes: readonly Scope[];
  /** Whether some rule asks for embodied emissions or coverage. */
  readonly withHardware: boolean;
  /** Nodes up to this number are summed already. */
  readonly afterNode: number;
  /** Their sums, by window of the hour. */
  readonly before: readonly WindowFacts[];
  /** Nodes that this step takes. */
  readonly most: number;
}

export interface Gathered {
  readonly windows: readonly WindowFacts[];
  /** Number of the last node summed; null where that was all. */
  readonly afterNode: number | null;
}

/** @param fleet by number */
export async function gather(
  shards: Shards,
  request: GatherRequest,
  fleet: readonly FleetNode[],
  places: Places,
  catalog: HardwareHistory,
): Promise<Gathered> {
  const { hourStartMs, toMs, afterNode, withHardware } = request;
  const due = fleet.filter(
    ({ number, retiredAtMs }) =>
      number > afterNode && (retiredAtMs === null || retiredAtMs > hourStartMs - HOUR_MS),
  );
  const chunk = due.slice(0, request.most);
  const nodeNumbers = chunk.map(({ number }) => number);
  const hardware = await readHardware(shards, withHardware ? nodeNumbers : [], catalog);

  const index = new ScopeIndex(request.scopes);
  const length = (toMs - hourStartMs) / WINDOW_MS;
  const sums = Array.from({ length }, (_, i) => new FactSums(request.before[i]));
  const left = new Map(chunk.map((node) => [node.number, node]));
  const add = (node: FleetNode, ledger: HourLedger | null, jobs: Jobs) =>
    addHour(sums, index, toJoinNode(node, hardware, places, request), ledger, request, jobs);
  const range = { nodeNumbers, fromMs: hourStartMs, toMs };
  for await (const { hours, jobs } of readWithJobs(shards, request.scopes, range)) {
    for (const { nodeNumber, ledger } of hours) {
      add(left.get(nodeNumber)!, ledger, jobs);
      left.delete(nodeNumber);
    }
  }
  for (const node of left.values()) add(node, null, new Map());
  return {
    windows: sums.map((each) => each.toFacts()),
    afterNode: due.length > chunk.length ? chunk.at(-1)!.number : null,
  };
}

/** @param sums of the windows of the hour */
function addHour(
  sums: readonly FactSums[],
  index: ScopeIndex,
  node: ScopedNode,
  ledger: HourLedger | null,
  range: HourRange,
  jobs: Jobs,
): void {
  const scopesAt = new Map<Place, readonly Scope[]>();
  for (const window of nodeWindows(node, ledger, range)) {
    const { place } = window;
    let scopes = scopesAt.get(place);
    if (scopes === undefined) {
      scopes = index.of({ nodeId: node.id, labels: node.labels, ...place });
      scopesAt.set(place, scopes);
    }
    for (const scope of scopes) addWindow(sums[window.index]!, scope, window, jobs);
  }
}

function addWindow(sums: FactSums, scope: Scope, { place, facts, epochs }: NodeWindow, jobs: Jobs): void {
  const zone = place.gridZone ?? NO_ZONE;
  if (!isOfJobs(scope)) {
    sums.add(scope.text, zone, facts);
    return;
  }
  let energy = 0;
  for (const { jobShares } of epochs) {
    for (const { jobNumber, energyMillijoules } of jobShares) {
      const job = jobs.get(jobNumber);
      if (job !== undefined && acceptsJob(scope, job)) energy += energyMillijoules;
    }
  }
  if (energy > 0) sums.add(scope.text, zone, jobFacts(energy, place));
}

type ScopedNode = JoinNode & Pick<FleetNode, 'number' | 'labels'>;

interface Hardware {
  readonly devices: ReadonlyMap<number, JoinNode['devices']>;
  readonly parts: ReadonlyMap<number, readonly NodePart[]>;
}

async function readHardware(
  shards: Shards,
  nodeNumbers: readonly number[],
  catalog: HardwareHistory,
): Promise<Hardware> {
  if (nodeNumbers.length === 0) return { devices: new Map(), parts: new Map() };
  const [devices, parts] = await Promise.all([
    shards.ofNodes(nodeNumbers, readNodeDevices),
    shards.ofNodes(nodeNumbers, readParts),
  ]);
  const footprints = new Footprints(catalog);
  return {
    devices: byNode(devices),
    parts: new Map([...byNode(parts)].map(([node, own]) => [node, footprints.of(own)])),
  };
}

function toJoinNode(
  node: FleetNode,
  { devices, parts }: Hardware,
  places: Places,
  { hourStartMs, toMs }: Pick<GatherRequest, 'hourStartMs' | 'toMs'>,
): ScopedNode {
  const own = parts.get(node.number) ?? [];
  // Lifetimes count from the first day in service.
  const startMs = Math.min(hourStartMs, ...own.map(beganMs));
  return {
    ...node,
    devices: devices.get(node.number) ?? [],
    parts: own,
    places: places.of(node.number, { startMs: epochMs(startMs), endMs: epochMs(toMs) }),
  };
}

type Jobs = ReadonlyMap<number, ScopedJob>;

/** Hours that are held at once, unpacked: some ten kilobytes each. */
const HOURS_AT_ONCE = 400;

/** Hours in pages that fit in memory, with the jobs that they speak of; each job is looked up once. */
async function* readWithJobs(
  shards: Shards,
  scopes: readonly Scope[],
  range: { readonly nodeNumbers: readonly number[]; readonly fromMs: number; readonly toMs: number },
): AsyncGenerator<{ readonly hours: readonly NodeHour[]; readonly jobs: Jobs }> {
  const jobs = new Map<number, ScopedJob>();
  const withJobs = scopes.some(isOfJobs);
  const lookUp = async (hours: readonly NodeHour[]) => {
    const numbers = withJobs ? jobNumbersIn(hours).filter((number) => !jobs.has(number)) : [];
    for (const job of numbers.length === 0
      ? []
      : await readFleetJobs(shards, numbers, Number.MAX_SAFE_INTEGER))
      for (const number of job.numbers) jobs.set(number, job);
  };
  let hours: NodeHour[] = [];
  for await (const hour of readFleetHours(shards, range)) {
    hours.push(hour);
    if (hours.length < HOURS_AT_ONCE) continue;
    await lookUp(hours);
    yield { hours, jobs };
    hours = [];
  }
  await lookUp(hours);
  yield { hours, jobs };
}

function jobNumbersIn(hours: readonly NodeHour[]): number[] {
  const numbers = new Set<number>();
  for (const { ledger } of hours)
    for (const epochs of ledger.windows)
      for (const { jobShares } of epochs) for (const { jobNumber } of jobShares) numbers.add(jobNumber);
  return [...numbers];
}

export interface PastRequest {
  /** Begin of an hour. */
  readonly fromMs: number;
  /** End of a window. */
  readonly toMs: number;
  readonly scopes: readonly Scope[];
  readonly withHardware: boolean;
}

/** Sums a past of many hours, node by node: by window since `fromMs`. The caller bounds nodes x hours. */
export async function gatherPast(
  shards: Shards,
  { fromMs, toMs, scopes, withHardware }: PastRequest,
  fleet: readonly FleetNode[],
  places: Places,
  catalog: HardwareHistory,
): Promise<WindowFacts[]> {
  const nodeNumbers = fleet.map(({ number }) => number);
  const hardware = await readHardware(shards, withHardware ? nodeNumbers : [], catalog);
  const index = new ScopeIndex(scopes);
  const nodes = new Map(
    fleet.map((node) => [node.number, toJoinNode(node, hardware, places, { hourStartMs: fromMs, toMs })]),
  );
  const sums = Array.from({ length: (toMs - fromMs) / WINDOW_MS }, () => new FactSums());
  const rangeOf = (hourStartMs: number) => ({
    hourStartMs,
    toMs: Math.min(toMs, hourStartMs + HOUR_MS),
    withHardware,
  });
  const sumsOf = (hourStartMs: number) => {
    const first = (hourStartMs - fromMs) / WINDOW_MS;
    return sums.slice(first, first + WINDOWS_PER_HOUR);
  };
  const booked = new Set<string>();
  for await (const { hours, jobs } of readWithJobs(shards, scopes, { nodeNumbers, fromMs, toMs })) {
    for (const { nodeNumber, hourStartMs, ledger } of hours) {
      booked.add(`${nodeNumber} ${hourStartMs}`);
      addHour(sumsOf(hourStartMs), index, nodes.get(nodeNumber)!, ledger, rangeOf(hourStartMs), jobs);
    }
  }
  for (const [number, node] of nodes)
    for (let hourMs = fromMs; hourMs < toMs; hourMs += HOUR_MS)
      if (!booked.has(`${number} ${hourMs}`))
        addHour(sumsOf(hourMs), index, node, null, rangeOf(hourMs), new Map());
  return sums.map((each) => each.toFacts());
}
