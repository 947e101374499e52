/** Asks the API for everything the page shows and puts it in the page's own terms. */
import { HOUR_MS, hourStart, WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import { ApiError, type Get } from './api.ts';
import type { Emissions, Figures, Group, IntensityValue, Node, Step } from './contract.ts';
import { type Alerts, loadAlerts } from './load-alerts.ts';
import {
  areLeadersFresh,
  askedRange,
  FIRST_LEADERS,
  FIRST_PLACE,
  type Leaders,
  loadLeaders,
  loadNodeList,
  type NodeList,
  type NodePage,
  type NodePlace,
  recentRange,
} from './load-nodes.ts';
import { loadOutlooks, type Outlook } from './load-outlook.ts';
import { countedUntilMs, type MeanPower, powerOfHours, powerOfWindows } from './mean-power.ts';

export interface Overview {
  readonly nowMs: number;
  /** From when `today` counts. */
  readonly startMs: number;
  /** False where that is before the reader's midnight. */
  readonly isWholeDay: boolean;
  readonly hoursOfDay: number;
  readonly today: Figures;
  /** Energy of today that no intensity is known for, by zone. */
  readonly excluded: Emissions['excluded'];
  readonly hours: readonly Hour[];
  readonly power: MeanPower | null;
  readonly zones: readonly Zone[];
  /** How many zones used energy today. */
  readonly zonesInUse: number;
  readonly alerts: Alerts;
  readonly nodes: NodeList;
  /** Null for a small fleet, all of which is listed. */
  readonly leaders: Leaders | null;
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

export interface Zone {
  readonly key: string;
  /** Null where there is none for this moment. */
  readonly now: IntensityValue | null;
  /** Why not, where the API says. */
  readonly trouble: string | null;
  /** What is expected of the next 24 hours; null where nobody has a forecast. */
  readonly outlook: Outlook | null;
}

/** What the reader asked to see of the nodes. */
export interface View {
  readonly place: NodePlace;
  /** How many of the nodes with the most emissions. */
  readonly leaders: number;
}

export const FIRST_VIEW: View = { place: FIRST_PLACE, leaders: FIRST_LEADERS };

/** A fleet of as many nodes stands on the page as it is; of a larger one each request is for a part or a sum. */
const SMALL_FLEET = 200;
const MAX_ZONES = 5;
/** Those with the most grams, of which the ones with the most energy are shown. */
const ASKED_ZONES = 20;

/** @param known what was shown before */
export async function loadOverview(
  get: Get,
  nowMs: number,
  view: View = FIRST_VIEW,
  known: Pick<Overview, 'leaders'> | null = null,
): Promise<Overview> {
  const [first, alerts] = await Promise.all([
    get<NodePage>('/v1/nodes', { limit: String(SMALL_FLEET) }),
    loadAlerts(get),
  ]);
  const isLarge = first.nextCursor !== null;
  const day = localDay(nowMs);
  // Sums of a fleet are of UTC hours: where the reader's midnight is amid one, the day is counted from the hour's start.
  const startMs = isLarge ? hourStart(day.startMs) : day.startMs;
  const range = askedRange(startMs, nowMs);
  const [today, nodes] = await Promise.all([
    get<Emissions>('/v1/fleet/emissions', {
      ...range,
      step: 'hour',
      groupBy: 'gridZone',
      top: String(ASKED_ZONES),
    }),
    isLarge
      ? loadLarge(get, startMs, nowMs, view, known?.leaders ?? null)
      : loadSmall(get, first.nodes, nowMs),
  ]);
  const countedMs = countedUntilMs(today, nowMs);
  return {
    nowMs,
    startMs,
    isWholeDay: startMs === day.startMs,
    hoursOfDay: Math.ceil((day.endMs - startMs) / HOUR_MS),
    today: today.totals,
    excluded: today.excluded,
    hours: today.series
      .filter(({ start }) => Date.parse(start) < countedMs)
      .map((step) => toHour(step, countedMs)),
    zones: await loadZones(get, today.groups, nowMs),
    zonesInUse: today.groups.length + (today.otherGroups?.groupCount ?? 0),
    alerts,
    ...nodes,
    power: nodes.leaders === null ? nodes.power : powerOfHours(today, nowMs),
  };
}

type NodesOfFleet = Pick<Overview, 'nodes' | 'leaders' | 'power'>;

async function loadSmall(get: Get, nodes: readonly Node[], nowMs: number): Promise<NodesOfFleet> {
  const byNode = await get<Emissions>('/v1/fleet/emissions', {
    ...recentRange(nowMs),
    step: 'window',
    groupBy: 'node',
  });
  const groups = new Map(byNode.groups.map((group) => [group.key, group]));
  const rows = nodes.map((node) => ({
    ...node,
    power: powerOfWindows(groups.get(node.id)?.series ?? [], nowMs),
  }));
  return {
    nodes: { place: FIRST_PLACE, rows, nextCursor: null, trouble: null },
    leaders: null,
    power: powerOfWindows(byNode.series, nowMs),
  };
}

async function loadLarge(
  get: Get,
  startMs: number,
  nowMs: number,
  { place, leaders: count }: View,
  known: Leaders | null,
): Promise<NodesOfFleet> {
  const isFresh = known !== null && areLeadersFresh(known, startMs, nowMs, count);
  const [nodes, leaders] = await Promise.all([
    loadNodeList(get, place, nowMs),
    isFresh ? known : loadLeaders(get, startMs, nowMs, count),
  ]);
  return { nodes, leaders, power: null };
}

/** The reader's calendar day; 23 or 25 hours when clocks change. */
function localDay(nowMs: number): { startMs: number; endMs: number } {
  const start = new Date(nowMs);
  start.setHours(0, 0, 0, 0);
  const end = new Date(start);
  end.setDate(end.getDate() + 1);
  return { startMs: start.getTime(), endMs: end.getTime() };
}

function toHour(step: Step, countedMs: number): Hour {
  const startMs = Date.parse(step.start);
  return {
    startMs,
    operationalGrams: step.operationalGrams,
    embodiedGrams: step.embodiedGrams,
    coverage: step.coverage,
    isGap: step.coverage === 0 && countedMs - startMs >= WINDOW_MS,
  };
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
