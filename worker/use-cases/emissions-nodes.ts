/** Which nodes an answer is about, found without reading others. */
import { nodesAsKnown } from '../../shared/settings/node-as-known.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { type FleetNode, readFleet, readFleetNodes } from '../storage/fleet.ts';
import { readJobNodes } from '../storage/job-nodes.ts';
import { findNodeNumber } from '../storage/node-directory.ts';
import { type RecordedSetting, readAllSettings, readSettingsOfNodes } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import { acceptsNode, type Term } from './emissions-filter.ts';
import { namedJobs } from './emissions-jobs.ts';
import type { EmissionsQuery } from './emissions-query.ts';

export interface AskedNodes {
  /** All that were read: more than are asked for where contracts are shared out or a label is asked for. */
  readonly fleet: readonly FleetNode[];
  readonly isAsked: (node: FleetNode) => boolean;
  /** Settings of all that were read. */
  readonly settings: () => Promise<readonly RecordedSetting[]>;
}

/**
 * Problem: `not_found`.
 * @param isRead false for a shard none of whose nodes is needed
 */
export async function findAsked(
  shards: Shards,
  query: EmissionsQuery,
  terms: readonly Term[],
  isRead: (shard: number) => boolean,
): Promise<Result<AskedNodes>> {
  const only = await namedJobs(shards, query, terms);
  const ranOn =
    only && new Set((await shards.ofJobs(only, readJobNodes)).map(({ nodeNumber }) => nodeNumber));
  const number = query.nodeId === null ? null : await findNodeNumber(shards.main, query.nodeId);
  if (query.nodeId !== null && number === null)
    return fail('not_found', `No node has the id "${query.nodeId}".`, 'id');
  // Contracts are spread over the whole fleet, whatever part of it is asked for.
  const isWhole = query.accounting === 'market';
  const named = isWhole ? null : number === null ? ranOn && [...ranOn] : [number];
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
export function askedAsKnown(
  { fleet, isAsked }: AskedNodes,
  settings: readonly RecordedSetting[],
  knownAtMs: number,
) {
  const all = nodesAsKnown(fleet, settings, knownAtMs);
  return { all, asked: all.filter(isAsked) };
}
