/** Which nodes an answer is about, found without reading others. */
import type { TimeSpan } from '../../shared/emissions/presence.ts';
import { nodesAsKnown } from '../../shared/settings/node-as-known.ts';
import { DAY_MS } from '../../shared/time/window.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { type FleetNode, readFleet, readFleetNodes } from '../storage/fleet.ts';
import { readJobNodes } from '../storage/job-nodes.ts';
import { findNodeNumber } from '../storage/node-directory.ts';
import { type RecordedSetting, readAllSettings, readSettingsOfNodes } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import { acceptsNode, type Term } from './emissions-filter.ts';
import { namedJobs } from './emissions-jobs.ts';
import type { EmissionsQuery, Range } from './emissions-query.ts';

export interface AskedNodes {
  /** All that were read: more than are asked for where a label is asked for. */
  readonly fleet: readonly FleetNode[];
  readonly isAsked: (node: FleetNode) => boolean;
  /** Settings of all that were read. */
  readonly settings: () => Promise<readonly RecordedSetting[]>;
}

export interface AskedJobs {
  /** Numbers of the nodes that they ran on. */
  readonly ranOn: ReadonlySet<number>;
  /** Whole days, outside which nothing is of them; null: nothing was booked of them yet. */
  readonly days: TimeSpan | null;
}

/** Where and when the jobs ran that are asked for by name, so that no more is read; null where none is. */
export async function findAskedJobs(
  shards: Shards,
  query: EmissionsQuery,
  terms: readonly Term[],
): Promise<AskedJobs | null> {
  const numbers = await namedJobs(shards, query, terms);
  if (numbers === null) return null;
  const places = await shards.ofJobs(numbers, readJobNodes);
  let fromMs = Infinity;
  let toMs = -Infinity;
  for (const { firstHourMs, endHourMs } of places) {
    fromMs = Math.min(fromMs, firstHourMs);
    toMs = Math.max(toMs, endHourMs);
  }
  // Not cut amid a day: whole days are read from their sums.
  const days = { fromMs: Math.floor(fromMs / DAY_MS) * DAY_MS, toMs: Math.ceil(toMs / DAY_MS) * DAY_MS };
  return {
    ranOn: new Set(places.map(({ nodeNumber }) => nodeNumber)),
    days: places.length === 0 ? null : days,
  };
}

/** The part of the range in which these jobs may have had something. */
export function rangeOfJobs(range: Range, jobs: AskedJobs | null): Range {
  if (jobs === null || jobs.days === null) return range;
  const fromMs = Math.min(range.toMs, Math.max(range.fromMs, jobs.days.fromMs));
  const toMs = Math.max(fromMs, Math.min(range.toMs, jobs.days.toMs));
  return { ...range, fromMs, toMs, joinToMs: Math.min(toMs, range.joinToMs) };
}

/**
 * Problem: `not_found`.
 * @param isRead false for a shard none of whose nodes is needed
 */
export async function findAsked(
  shards: Shards,
  query: EmissionsQuery,
  terms: readonly Term[],
  jobs: AskedJobs | null,
  isRead: (shard: number) => boolean,
): Promise<Result<AskedNodes>> {
  const ranOn = jobs?.ranOn ?? null;
  const number = query.nodeId === null ? null : await findNodeNumber(shards.main, query.nodeId);
  if (query.nodeId !== null && number === null)
    return fail('not_found', `No node has the id "${query.nodeId}".`, 'id');
  const named = number === null ? ranOn && [...ranOn] : [number];
  const fleet = await (named === null
    ? shards.rows(async (db, shard) => (isRead(shard) ? readFleet(db) : []))
    : shards.ofNodes(named, readFleetNodes));
  return ok({
    fleet,
    isAsked: (node) =>
      (ranOn === null || ranOn.has(node.number)) &&
      (query.nodeId === null || node.id === query.nodeId) &&
      acceptsNode(node, terms),
    settings: () => (named === null ? readAllSettings(shards) : readSettingsOfNodes(shards, named)),
  });
}

/** As they were known then. */
export const askedAsKnown = (
  { fleet, isAsked }: AskedNodes,
  settings: readonly RecordedSetting[],
  knownAtMs: number,
): FleetNode[] => nodesAsKnown(fleet, settings, knownAtMs).filter(isAsked);
