/** Joins node by node, from their hours, what no sum holds; in bounded pieces. */
import { beganMs } from '../../shared/embodied/amortization.ts';
import { Footprints } from '../../shared/embodied/footprint.ts';
import { hardwareAsKnown } from '../../shared/embodied/own-figures.ts';
import type { EmissionsJoin } from '../../shared/emissions/join.ts';
import type { NodePart } from '../../shared/emissions/join-node.ts';
import type { TimeSpan } from '../../shared/emissions/presence.ts';
import type { IntensityResolver } from '../../shared/grid/resolve.ts';
import { type Place, Places } from '../../shared/settings/place.ts';
import { HOUR_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { byNode } from '../storage/by-node.ts';
import type { FleetNode } from '../storage/fleet.ts';
import { type KnownHour, readHoursAsKnown } from '../storage/ledger-revisions.ts';
import { readNodeDevices } from '../storage/node-devices.ts';
import { readPartsAsKnown } from '../storage/parts.ts';
import type { RecordedSetting } from '../storage/settings.ts';
import type { KnownJobs } from './emissions-jobs.ts';
import type { EmissionsQuery, Range } from './emissions-query.ts';
import { loadIntensities } from './grid-intensity.ts';
import { devicesAsKnown } from './known-devices.ts';

/** Decoded hours held at once. */
const HOURS_AT_ONCE = 2_000;
/** Nodes whose parts are held at once: of 10,000 nodes they are hundreds of MB. */
const NODES_AT_ONCE = 500;

export interface PreparedNode extends FleetNode {
  readonly parts: readonly NodePart[];
  readonly places: readonly Place[];
}

/** Where nodes stand and what their hardware stands for, by what is recorded of both. */
export class NodeFacts {
  readonly #range: Range;
  readonly #places: Places;
  readonly #footprints: Footprints;

  constructor(settings: readonly RecordedSetting[], range: Range) {
    this.#range = range;
    this.#places = new Places(settings, range.knownAtMs);
    this.#footprints = new Footprints(hardwareAsKnown(settings, range.knownAtMs));
  }

  /** Of one shard. */
  async prepare(db: D1Database, nodes: readonly FleetNode[]): Promise<PreparedNode[]> {
    const { fromMs, joinToMs, knownAtMs } = this.#range;
    const numbers = nodes.map(({ number }) => number);
    const parts = byNode(await readPartsAsKnown(db, numbers, knownAtMs));
    return nodes.map((node) => {
      const own = this.#footprints.of(parts.get(node.number) ?? []);
      // Lifetimes count from the first day in service, however short the range asked for.
      const startMs = Math.min(fromMs, ...own.map(beganMs));
      const range = { startMs: epochMs(startMs), endMs: epochMs(joinToMs) };
      return { ...node, parts: own, places: this.#places.of(node.number, range) };
    });
  }

  /** Zones that these nodes stand in during the range. */
  zonesOf(nodes: readonly FleetNode[]): ReadonlySet<string> {
    const { fromMs, joinToMs } = this.#range;
    const range = { startMs: epochMs(Math.min(fromMs, joinToMs)), endMs: epochMs(joinToMs) };
    const zones = nodes.flatMap(({ number }) =>
      this.#places.of(number, range).map((place) => place.gridZone),
    );
    return new Set(zones.filter((zone) => zone !== null));
  }
}

/** Nodes of one shard, in order. */
export function* nodesAtOnce<N>(nodes: readonly N[], most = NODES_AT_ONCE): Generator<readonly N[]> {
  for (let i = 0; i < nodes.length; i += most) yield nodes.slice(i, i + most);
}

/** One resolver for each zone. */
export function loadResolvers(
  db: D1Database,
  gridZones: Iterable<string>,
  { basis, signal }: EmissionsQuery,
  { fromMs, joinToMs, knownAtMs }: Range,
): Promise<ReadonlyMap<string, IntensityResolver>> {
  const query = { gridZones: [...new Set(gridZones)], basis, signal, fromMs, toMs: joinToMs };
  return loadIntensities(db, query, knownAtMs);
}

/** Adds these spans of nodes of one shard, and checks after each piece. @param check null: go on */
export async function addByNode<T>(
  db: D1Database,
  join: EmissionsJoin,
  facts: NodeFacts,
  nodes: readonly FleetNode[],
  spans: readonly TimeSpan[],
  range: Range,
  jobs: KnownJobs | null,
  check: () => T | null,
): Promise<T | null> {
  for (const some of nodesAtOnce(nodes)) {
    const prepared = await facts.prepare(db, some);
    for (const span of spans) {
      const within = { ...range, ...span, joinToMs: Math.min(span.toMs, range.joinToMs) };
      const hoursOfNode = Math.ceil((span.toMs - span.fromMs) / HOUR_MS);
      for (const chunk of nodesAtOnce(prepared, Math.max(1, Math.floor(HOURS_AT_ONCE / hoursOfNode)))) {
        await addChunk(db, join, chunk, within, jobs);
        const found = check();
        if (found !== null) return found;
      }
    }
  }
  return null;
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
