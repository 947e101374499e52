/**
 * What a monitoring system scrapes: the figures of the current UTC day, per node. Energy only grows within a day and is
 * a counter that begins at 0 each midnight UTC; emissions may be restated downwards, so they are gauges.
 */

import { SCOPES } from '../../shared/grid/intensity.ts';
import { scopeOfPoint } from '../../shared/grid/scope.ts';
import { QUARANTINE_CODES } from '../../shared/ledger/plausibility.ts';
import type { MetricFamily, Sample } from '../../shared/metrics/open-metrics.ts';
import type { Plan } from '../../shared/pace/plans.ts';
import { WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import { MILLIJOULES_PER_KWH } from '../../shared/units.ts';
import { DEVICE_TYPES } from '../../shared/wire/ingest.ts';
import { ok, type Result } from '../http/problem.ts';
import { readFetches } from '../storage/grid-fetches.ts';
import { readLastReports } from '../storage/nodes.ts';
import { countUnresolved } from '../storage/quarantine-counts.ts';
import type { Shards } from '../storage/shards.ts';
import { alertFamilies } from './alerts/metrics.ts';
import { databaseFamilies } from './database-metrics.ts';
import { type Emissions, emissions } from './emissions.ts';
import { loadIntensities } from './grid-intensity.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';
import { nodeState } from './nodes.ts';
import { retentionFamilies } from './retention/metrics.ts';

const MILLIJOULES_PER_JOULE = 1_000;
const NODE_STATES = ['reporting', 'silent', 'neverReported', 'retired'] as const;

interface MetricsQuery {
  /** Of this server. */
  readonly version: string;
  readonly plan: Plan;
  readonly nowMs: number;
  readonly silentAfterMs: number;
}

/** Problem: `range_too_long` for a fleet that one answer cannot hold. */
export async function metrics(
  shards: Shards,
  { version, plan, nowMs, silentAfterMs }: MetricsQuery,
): Promise<Result<MetricFamily[]>> {
  const today = await emissions(
    shards,
    { nodeId: null, step: 'none', groupBy: 'node', basis: 'lifecycle', signal: 'average' },
    nowMs,
  );
  if (!today.ok) return today;
  const [nodes, databases, fetches, intensity, retention, alerts] = await Promise.all([
    shards.rows(readLastReports),
    countUnresolved(shards),
    readFetches(shards.main),
    intensityNow(shards.main, nowMs),
    retentionFamilies(shards),
    alertFamilies(shards.main),
  ]);
  const quarantined = databases.flatMap(({ counts }) => counts);
  const states = nodes.map((node) => nodeState(node, nowMs, silentAfterMs));
  return ok([
    {
      name: 'wattshed_build',
      type: 'info',
      help: 'Version of this server.',
      samples: [{ labels: { version }, value: 1 }],
    },
    {
      name: 'wattshed_nodes',
      type: 'gauge',
      help: 'Nodes by state.',
      samples: NODE_STATES.map((state) => ({
        labels: { state: snakeCase(state) },
        value: states.filter((each) => each === state).length,
      })),
    },
    ...nodeFamilies(today.value),
    {
      name: 'wattshed_grid_intensity_grams_per_kilowatt_hour',
      type: 'gauge',
      help: 'Lifecycle gCO2eq/kWh that the current five minutes are charged with, and how it is known.',
      samples: intensity,
    },
    {
      name: 'wattshed_grid_fetch_consecutive_failures',
      type: 'gauge',
      help: 'Failures in a row of an intensity provider; 0 while it answers.',
      samples: fetches.map(({ provider, gridZone, consecutiveFailures }) => ({
        labels: { provider, grid_zone: gridZone },
        value: consecutiveFailures,
      })),
    },
    {
      name: 'wattshed_quarantined_reports',
      type: 'gauge',
      help: 'Reports that could not be booked and wait for a person.',
      // Zero is a value: a code that was never seen can be alerted on as well.
      samples: QUARANTINE_CODES.map((code) => ({
        labels: { code },
        value: quarantined
          .filter((count) => count.code === code)
          .reduce((sum, { reports }) => sum + reports, 0),
      })),
    },
    ...databaseFamilies(
      databases.map(({ databaseBytes }) => databaseBytes),
      plan,
    ),
    ...retention,
    ...alerts,
  ]);
}

function nodeFamilies({ groups, fromMs }: Emissions): MetricFamily[] {
  const perNode = (figure: (group: (typeof groups)[number]) => number | null): Sample[] =>
    groups.flatMap((group) => {
      const value = figure(group);
      return value === null ? [] : [{ labels: { node: group.key }, value }];
    });
  return [
    {
      name: 'wattshed_node_energy_joules',
      type: 'counter',
      unit: 'joules',
      help: 'IT energy of the node by type of device; begins at 0 at midnight UTC.',
      samples: groups.flatMap((group) =>
        DEVICE_TYPES.map((type) => ({
          labels: { node: group.key, device_type: type },
          value: kwhToJoules(group.energyKwhByDevice[type]),
          createdMs: fromMs,
        })),
      ),
    },
    {
      name: 'wattshed_node_operational_emissions_today_grams',
      type: 'gauge',
      unit: 'grams',
      help: 'gCO2eq of the node energy since midnight UTC, at the intensity of each five minutes and by its scope; falls when an intensity is revised downwards.',
      samples: groups.flatMap(operationalSamples),
    },
    {
      name: 'wattshed_node_embodied_emissions_today_grams',
      type: 'gauge',
      unit: 'grams',
      help: 'gCO2eq of making the hardware of the node that fall on the time since midnight UTC.',
      samples: perNode((group) => group.embodiedGrams),
    },
    {
      name: 'wattshed_node_coverage_ratio',
      type: 'gauge',
      unit: 'ratio',
      help: 'Metered device time since midnight UTC over the device time of the inventory.',
      samples: perNode((group) => group.coverage),
    },
  ];
}

/** One for each scope, so that a sum over nodes need not add the two; `none` where nothing is charged. */
function operationalSamples({ key, operationalGrams, scope, scopes }: Emissions['groups'][number]): Sample[] {
  if (scopes === null) return [{ labels: { node: key, scope: scope ?? 'none' }, value: operationalGrams }];
  return SCOPES.map((one) => ({ labels: { node: key, scope: one }, value: scopes[one].operationalGrams }));
}

async function intensityNow(db: D1Database, nowMs: number): Promise<Sample[]> {
  const fromMs = windowStart(nowMs);
  const gridZones = await gridZonesInUse(db, nowMs);
  const range = { basis: 'lifecycle', signal: 'average', fromMs, toMs: fromMs + WINDOW_MS } as const;
  const resolvers = await loadIntensities(db, { ...range, gridZones });
  return gridZones.flatMap((gridZone) => {
    const point = resolvers.get(gridZone)!(fromMs);
    return point === null
      ? []
      : [
          {
            labels: { grid_zone: gridZone, kind: point.kind, scope: scopeOfPoint(point) },
            value: point.gramsPerKwh,
          },
        ];
  });
}

/** Energy is whole millijoules: rounding to them undoes the rounding of the kWh. */
const kwhToJoules = (kwh: number) => Math.round(kwh * MILLIJOULES_PER_KWH) / MILLIJOULES_PER_JOULE;

const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
