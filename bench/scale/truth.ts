/**
 * What the simulated fleet consumes: whole millijoules by node, window and device, the same in workerd and in Node, and so
 * different that a node or an hour that is mistaken for another shows in every sum.
 */
import { HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';

export const START_MS = Date.UTC(2026, 5, 1);
/** Of the day. */
export const HOURS = 24;
export const LAST_HOUR = HOURS - 1;
export const GPUS = 8;
/** The GPUs, and the rest of their host. */
export const DEVICES = GPUS + 1;
export const SITES = 40;
/** Ten zones, four sites in each. */
export const ZONES = ['DE', 'FR', 'GB', 'ES', 'PL', 'NL', 'BE', 'AT', 'CZ', 'FI'];
/** Power series that differ. */
export const SERIES_KINDS = 251;
const SAMPLES = 300;
/** Whole watts say no more than this of a window. */
const BELOW_QUANTUM_MILLIJOULES = 90_000;

export const siteOf = (node: number) => node % SITES;
export const zoneOf = (node: number) => ZONES[siteOf(node) % ZONES.length]!;
export const hostname = (node: number) => `node-${String(node).padStart(5, '0')}`;

/** Watts, one sample a second: a training run with a dip at each checkpoint. */
export function samplesOf(kind: number): number[] {
  const level = 380 + ((kind * 17) % 280);
  return Array.from({ length: SAMPLES }, (_, second) => {
    const noise = (mix(kind, second, 0) % 13) - 6;
    return (second % 97 < 6 ? Math.round(level * 0.4) : level) + noise;
  });
}

const ENERGIES = Array.from({ length: SERIES_KINDS }, (_, kind) =>
  samplesOf(kind).reduce((sum, watts) => sum + watts * 1_000, 0),
);

export function seriesKindOf(node: number, window: number, device: number): number {
  return mix(node, window, device) % SERIES_KINDS;
}

/** Of a whole window. @param window since the start of the day */
export function energyMillijoules(node: number, window: number, device: number): number {
  const mixed = mix(node, window, device);
  return ENERGIES[mixed % SERIES_KINDS]! + (Math.floor(mixed / SERIES_KINDS) % BELOW_QUANTUM_MILLIJOULES);
}

/** Of all devices of a node. @param hour since the start of the day */
export function nodeHourMillijoules(node: number, hour: number): number {
  let sum = 0;
  for (let window = hour * WINDOWS_PER_HOUR; window < (hour + 1) * WINDOWS_PER_HOUR; window++)
    for (let device = 0; device < DEVICES; device++) sum += energyMillijoules(node, window, device);
  return sum;
}

export interface Told {
  readonly node: number;
  readonly window: number;
  readonly revision: number;
  /** Of the window. */
  readonly elapsedMs: number;
  /** Base64 by kind; null: the report has no series. */
  readonly series: readonly string[] | null;
}

/** What an agent says of a window, whole or so far; the whole node is in one job. */
export function reportOf({ node, window, revision, elapsedMs, series }: Told): WindowReport {
  const final = elapsedMs === WINDOW_MS;
  const devices = Array.from({ length: DEVICES }, (_, device) => {
    const energy = Math.floor((energyMillijoules(node, window, device) * elapsedMs) / WINDOW_MS);
    const isGpu = device < GPUS;
    const watts = series?.[seriesKindOf(node, window, device)];
    return {
      id: isGpu ? `GPU-${node}-${device}` : 'other',
      type: isGpu ? ('gpu' as const) : ('other' as const),
      name: isGpu ? 'NVIDIA H100 80GB HBM3' : 'rest of the host',
      meteredMilliseconds: elapsedMs,
      energyMillijoules: energy,
      kind: 'counter' as const,
      integratedMillijoules: energy + device * 1_000,
      utilizationRatio: 0.97,
      ...(final && watts !== undefined ? { series: { stepMilliseconds: 1_000, watts } } : {}),
    };
  });
  const shares = devices.map(({ id, energyMillijoules, meteredMilliseconds }) => ({
    id,
    energyMillijoules,
    allocatedMilliseconds: meteredMilliseconds,
  }));
  return {
    windowStartMs: START_MS + window * WINDOW_MS,
    epoch: 'k3v9c0ffee12',
    revision,
    final,
    devices,
    jobs: [{ id: `slurm:bench:${node}`, project: `project-${node % 50}`, devices: shares }],
  };
}

export const hourMs = (hour: number) => START_MS + hour * HOUR_MS;

function mix(node: number, window: number, device: number): number {
  let mixed =
    Math.imul(node + 1, 0x9e3779b1) ^ Math.imul(window + 1, 0x85ebca6b) ^ Math.imul(device + 1, 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
