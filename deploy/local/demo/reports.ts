/** The demo fleet's reports, as an agent would send them; every energy is of kind `simulated`. */
import { WINDOW_MS } from '../../../shared/time/window.ts';
import type {
  AgentHealth,
  DeviceReport,
  DeviceType,
  Inventory,
  WindowReport,
} from '../../../shared/wire/ingest.ts';
import type { DemoNode } from './fleet.ts';
import { noise } from './noise.ts';
import { type DemoJob, isOutage, jobAt, loadAt } from './workload.ts';

/** The same on every run, so that a window told again is the same window. */
const EPOCH = 'demofleet1';
/** Revisions of an open window are the minutes told so far; the closed window is the last. */
const MINUTE_MS = 60_000;
const FINAL_REVISION = WINDOW_MS / MINUTE_MS;

interface DemoDevice {
  readonly id: string;
  readonly type: DeviceType;
  readonly name: string;
  readonly idleWatts: number;
  readonly busyWatts: number;
}

/** The window as it stands at `nowMs`, whole minutes only; null where nobody metered it, or nothing of it is over. */
export function demoReport(node: DemoNode, windowStartMs: number, nowMs: number): WindowReport | null {
  const minutes = Math.min(Math.floor((nowMs - windowStartMs) / MINUTE_MS), FINAL_REVISION);
  if (minutes <= 0 || isOutage(node, windowStartMs)) return null;
  const job = jobAt(node, windowStartMs);
  const load = loadAt(node, windowStartMs);
  const devices = demoDevices(node).map((device, place) =>
    deviceReport(device, load, minutes * MINUTE_MS, job, noise(node.index, place, windowStartMs / WINDOW_MS)),
  );
  return {
    windowStartMs,
    epoch: EPOCH,
    revision: minutes,
    final: minutes === FINAL_REVISION,
    devices,
    jobs: job === null ? [] : [jobReport(job, devices)],
  };
}

function deviceReport(
  device: DemoDevice,
  load: number,
  meteredMilliseconds: number,
  job: DemoJob | null,
  jitter: number,
): DeviceReport {
  const watts = (device.idleWatts + (device.busyWatts - device.idleWatts) * load) * (0.98 + 0.04 * jitter);
  const energyMillijoules = Math.round(watts * meteredMilliseconds);
  return {
    id: device.id,
    type: device.type,
    name: device.name,
    meteredMilliseconds,
    energyMillijoules,
    kind: 'simulated',
    ...(job === null ? { idleMillijoules: energyMillijoules } : {}),
    ...(device.type === 'gpu' || device.type === 'cpu' ? { utilizationRatio: load } : {}),
  };
}

function jobReport(job: DemoJob, devices: readonly DeviceReport[]): WindowReport['jobs'][number] {
  return {
    id: job.id,
    project: job.project,
    user: job.user,
    phase: job.phase,
    devices: devices.map(({ id, energyMillijoules, meteredMilliseconds }) => ({
      id,
      energyMillijoules,
      allocatedMilliseconds: meteredMilliseconds,
    })),
  };
}

function demoDevices({ index, hardware }: DemoNode): DemoDevice[] {
  return [
    ...gpuIds(index, hardware.gpuCount).map((id) => ({
      id,
      type: 'gpu' as const,
      name: hardware.gpuName,
      idleWatts: hardware.gpuIdleWatts,
      busyWatts: hardware.gpuBusyWatts,
    })),
    ...[0, 1].map((socket) => ({
      id: `cpu-${socket}`,
      type: 'cpu' as const,
      name: hardware.cpuName,
      idleWatts: 95,
      busyWatts: 215,
    })),
    { id: 'memory-0', type: 'memory', name: 'DRAM', idleWatts: 42, busyWatts: 78 },
    { id: 'other', type: 'other', name: 'rest of the host', idleWatts: 620, busyWatts: 1_350 },
  ];
}

function gpuIds(nodeIndex: number, count: number): string[] {
  return Array.from({ length: count }, (_, gpu) => {
    const tail = String(nodeIndex * 100 + gpu).padStart(12, '0');
    return `GPU-00000000-de30-4000-8000-${tail}`;
  });
}

export function demoInventory({ index, hostname, hardware }: DemoNode): Inventory {
  return {
    hostname,
    kernel: 'simulated',
    productName: 'Simulated HGX host',
    parts: [
      ...gpuIds(index, hardware.gpuCount).map((id) => ({ id, type: 'gpu' as const, name: hardware.gpuName })),
      ...[0, 1].map((socket) => ({
        id: `cpu-${socket}`,
        type: 'cpu' as const,
        name: hardware.cpuName,
        cores: hardware.cpuCores,
      })),
      { id: 'memory', type: 'memory', name: 'DRAM', capacityBytes: hardware.memoryBytes },
      { id: 'ssd-0', type: 'ssd', name: 'NVMe SSD', capacityBytes: hardware.ssdBytes },
    ],
  };
}

export const demoHealth: AgentHealth = {
  sensors: [{ sensor: 'simulator', state: 'ready', detail: 'demo data; no hardware stands behind it' }],
  spoolBytes: 0,
  spoolReports: 0,
  droppedSeries: 0,
  droppedReports: 0,
  damagedRecords: 0,
};
