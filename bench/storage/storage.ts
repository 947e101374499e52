/**
 * What is kept of a node, in bytes of the database: pages by table after real ingest and real cron, everything counted
 * (energies, kinds, jobs, rollups, the fleet's own tables).
 */

import type { Plan } from '../../shared/pace/plans.ts';
import type { Figure } from '../figures.ts';
import { GPUS, gpuLoad, type LoadKind, type LoadWindow } from '../load/gpu-load.ts';
import { NodeWindows } from '../load/node-windows.ts';
import { type FleetOptions, MINUTE_MS, SimulatedFleet } from '../load/simulated-fleet.ts';
import { traceWindows } from '../load/trace.ts';

const NODES = 4;
const HOURS = 24;
const WINDOWS_PER_DAY = 288;
/** Of the fleet that shares what is kept once. */
const FLEET_NODES = 50;

/** @param traces folder of recorded traces; null: only the load of ours */
export async function storage(traces: string | null): Promise<Figure[]> {
  const loads: [string, readonly LoadWindow[], string][] = [];
  if (traces !== null) {
    const { mixed, full } = traceWindows(traces);
    loads.push(['', mixed, 'target 0.80; the recorded mix of eight H100']);
    loads.push(['_full_load', full, 'target 1.1; its windows of 440 W a GPU and more']);
  }
  loads.push(['_own', loadOf('mixed'), 'the same mix, seeded, of ours']);
  loads.push(['_own_full_load', loadOf('full'), 'full load, seeded, of ours']);
  const figures: Figure[] = [];
  for (const [name, windows, note] of loads) {
    const bytes = await bytesOfDay({
      nodes: NODES,
      windows: new NodeWindows(windows),
      withSeries: true,
      hostSeries: false,
    });
    const value = (bytes.ofNodes + bytes.ofFleet) / (NODES * GPUS * 3_600 * HOURS);
    figures.push({ name: `storage.bytes_per_sample${name}`, value, unit: 'bytes', note });
  }
  const kept = await keptBytes('paid');
  const day = (bytes: number) => Math.round(bytes);
  figures.push({
    name: 'storage.bytes_per_node_year',
    value: 365 * (kept.old + kept.fleet / FLEET_NODES),
    unit: 'bytes',
    note: `of the database once its days are in the bucket, sums and all: ${day(kept.old)} a day (before the 35th day ${day(kept.packed)}), and a ${FLEET_NODES}th of ${day(kept.fleet)} of the fleet`,
  });
  return figures;
}

/** A day of windows of ours. */
export function loadOf(kind: LoadKind): LoadWindow[] {
  const windows: LoadWindow[] = [];
  for (const window of gpuLoad(kind, 7)) if (windows.push(window) === WINDOWS_PER_DAY) break;
  return windows;
}

/** Tables that grow with the nodes; the others with time alone: sums of the fleet, intensities, the log. */
const OF_NODES = new Set(['node_hours', 'node_days', 'day_files', 'rollup_node_days', 'ledger_revisions']);

export interface Growth {
  readonly ofNodes: number;
  /** Of the whole fleet, whatever its size. */
  readonly ofFleet: number;
}

function growth(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Growth {
  const sum = (isCounted: (table: string) => boolean) =>
    [...after]
      .filter(([table]) => isCounted(table))
      .reduce((bytes, [table, now]) => bytes + now - (before.get(table) ?? 0), 0);
  return { ofNodes: sum((table) => OF_NODES.has(table)), ofFleet: sum((table) => !OF_NODES.has(table)) };
}

/** Bytes of a day of reports every five minutes. */
export async function bytesOfDay(options: FleetOptions): Promise<Growth> {
  const fleet = await SimulatedFleet.start({ ...options, plan: 'paid', archive: true });
  try {
    const before = fleet.tables();
    for (let window = 0; window < HOURS * 12; window++) {
      await fleet.setClock((window + 1) * 5 * MINUTE_MS);
      if (window % 12 === 0) await fleet.intensity(window / 12, 1, 400);
      await fleet.report(window, 1, 2);
      for (let minute = 0; minute < 5; minute++) {
        await fleet.setClock(((window + 1) * 5 + minute) * MINUTE_MS);
        await fleet.cron();
      }
    }
    return growth(before, fleet.tables());
  } finally {
    await fleet.stop();
  }
}

/** Bytes of a day. */
export interface KeptBytes {
  /** Of a node, once the series have left: the hours in the row of their day, whole. */
  readonly packed: number;
  /** Of a node, once its days are older than that: its sums, and where the days are in the bucket, or what is left of them without one. */
  readonly old: number;
  /** Of the whole fleet, whatever its size. */
  readonly fleet: number;
}

/** Sums of 64 nodes are one row: of few nodes it would be mostly the rest of its last page. */
const KEPT_NODES = 16;
/** Days at which the database is looked at: from the first on some are packed, from the third on some move to the bucket, or are cut. */
const LOOKED_AT: Readonly<Record<Plan, readonly [number, number, number, number]>> = {
  free: [3, 6, 10, 18],
  paid: [14, 24, 38, 46],
};
/** Of the cron: what providers bring, retention and rollups. */
const TURNS_THAT_KEEP = [0, 1, 4];

/** How the database grows per day while days leave it as fast as they come. */
export async function keptBytes(plan: Plan): Promise<KeptBytes> {
  const [packedFrom, packedTo, oldFrom, oldTo] = LOOKED_AT[plan];
  const windows = new NodeWindows(loadOf('mixed'));
  // Series are gone by then; what they leave is free for others.
  const options = { nodes: KEPT_NODES, windows, withSeries: false, hostSeries: false };
  const fleet = await SimulatedFleet.start({ ...options, plan, archive: plan === 'paid' });
  try {
    await fleet.provider(true);
    const at = new Map<number, ReadonlyMap<string, number>>();
    for (let day = 0; day <= oldTo; day++) {
      for (let hour = day * 24; hour < (day + 1) * 24; hour++) {
        await fleet.setClock((hour + 1) * 60 * MINUTE_MS);
        await fleet.reportHour(hour);
        for (const turn of TURNS_THAT_KEEP) {
          await fleet.setClock(((hour + 1) * 60 + turn) * MINUTE_MS);
          await fleet.cron();
        }
      }
      process.stderr.write(`\r  day ${day + 1} of ${oldTo + 1} `);
      if (LOOKED_AT[plan].includes(day)) at.set(day, fleet.tables());
    }
    process.stderr.write('\n');
    const perDay = (from: number, to: number) => {
      const { ofNodes, ofFleet } = growth(at.get(from)!, at.get(to)!);
      return { ofNode: ofNodes / (to - from) / KEPT_NODES, ofFleet: ofFleet / (to - from) };
    };
    const old = perDay(oldFrom, oldTo);
    return { packed: perDay(packedFrom, packedTo).ofNode, old: old.ofNode, fleet: old.ofFleet };
  } finally {
    await fleet.stop();
  }
}
