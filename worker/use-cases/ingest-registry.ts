/** From the names that agents use to the small numbers of the ledger. */
import { contentDigest } from '../../shared/ledger/digest.ts';
import type { LedgerEpoch } from '../../shared/ledger/hour.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import { registerJobs } from '../storage/jobs.ts';
import { readNodeDevices, registerNodeDevices } from '../storage/node-devices.ts';

export interface Registry {
  readonly deviceIndexes: ReadonlyMap<string, number>;
  /** The other way: id by index. */
  readonly deviceIds: readonly string[];
  readonly jobNumbers: ReadonlyMap<string, number>;
}

/** Looks the reports' devices and jobs up, adding those that are new. */
export async function registerNames(
  db: D1Database,
  nodeNumber: number,
  reports: readonly WindowReport[],
  nowMs: number,
): Promise<Registry> {
  const jobNumbers = await registerJobs(
    db,
    reports.flatMap(({ jobs }) => jobs),
    nowMs,
  );
  let devices = await readNodeDevices(db, [nodeNumber]);
  const known = new Set(devices.map(({ id }) => id));
  const unknown = new Map(
    reports.flatMap((report) =>
      report.devices.filter(({ id }) => !known.has(id)).map((device) => [device.id, device]),
    ),
  );
  if (unknown.size > 0) {
    await registerNodeDevices(db, nodeNumber, [...unknown.values()]);
    devices = await readNodeDevices(db, [nodeNumber]);
  }
  return {
    deviceIndexes: new Map(devices.map(({ id, deviceIndex }) => [id, deviceIndex])),
    deviceIds: devices.map(({ id }) => id),
    jobNumbers,
  };
}

/** @throws Error where a name is not in the registry: a broken invariant, since the registry was made from the reports */
export function toLedgerEpoch(report: WindowReport, registry: Registry): LedgerEpoch {
  return {
    epoch: report.epoch,
    revision: report.revision,
    final: report.final,
    contentDigest: contentDigest(report),
    devices: report.devices.map((device) => ({
      deviceIndex: numberOf(registry.deviceIndexes, device.id),
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
        jobNumber: numberOf(registry.jobNumbers, job.id),
        deviceIndex: numberOf(registry.deviceIndexes, id),
        energyMillijoules,
        allocatedMilliseconds,
      })),
    ),
  };
}

export function numberOf(numbers: ReadonlyMap<string, number>, id: string): number {
  const number = numbers.get(id);
  if (number === undefined) throw new Error(`"${id}" is in no registry`);
  return number;
}
