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
import type { Shards } from '../storage/shards.ts';
import type { KnownJobs } from './emissions-jobs.ts';
import type { EmissionsQuery, Range } from './emissions-query.ts';
import { loadIntensities } from './grid-intensity.ts';
import { devicesAsKnown } from './known-devices.ts';

/** Decoded hours held at once. */
const HOURS_AT_ONCE = 2_000;

export interface PreparedNode extends FleetNode {
  readonly parts: readonly NodePart[];
  readonly places: readonly Place[];
}

export async function prepareNodes(
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
  const footprints = new Footprints(hardwareAsKnown(settings, range.knownAtMs));
  return nodes.map((node) => {
    const own = footprints.of(parts.get(node.number) ?? []);
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
export async function loadResolvers(
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

/** Adds these spans of nodes of one shard, and checks after each piece. @param check null: go on */
export async function addByNode<T>(
  db: D1Database,
  join: EmissionsJoin,
  nodes: readonly PreparedNode[],
  spans: readonly TimeSpan[],
  range: Range,
  jobs: KnownJobs | null,
  check: () => T | null,
): Promise<T | null> {
  for (const span of spans) {
    const within = { ...range, ...span, joinToMs: Math.min(span.toMs, range.joinToMs) };
    for (const chunk of chunksOf(nodes, span)) {
      await addChunk(db, join, chunk, within, jobs);
      const found = check();
      if (found !== null) return found;
    }
  }
  return null;
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
