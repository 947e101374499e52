/** Asks for one page of the nodes with the power of each, and for the nodes with the most emissions: as much for any fleet. */
import { WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import { ApiError, type Get } from './api.ts';
import type { Emissions, Group, Node } from './contract.ts';
import { type MeanPower, powerOfWindows } from './mean-power.ts';

/** Which page of the list. */
export interface NodePlace {
  /** As the API takes it; empty: all nodes. */
  readonly filter: string;
  /** Of the pages from the second up to this one. */
  readonly cursors: readonly string[];
}

export const FIRST_PLACE: NodePlace = { filter: '', cursors: [] };

export interface NodeRow extends Node {
  readonly power: MeanPower | null;
}

export interface NodeList {
  readonly place: NodePlace;
  readonly rows: readonly NodeRow[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
  /** Why there is no list, such as a filter that is none. */
  readonly trouble: string | null;
}

export interface Leaders {
  readonly fromMs: number;
  readonly toMs: number;
  /** How many were asked for. */
  readonly count: number;
  /** Most grams first. */
  readonly groups: readonly Group[];
  /** The nodes that are not listed, together. */
  readonly others: Emissions['otherGroups'];
  readonly trouble: string | null;
}

export interface NodePage {
  readonly nodes: readonly Node[];
  readonly nextCursor: string | null;
}

export interface AskedRange {
  readonly from: string;
  readonly to: string;
}

/** Rows of a page of a large fleet. Each is one more request, for its power. */
export const ROWS_PER_PAGE = 20;
/** How many nodes with the most emissions are listed at first. */
export const FIRST_LEADERS = 20;
const LEADERS_FRESH_MS = 600_000;
/** As many as the API lists. */
export const MOST_LEADERS = 1_000;

export async function loadNodeList(get: Get, place: NodePlace, nowMs: number): Promise<NodeList> {
  const cursor = place.cursors.at(-1);
  const asked = {
    limit: String(ROWS_PER_PAGE),
    ...(place.filter === '' ? {} : { filter: place.filter }),
    ...(cursor === undefined ? {} : { cursor }),
  };
  const found = await orTrouble(get<NodePage>('/v1/nodes', asked));
  if (typeof found === 'string') return { place, rows: [], nextCursor: null, trouble: found };
  const rows = await Promise.all(
    found.nodes.map(async (node) => ({ ...node, power: await powerOfNode(get, node.id, nowMs) })),
  );
  return { place, rows, nextCursor: found.nextCursor, trouble: null };
}

async function powerOfNode(get: Get, id: string, nowMs: number): Promise<MeanPower | null> {
  const path = `/v1/nodes/${encodeURIComponent(id)}/emissions`;
  const answer = await orTrouble(get<Emissions>(path, { ...recentRange(nowMs), step: 'window' }));
  return typeof answer === 'string' ? null : powerOfWindows(answer.series, nowMs);
}

export async function loadLeaders(get: Get, fromMs: number, toMs: number, count: number): Promise<Leaders> {
  const asked = { ...askedRange(fromMs, toMs), groupBy: 'node', top: String(count) };
  const answer = await orTrouble(get<Emissions>('/v1/fleet/emissions', asked));
  const range = { fromMs, toMs, count };
  if (typeof answer === 'string') return { ...range, groups: [], others: null, trouble: answer };
  return { ...range, groups: answer.groups, others: answer.otherGroups, trouble: null };
}

/** Whether they need not be asked for again: seconds of work at 10,000 nodes, of sums that are made every ten minutes. */
export const areLeadersFresh = (known: Leaders, fromMs: number, nowMs: number, count: number): boolean =>
  known.trouble === null &&
  known.fromMs === fromMs &&
  known.count === count &&
  nowMs - known.toMs < LEADERS_FRESH_MS;

/** The window under way and the two before it. */
export const recentRange = (nowMs: number) => askedRange(windowStart(nowMs) - 2 * WINDOW_MS, nowMs);

export const askedRange = (fromMs: number, toMs: number): AskedRange => ({
  from: new Date(fromMs).toISOString(),
  to: new Date(toMs).toISOString(),
});

/** What one part lacks takes nothing from the rest of the page; a refused token does. */
async function orTrouble<T extends object>(answer: Promise<T>): Promise<T | string> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && !error.isRefusal) return error.message;
    throw error;
  }
}
