/** What the ledger holds of a node, window by window, as the figures are made from it. */
import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { type NodeWindow, nodeWindows } from '../../shared/emissions/node-windows.ts';
import type { Basis, IntensityPoint, Signal } from '../../shared/grid/intensity.ts';
import { nodesAsKnown } from '../../shared/settings/node-as-known.ts';
import { Places } from '../../shared/settings/place.ts';
import { epochMs } from '../../shared/units.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { readFleetNodes } from '../storage/fleet.ts';
import { readHoursAsKnown } from '../storage/ledger-revisions.ts';
import { readNodeDevices } from '../storage/node-devices.ts';
import { findNodeNumber } from '../storage/node-directory.ts';
import { readPartsAsKnown } from '../storage/parts.ts';
import { readSettingsOfNodes } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import { readJobs } from '../storage/stored-jobs.ts';
import { loadIntensities } from './grid-intensity.ts';
import { devicesAsKnown } from './known-devices.ts';

export interface WindowsQuery {
  readonly nodeId: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the intensities. */
  readonly basis: Basis;
  readonly signal: Signal;
  /** As it was known then, not after now; default: with all that is known. */
  readonly asOfMs?: number | undefined;
}

export interface ChargedWindow extends NodeWindow {
  /** Where the node stood; null where its site has no zone. */
  readonly gridZone: string | null;
  /** What the window is charged with; null: nothing is known. */
  readonly intensity: IntensityPoint | null;
}

export interface NodeWindows {
  readonly windows: readonly ChargedWindow[];
  /** Ids by number, of the jobs that the windows name. */
  readonly jobIds: ReadonlyMap<number, string>;
}

/** Every window of the range at once: the caller bounds it. Problems: `not_found`, `invalid_parameter`. */
export async function readNodeWindows(
  shards: Shards,
  { nodeId, fromMs, toMs, basis, signal, asOfMs }: WindowsQuery,
  nowMs: number,
): Promise<Result<NodeWindows>> {
  if (asOfMs !== undefined && asOfMs > nowMs)
    return fail('invalid_parameter', 'asOf must not be in the future.', 'asOf');
  const knownAtMs = asOfMs ?? ALL_KNOWN;
  const number = await findNodeNumber(shards.main, nodeId);
  if (number === null) return fail('not_found', `No node has the id "${nodeId}".`, 'id');
  const db = shards.ofNode(number);
  const numbers = [number];
  const [nodes, settings] = await Promise.all([
    readFleetNodes(db, numbers),
    readSettingsOfNodes(shards, numbers),
  ]);
  const [node] = nodesAsKnown(nodes, settings, knownAtMs);
  if (node === undefined) return fail('not_found', `No node has the id "${nodeId}".`, 'id');
  const [hours, parts] = await Promise.all([
    readHoursAsKnown(db, { nodeNumbers: numbers, fromMs, toMs }, knownAtMs),
    readPartsAsKnown(db, numbers, knownAtMs),
  ]);
  // After the hours: devices and jobs are registered before an hour names them.
  const devices = devicesAsKnown(await readNodeDevices(db, numbers), hours, knownAtMs);
  const windows = nodeWindows({ ...node, parts, devices }, hours, { fromMs, toMs, nowMs: asOfMs ?? nowMs });
  const named = hours.flatMap(({ ledger }) => ledger.windows.flat().flatMap(({ jobShares }) => jobShares));
  const jobs = await readJobs(db, [...new Set(named.map(({ jobNumber }) => jobNumber))], knownAtMs);
  const places = new Places(settings, knownAtMs).of(number, {
    startMs: epochMs(fromMs),
    endMs: epochMs(toMs),
  });
  const gridZones = [...new Set(places.flatMap(({ gridZone }) => gridZone ?? []))];
  const range = { gridZones, basis, signal, fromMs, toMs };
  const resolvers = await loadIntensities(shards.main, range, knownAtMs);
  const charged = windows.map((window): ChargedWindow => {
    const { startMs } = window;
    const gridZone =
      places.find((place) => place.startMs <= startMs && startMs < place.endMs)?.gridZone ?? null;
    const intensity = gridZone === null ? null : resolvers.get(gridZone)!(startMs);
    return { ...window, gridZone, intensity };
  });
  return ok({ windows: charged, jobIds: new Map(jobs.map(({ number, id }) => [number, id])) });
}
