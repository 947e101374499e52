/** Nodes as people see and change them. */
import { type FilterTerm, parseFilter } from '../http/filter.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { MAX_LABELS } from '../http/schemas.ts';
import { openDatabase } from '../storage/database.ts';
import {
  findNode,
  type KnownDevice,
  listNodeDevices,
  listNodes,
  type NodeRecord,
  type NodeSummary,
  retireNode,
  updateNodes,
} from '../storage/nodes.ts';
import { type RecordedSetting, readSettingsOf } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import { findSite } from '../storage/sites.ts';
import type { Recorder } from './sites.ts';

export type NodeState = 'reporting' | 'silent' | 'neverReported' | 'retired';

export interface NodeDetails extends NodeRecord {
  readonly devices: readonly KnownDevice[];
  /** Where it stood from when, in the order in which it was recorded. */
  readonly siteHistory: readonly RecordedSetting[];
}

export function nodeState(
  node: Pick<NodeSummary, 'retiredAtMs' | 'lastReportAtMs'>,
  nowMs: number,
  silentAfterMs: number,
): NodeState {
  if (node.retiredAtMs !== null) return 'retired';
  if (node.lastReportAtMs === null) return 'neverReported';
  return nowMs - node.lastReportAtMs > silentAfterMs ? 'silent' : 'reporting';
}

/** In order of enrolment; one more than `limit` where there are more. Problem: `invalid_parameter`. */
export async function getNodes(
  shards: Shards,
  query: {
    readonly limit: number;
    readonly after?: string | undefined;
    readonly filter?: string | undefined;
    readonly withRetired: boolean;
  },
  nowMs: number,
): Promise<Result<NodeSummary[]>> {
  const filters: Result<FilterTerm<'site' | 'gridZone' | 'node'>[]> = parseFilter(query.filter, [
    'site',
    'gridZone',
    'node',
  ]);
  if (!filters.ok) return filters;
  const { limit, withRetired } = query;
  const after = Number(query.after ?? 0);
  return ok(await listNodes(shards, { limit: limit + 1, after, filters: filters.value, withRetired }, nowMs));
}

/** Problem: `not_found`. */
export async function getNode(shards: Shards, id: string, nowMs: number): Promise<Result<NodeDetails>> {
  const node = await findNode(shards, id, nowMs);
  if (node === null) return noNode(id);
  const db = openDatabase(shards.ofNode(node.number));
  const subject = `node:${node.number}`;
  const [devices, settings] = await Promise.all([
    listNodeDevices(db, node.number),
    readSettingsOf(db, subject),
  ]);
  const siteHistory = settings.filter((row) => row.key === 'site');
  return ok({ ...node, devices, siteHistory });
}

export interface NodeChange {
  readonly labels?: Readonly<Record<string, string | null>> | undefined;
  readonly site?: string | undefined;
  readonly effectiveFromMs?: number | undefined;
}

/** Problems: `not_found`, `invalid_body`. */
export async function changeNode(
  shards: Shards,
  id: string,
  change: NodeChange,
  recorder: Recorder,
): Promise<Result<NodeDetails>> {
  const node = await findNode(shards, id, recorder.nowMs);
  if (node === null) return noNode(id);
  const changed = await changeAll(shards, [node], change, recorder);
  return changed.ok ? getNode(shards, id, recorder.nowMs) : changed;
}

/** More are told to narrow the filter. */
const MAX_NODES_AT_ONCE = 2_000;

/**
 * Changes every node in the fleet that the filter matches, or none of a database. Problems: `invalid_parameter`, `range_too_long`,
 * `invalid_body`.
 * @param dryRun nothing is changed, only told
 * @returns ids of the nodes
 */
export async function changeNodes(
  shards: Shards,
  filter: string,
  change: NodeChange & { readonly dryRun: boolean },
  recorder: Recorder,
): Promise<Result<readonly string[]>> {
  const query = { filter, limit: MAX_NODES_AT_ONCE, withRetired: false };
  const nodes = await getNodes(shards, query, recorder.nowMs);
  if (!nodes.ok) return nodes;
  if (nodes.value.length > MAX_NODES_AT_ONCE)
    return fail(
      'range_too_long',
      `The filter matches over ${MAX_NODES_AT_ONCE} nodes; narrow it and change them in turn.`,
      'filter',
    );
  const changed = await changeAll(shards, nodes.value, change, recorder, change.dryRun);
  return changed.ok ? ok(nodes.value.map(({ id }) => id)) : changed;
}

async function changeAll(
  shards: Shards,
  nodes: readonly Pick<NodeSummary, 'id' | 'number' | 'labels'>[],
  { labels, site, effectiveFromMs }: NodeChange,
  recorder: Recorder,
  dryRun = false,
): Promise<Result<null>> {
  if (site !== undefined && (await findSite(openDatabase(shards.main), site)) === null) {
    return fail('invalid_body', `There is no site "${site}": create it with POST /v1/sites.`, '/site');
  }
  for (const node of nodes) {
    const merged = Object.values({ ...node.labels, ...labels }).filter((value) => value !== null);
    if (merged.length > MAX_LABELS)
      return fail(
        'invalid_body',
        `A node has at most ${MAX_LABELS} labels; remove one of "${node.id}" with null.`,
        '/labels',
      );
  }
  if (dryRun) return ok(null);
  const move = site === undefined ? undefined : { site, effectiveFromMs: effectiveFromMs ?? recorder.nowMs };
  const author = { who: recorder.by, why: recorder.why ?? null };
  const numbers = nodes.map(({ number }) => number);
  await shards.ofNodes(numbers, async (db, own) => {
    await updateNodes(db, own, { labels, move }, author, recorder.nowMs);
    return [];
  });
  return ok(null);
}

/** Ends its tokens and takes it out of lists; its data stay. Retiring twice is no error. Problem: `not_found`. */
export async function retire(shards: Shards, id: string, recorder: Recorder): Promise<Result<null>> {
  const node = await findNode(shards, id, recorder.nowMs);
  if (node === null) return noNode(id);
  const { nowMs, by: who, why = null } = recorder;
  if (node.retiredAtMs === null)
    await retireNode(shards.ofNode(node.number), node.number, nowMs, { who, why });
  return ok(null);
}

const noNode = (id: string) => fail('not_found', `There is no node "${id}"; GET /v1/nodes lists them.`);
