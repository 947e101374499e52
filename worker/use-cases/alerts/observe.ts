/**
 * What no window tells and is looked at as it stands: how nodes report and what their agents say, how fresh the grid data
 * are, what the forecast says. Each is judged for the end of every new window by the instants that it carries, so that a
 * run that comes late sees the same where nothing changed meanwhile. It is seen once: restated data change none of it.
 */

import { meanWatts } from '../../../shared/alerts/condition.ts';
import { FACT, type Facts, NO_ZONE, type WindowFacts } from '../../../shared/alerts/facts.ts';
import type { Signal } from '../../../shared/alerts/machine.ts';
import { dirtyAhead, type ForecastStep } from '../../../shared/alerts/outlook.ts';
import type { AlertRule, DirtyHoursAheadRule, HealthRule } from '../../../shared/alerts/rule.ts';
import { acceptsPlace, type Scope } from '../../../shared/alerts/scope.ts';
import { limitsOf } from '../../../shared/alerts/usual.ts';
import type { Places } from '../../../shared/settings/place.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';
import { readNewestEnds } from '../../storage/alert-grid.ts';
import { type NodeHealth, readNodeHealth } from '../../storage/alert-nodes.ts';
import type { FleetNode } from '../../storage/fleet.ts';
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
}

const MINUTE_MS = 60_000;
/** A conflict that nobody sends any more is over; what waits in quarantine stays there. */
const CONFLICT_LASTS_MS = HOUR_MS;

/** How everything stands, read once for all rules. */
export class Observations {
  readonly #sources: ObservationSources;
  readonly #health: ReadonlyMap<number, NodeHealth>;
  readonly #newestEnds: ReadonlyMap<string, number>;

  private constructor(
    sources: ObservationSources,
    health: ReadonlyMap<number, NodeHealth>,
    newestEnds: ReadonlyMap<string, number>,
  ) {
    this.#sources = sources;
    this.#health = health;
    this.#newestEnds = newestEnds;
  }

  /** Reads what these rules ask for, and nothing where they ask for none. */
  static async read(
    db: D1Database,
    rules: readonly AlertRule[],
    sources: ObservationSources,
    toMs: number,
  ): Promise<Observations> {
    const checks = new Set(rules.flatMap((rule) => (rule.kind === 'health' ? [rule.check] : [])));
    const nodes = (['nodeSilent', 'sensorLost', 'spoolGrowing', 'twoAgents'] as const).some((check) =>
      checks.has(check),
    );
    const health = nodes ? await readNodeHealth(db) : [];
    const ends = checks.has('gridDataStale')
      ? await readNewestEnds(db, sources.grid.zones, toMs)
      : new Map<string, number>();
    return new Observations(sources, new Map(health.map((row) => [row.number, row])), ends);
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
    windowStartMs: number,
    zones: Readonly<Record<string, Facts>>,
  ): Map<string, Observed> {
    const { grid, forecasts } = this.#sources;
    const endMs = windowStartMs + WINDOW_MS;
    return new Map(
      Object.entries(zones).map(([gridZone, facts]): [string, Observed] => {
        const limits = limitsOf(rule, grid.usual(gridZone, windowStartMs));
        const now = grid.point(gridZone, windowStartMs);
        const steps = forecasts.get(gridZone);
        if (limits === null || now === null || steps === undefined || facts[FACT.nodesReporting] === 0)
          return [gridZone, { signal: 'unknown', concerned: [], ahead: null }];
        const dirtyNow = now.gramsPerKwh > limits.onGramsPerKwh;
        const loaded = meanWatts(facts[FACT.energyMillijoules]!) > rule.abovePowerWatts;
        const ahead = dirtyAhead(steps, endMs, rule.withinHours * HOUR_MS, limits.onGramsPerKwh);
        return [
          gridZone,
          { signal: !dirtyNow && loaded && ahead !== null ? 'on' : 'off', concerned: [], ahead },
        ];
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
        const newestEndMs = this.#newestEnds.get(gridZone);
        if (newestEndMs === undefined) return [gridZone, { signal: 'unknown', concerned: [], ahead: null }];
        const minutes = Math.max(0, endMs - newestEndMs) / MINUTE_MS;
        const concerned = [`${gridZone}: the newest value ends ${Math.round(minutes)} minutes ago`];
        return minutes > rule.limit
          ? [gridZone, { signal: 'on', concerned, ahead: null }]
          : [gridZone, { signal: 'off', concerned: [], ahead: null }];
      }),
    );
  }

  #nodes(rule: HealthRule, scope: Scope, atMs: number): Map<string, Observed> {
    const concerned = new Map<string, string[]>();
    const { fleet, places } = this.#sources;
    for (const node of fleet) {
      const health = this.#health.get(node.number);
      if (health === undefined) continue;
      const range = { startMs: epochMs(atMs - 1), endMs: epochMs(atMs) };
      const place = places.of(node.number, range)[0];
      if (place === undefined || !acceptsPlace(scope, { nodeId: node.id, labels: node.labels, ...place }))
        continue;
      const zone = place.gridZone ?? NO_ZONE;
      const list = concerned.get(zone) ?? [];
      concerned.set(zone, list);
      const found = complaint(rule, node, health, atMs);
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

/** What is wrong with one node at an instant; null where nothing is. */
function complaint(rule: HealthRule, node: FleetNode, health: NodeHealth, atMs: number): string | null {
  const said = health.healthAtMs !== null && health.healthAtMs <= atMs;
  switch (rule.check) {
    case 'nodeSilent': {
      const lastMs = health.lastReportAtMs ?? node.enrolledAtMs;
      return atMs - lastMs > rule.limit * MINUTE_MS
        ? `no report since ${new Date(lastMs).toISOString()}`
        : null;
    }
    case 'sensorLost':
      return said ? health.lostSensors : null;
    case 'spoolGrowing':
      return said && (health.spoolReports ?? 0) > rule.limit ? `${health.spoolReports} reports wait` : null;
    case 'twoAgents': {
      const { conflictAtMs } = health;
      const recent = conflictAtMs !== null && conflictAtMs <= atMs && atMs - conflictAtMs < CONFLICT_LASTS_MS;
      return recent ? '' : null;
    }
    default:
      return null;
  }
}
