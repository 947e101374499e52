/** Asks the API for everything the page shows and puts it in the page's own terms. */
import { HOUR_MS, WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import { ApiError, type Get } from './api.ts';
import type { Emissions, Figures, Group, IntensityValue, Node, Step } from './contract.ts';
import { type Alerts, loadAlerts } from './load-alerts.ts';
import { loadOutlooks, type Outlook } from './load-outlook.ts';

export interface Overview {
  readonly nowMs: number;
  readonly dayStartMs: number;
  readonly hoursOfDay: number;
  readonly today: Figures;
  /** Energy of today that no intensity is known for, by zone. */
  readonly excluded: Emissions['excluded'];
  readonly hours: readonly Hour[];
  readonly power: MeanPower | null;
  readonly zones: readonly Zone[];
  readonly alerts: Alerts;
  readonly nodes: readonly NodeRow[];
  /** True where the fleet has more nodes than the page lists. */
  readonly moreNodes: boolean;
}

export interface Hour {
  readonly startMs: number;
  readonly operationalGrams: number;
  readonly embodiedGrams: number;
  /** Metered share of the hour so far, 0..1; null where nothing was expected to report. */
  readonly coverage: number | null;
  /** Nothing was metered, and not only because the hour's first report is still to come. */
  readonly isGap: boolean;
}

/** Mean power over a span that was metered. */
export interface MeanPower {
  readonly watts: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Zone {
  readonly key: string;
  /** Null where there is none for this moment. */
  readonly now: IntensityValue | null;
  /** Why not, where the API says. */
  readonly trouble: string | null;
  /** What is expected of the next 24 hours; null where nobody has a forecast. */
  readonly outlook: Outlook | null;
}

export interface NodeRow extends Node {
  readonly power: MeanPower | null;
}

const PAGE_SIZE = 200;
const MAX_NODES = 1_000;
const MAX_ZONES = 5;

export async function loadOverview(get: Get, nowMs: number): Promise<Overview> {
  const day = localDay(nowMs);
  const range = { from: iso(day.startMs), to: iso(nowMs) };
  const recent = { from: iso(windowStart(nowMs) - 2 * WINDOW_MS), to: iso(nowMs) };
  const [today, byNode, { nodes, moreNodes }, alerts] = await Promise.all([
    get<Emissions>('/v1/fleet/emissions', { ...range, step: 'hour', groupBy: 'gridZone' }),
    get<Emissions>('/v1/fleet/emissions', { ...recent, step: 'window', groupBy: 'node' }),
    loadNodes(get),
    loadAlerts(get),
  ]);
  const groups = new Map(byNode.groups.map((group) => [group.key, group]));
  return {
    nowMs,
    dayStartMs: day.startMs,
    hoursOfDay: Math.round((day.endMs - day.startMs) / HOUR_MS),
    today: today.totals,
    excluded: today.excluded,
    hours: today.series.map((step) => toHour(step, nowMs)),
    power: meanPower(byNode.series, nowMs),
    zones: await loadZones(get, today.groups, nowMs),
    alerts,
    nodes: nodes.map((node) => ({ ...node, power: meanPower(groups.get(node.id)?.series ?? [], nowMs) })),
    moreNodes,
  };
}

/** The reader's calendar day; 23 or 25 hours when clocks change. */
function localDay(nowMs: number): { startMs: number; endMs: number } {
  const start = new Date(nowMs);
  start.setHours(0, 0, 0, 0);
  const end = new Date(start);
  end.setDate(end.getDate() + 1);
  return { startMs: start.getTime(), endMs: end.getTime() };
}

/**
 * Power is energy over metered time: of the newest window that is over and was metered, else of the one under way
 * (a host that has just started). Null where neither was metered.
 */
function meanPower(windows: readonly Step[], nowMs: number): MeanPower | null {
  const metered = windows.filter((window) => (window.coverage ?? 0) > 0);
  const chosen =
    metered.findLast((window) => Date.parse(window.start) + WINDOW_MS <= nowMs) ?? metered.at(-1);
  if (chosen === undefined) return null;
  const fromMs = Date.parse(chosen.start);
  const toMs = Math.min(Date.parse(chosen.end), nowMs);
  const hours = ((toMs - fromMs) / HOUR_MS) * (chosen.coverage ?? 0);
  return { watts: (chosen.energyKwh * 1_000) / hours, fromMs, toMs };
}

function toHour(step: Step, nowMs: number): Hour {
  const startMs = Date.parse(step.start);
  return {
    startMs,
    operationalGrams: step.operationalGrams,
    embodiedGrams: step.embodiedGrams,
    coverage: step.coverage,
    isGap: step.coverage === 0 && nowMs - startMs >= WINDOW_MS,
  };
}

async function loadNodes(get: Get): Promise<{ nodes: Node[]; moreNodes: boolean }> {
  const nodes: Node[] = [];
  let cursor: string | null = null;
  do {
    const page: { nodes: Node[]; nextCursor: string | null } = await get('/v1/nodes', {
      limit: String(PAGE_SIZE),
      ...(cursor === null ? {} : { cursor }),
    });
    nodes.push(...page.nodes);
    cursor = page.nextCursor;
  } while (cursor !== null && nodes.length < MAX_NODES);
  return { nodes, moreNodes: cursor !== null };
}

/** The zones that used most energy today, each with its intensity in the window under way. */
async function loadZones(get: Get, groups: readonly Group[], nowMs: number): Promise<Zone[]> {
  const keys = [...groups]
    .sort((a, b) => b.energyKwh - a.energyKwh)
    .slice(0, MAX_ZONES)
    .map((group) => group.key);
  const from = windowStart(nowMs);
  const outlooks = await loadOutlooks(get, keys, nowMs);
  return Promise.all(
    keys.map(async (key) => {
      const range = { from: iso(from), to: iso(from + WINDOW_MS) };
      const outlook = outlooks.get(key) ?? null;
      try {
        const path = `/v1/grid/${encodeURIComponent(key)}/intensity`;
        const answer = await get<{ series: IntensityValue[] }>(path, range);
        return { key, now: answer.series.at(-1) ?? null, trouble: null, outlook };
      } catch (error) {
        // One zone without an answer takes nothing from the others.
        if (error instanceof ApiError && !error.isRefusal)
          return { key, now: null, trouble: error.message, outlook };
        throw error;
      }
    }),
  );
}

const iso = (instantMs: number) => new Date(instantMs).toISOString();
