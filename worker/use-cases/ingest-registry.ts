/** From the names that agents use to the small numbers of the ledger. */
import { contentDigest } from '../../shared/ledger/digest.ts';
import type { DeviceEntry, LedgerEpoch } from '../../shared/ledger/hour.ts';
import type { Implausibility } from '../../shared/ledger/plausibility.ts';
import type { DeviceReport, WindowReport } from '../../shared/wire/ingest.ts';
import { readForBooking } from '../storage/booking.ts';
import type { RegisteredJob } from '../storage/jobs.ts';
import type { StoredHour } from '../storage/ledger-writes.ts';
import { registerNodeDevices } from '../storage/node-devices.ts';
import { nodeHourKey } from '../storage/node-hour-key.ts';

/** A 16-GPU host has some thirty; beyond this ids are made up, and every one of them would stay for ever. */
const MAX_DEVICES_PER_NODE = 256;

export interface Registry {
  readonly devices: ReadonlyMap<string, DeviceEntry>;
  /** The other way: id by index. */
  readonly deviceIds: readonly string[];
  readonly jobs: ReadonlyMap<string, RegisteredJob>;
}

/** What reports are booked against: names with their numbers, and the hours as they stood. */
export interface Books {
  readonly registry: Registry;
  readonly hours: ReadonlyMap<number, StoredHour>;
}

/** Opens the hours that the reports touch and looks their devices and jobs up, adding those that are new. */
export async function openBooks(
  db: D1Database,
  nodeNumber: number,
  reports: readonly WindowReport[],
  nowMs: number,
): Promise<Books> {
  const keys = new Set(reports.map(({ windowStartMs }) => nodeHourKey(nodeNumber, windowStartMs)));
  const jobs = reports.flatMap((report) => report.jobs);
  const state = await readForBooking(db, nodeNumber, [...keys], jobs, nowMs);
  const fresh = newDevices(reports, state.devices);
  const devices =
    fresh.length === 0 ? state.devices : await registerNodeDevices(db, nodeNumber, fresh, nowMs);
  const registry = {
    devices: new Map(devices.map((device) => [device.id, device])),
    deviceIds: devices.map(({ id }) => id),
    jobs: state.jobs,
  };
  return { registry, hours: state.hours };
}

/** As first named; as many as the node may still have. */
function newDevices(reports: readonly WindowReport[], known: readonly DeviceEntry[]): DeviceReport[] {
  const ids = new Set(known.map(({ id }) => id));
  const fresh: DeviceReport[] = [];
  for (const device of reports.flatMap(({ devices }) => devices)) {
    if (ids.has(device.id)) continue;
    ids.add(device.id);
    fresh.push(device);
  }
  return fresh.slice(0, Math.max(0, MAX_DEVICES_PER_NODE - known.length));
}

/** A device that the registry knows as something else, or has no room for; null where there is none. */
export function findMisnamed(report: WindowReport, { devices }: Registry): Implausibility | null {
  for (const { id, type } of report.devices) {
    const known = devices.get(id);
    if (known === undefined) {
      const detail = `The node has ${MAX_DEVICES_PER_NODE} devices already, the most that are kept; device ids must not change.`;
      return { code: 'too_many_devices', deviceId: id, detail };
    }
    if (known.type !== type) {
      const detail = `"${id}" was reported as type "${known.type}" before and as "${type}" now; one of them is another device and needs an id of its own.`;
      return { code: 'device_type_changed', deviceId: id, detail };
    }
  }
  return null;
}

/** @throws Error where a name is not in the registry: a broken invariant, since the registry was made from the reports */
export function toLedgerEpoch(report: WindowReport, registry: Registry): LedgerEpoch {
  return {
    epoch: report.epoch,
    revision: report.revision,
    final: report.final,
    contentDigest: contentDigest(report),
    devices: report.devices.map((device) => ({
      deviceIndex: deviceIndexOf(registry, device.id),
      meteredMilliseconds: device.meteredMilliseconds,
      energyMillijoules: device.energyMillijoules,
      kind: device.kind,
      recoveredMillijoules: device.recoveredMillijoules ?? 0,
      integratedMillijoules: device.integratedMillijoules ?? null,
      idleMillijoules: device.idleMillijoules ?? 0,
      utilizationRatio: device.utilizationRatio ?? null,
    })),
    jobShares: report.jobs.flatMap((job) =>
      job.devices.map(({ id, energyMillijoules, allocatedMilliseconds }) => ({
        jobNumber: known(registry.jobs.get(job.id)?.number, job.id),
        deviceIndex: deviceIndexOf(registry, id),
        energyMillijoules,
        allocatedMilliseconds,
        ...(job.attribution === undefined || job.attribution === 'allocation'
          ? {}
          : { attribution: job.attribution }),
      })),
    ),
  };
}

export function deviceIndexOf({ devices }: Pick<Registry, 'devices'>, id: string): number {
  return known(devices.get(id)?.deviceIndex, id);
}

function known(number: number | undefined, id: string): number {
  if (number === undefined) throw new Error(`"${id}" is in no registry`);
  return number;
}
