/**
 * What no window tells and is looked at as it stands: how nodes report and what their agents say, how fresh the grid data
 * are, what the forecast says. Each is judged for the end of every new window by the instants that it carries, so that a
 * run that comes late sees the same where nothing changed meanwhile. It is seen once: restated data change none of it.
 */

import { type Facts, NO_ZONE, type WindowFacts } from '../../../shared/alerts/facts.ts';
import type { Signal } from '../../../shared/alerts/machine.ts';
import { complaint, judgeAhead, type NodeStanding, staleMinutes } from '../../../shared/alerts/observed.ts';
import type { ForecastStep } from '../../../shared/alerts/outlook.ts';
import type { AlertRule, DirtyHoursAheadRule, HealthCheck, HealthRule } from '../../../shared/alerts/rule.ts';
import { type Scope, ScopeIndex } from '../../../shared/alerts/scope.ts';
import type { Places } from '../../../shared/settings/place.ts';
import { type TimeRange, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';
import { type NewestEnds, readNewestEnds } from '../../storage/alert-grid.ts';
import { type NodeHealth, readNodeHealth } from '../../storage/alert-nodes.ts';
import type { FleetNode } from '../../storage/fleet.ts';
import type { Shards } from '../../storage/shards.ts';
import type { GridContext } from './grid-context.ts';

export interface Observed {
  readonly signal: Signal;
  /** What is concerned, one by one: `node-a: nvml failed`. */
  readonly concerned: readonly string[];
  readonly ahead: ForecastStep | null;
}

export interface ObservationSources {
  readonly fleet: readonly FleetNode[];
  readonly places: Places;
  readonly grid: GridContext;
  readonly forecasts: ReadonlyMap<string, readonly ForecastStep[]>;
  readonly missedAfterMs: number;
}

const NODE_CHECKS: ReadonlySet<string> = new Set(['nodeSilent', 'sensorLost', 'spoolGrowing', 'twoAgents']);

/** What is to be observed for. */
export interface ScopedRule {
  readonly rule: AlertRule;
  readonly scope: Scope;
}

/** A node while it stands in a scope. */
interface Standing extends TimeRange {
  readonly node: FleetNode;
  readonly standing: NodeStanding;
  readonly gridZone: string;
}

/** How everything stands, read once for all rules. */
export class Observations {
  readonly #sources: ObservationSources;
  /** By scope. */
  readonly #standing: ReadonlyMap<string, readonly Standing[]>;
  readonly #newestEnds: NewestEnds;

  private constructor(
    sources: ObservationSources,
    standing: ReadonlyMap<string, readonly Standing[]>,
    newestEnds: NewestEnds,
  ) {
    this.#sources = sources;
    this.#standing = standing;
    this.#newestEnds = newestEnds;
  }

  /** Reads what these rules ask for over these windows, and nothing where they ask for none. */
  static async read(
    shards: Shards,
    rules: readonly ScopedRule[],
    sources: ObservationSources,
    range: { readonly fromMs: number; readonly toMs: number },
  ): Promise<Observations> {
    const checking = (accepts: (check: HealthCheck) => boolean) =>
      rules.filter(({ rule }) => rule.kind === 'health' && accepts(rule.check)).map(({ scope }) => scope);
    const ofNodes = range.fromMs < range.toMs ? checking((check) => NODE_CHECKS.has(check)) : [];
    const standing =
      ofNodes.length === 0
        ? new Map<string, Standing[]>()
        : standingOf(ofNodes, await shards.rows((db) => readNodeHealth(db, range.toMs)), sources, range);
    const ends =
      checking((check) => check === 'gridDataStale').length === 0
        ? new Map()
        : await readNewestEnds(shards.main, sources.grid.zones, range.toMs);
    return new Observations(sources, standing, ends);
  }

  /** By grid zone of the scope, at the end of the window that starts at `windowStartMs`. */
  of(rule: AlertRule, scope: Scope, windowStartMs: number, facts: WindowFacts): Map<string, Observed> {
    if (rule.kind === 'dirtyHoursAhead') return this.#ahead(rule, windowStartMs, facts[scope.text] ?? {});
    if (rule.kind !== 'health') return new Map();
    if (rule.check === 'gridDataStale') return this.#stale(rule, windowStartMs, facts[scope.text] ?? {});
    return this.#nodes(rule, scope, windowStartMs + WINDOW_MS);
  }

  #ahead(
    rule: DirtyHoursAheadRule,
    startMs: number,
    zones: Readonly<Record<string, Facts>>,
  ): Map<string, Observed> {
    const { grid, forecasts } = this.#sources;
    return new Map(
      Object.entries(zones).map(([gridZone, facts]): [string, Observed] => {
        const gramsPerKwh = grid.point(gridZone, startMs)?.gramsPerKwh ?? null;
        const scope = grid.scope(gridZone, startMs);
        const window = { startMs, facts, gramsPerKwh, scope, usual: grid.usual(gridZone, startMs) };
        return [gridZone, { ...judgeAhead(rule, window, forecasts.get(gridZone)), concerned: [] }];
      }),
    );
  }

  #stale(
    rule: HealthRule,
    windowStartMs: number,
    zones: Readonly<Record<string, Facts>>,
  ): Map<string, Observed> {
    const endMs = windowStartMs + WINDOW_MS;
    return new Map(
      Object.keys(zones).map((gridZone): [string, Observed] => {
        const scope = this.#sources.grid.scope(gridZone, windowStartMs);
        const ends = this.#newestEnds.get(gridZone);
        // Where its scope has no series, the other's tells: that it ended is why a zone has its yearly average.
        const newestEndMs = scope === null ? undefined : (ends?.[scope] ?? Object.values(ends ?? {})[0]);
        if (newestEndMs === undefined) return [gridZone, { signal: 'unknown', concerned: [], ahead: null }];
        const minutes = staleMinutes(rule, newestEndMs, endMs);
        if (minutes === null) return [gridZone, { signal: 'off', concerned: [], ahead: null }];
        const concerned = [`${gridZone}: the newest value ends ${Math.round(minutes)} minutes ago`];
        return [gridZone, { signal: 'on', concerned, ahead: null }];
      }),
    );
  }

  #nodes(rule: HealthRule, scope: Scope, atMs: number): Map<string, Observed> {
    const concerned = new Map<string, string[]>();
    for (const { node, standing, gridZone, startMs, endMs } of this.#standing.get(scope.text) ?? []) {
      if (atMs <= startMs || atMs > endMs) continue;
      const list = concerned.get(gridZone) ?? [];
      concerned.set(gridZone, list);
      const found = complaint(rule, standing, atMs, this.#sources.missedAfterMs);
      if (found !== null) list.push(`${node.hostname}${found === '' ? '' : `: ${found}`}`);
    }
    return new Map(
      [...concerned].map(([zone, list]) => [
        zone,
        { signal: list.length > 0 ? 'on' : 'off', concerned: list, ahead: null },
      ]),
    );
  }
}

/** Nodes are placed once for all rules: a thousand rules that each look at every node would take minutes. */
function standingOf(
  scopes: readonly Scope[],
  health: readonly NodeHealth[],
  { fleet, places }: ObservationSources,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Map<string, Standing[]> {
  const index = new ScopeIndex(new Map(scopes.map((scope) => [scope.text, scope])).values());
  const healthOf = new Map(health.map((row) => [row.number, row]));
  const found = new Map<string, Standing[]>();
  for (const node of fleet) {
    const own = healthOf.get(node.number);
    if (own === undefined) continue;
    const standing = { ...own, lastHeardMs: own.lastReportAtMs ?? node.enrolledAtMs };
    for (const place of places.of(node.number, { startMs: epochMs(fromMs), endMs: epochMs(toMs) })) {
      const { startMs, endMs } = place;
      const gridZone = place.gridZone ?? NO_ZONE;
      for (const { text } of index.of({ nodeId: node.id, labels: node.labels, ...place })) {
        const nodes = found.get(text);
        const one = { node, standing, gridZone, startMs, endMs };
        if (nodes) nodes.push(one);
        else found.set(text, [one]);
      }
    }
  }
  return found;
}
