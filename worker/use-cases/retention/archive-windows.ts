/** A day of some nodes as files: each window with its epochs and devices, and the shares of jobs. */
import { ALL_KNOWN } from '../../../shared/audit/as-known.ts';
import type { LedgerDevice, LedgerEpoch, LedgerJobShare } from '../../../shared/ledger/hour.ts';
import { WINDOW_MS } from '../../../shared/time/window.ts';
import type { Part } from '../../storage/archive.ts';
import { readNodeDevices } from '../../storage/node-devices.ts';
import { type KeySpan, type NodeHour, readHourSpans } from '../../storage/node-hours.ts';
import { readNodeIds } from '../../storage/retention-hours.ts';
import { readJobs } from '../../storage/stored-jobs.ts';
import { type DayNodes, numbered, partName, spansOf } from './day-nodes.ts';
import { type Column, ParquetFiles } from './parquet.ts';

interface WindowOf {
  readonly nodeId: string;
  readonly windowStartMs: number;
  readonly epoch: LedgerEpoch;
}

interface DeviceRow extends WindowOf, LedgerDevice {
  readonly deviceId: string;
  readonly deviceType: string;
  readonly deviceName: string;
}

interface ShareRow extends WindowOf, LedgerJobShare {
  readonly deviceId: string;
  readonly jobId: string;
}

const WINDOW_COLUMNS = [
  { name: 'node_id', type: 'text', value: (row: WindowOf) => row.nodeId },
  { name: 'window_start', type: 'instant', value: (row: WindowOf) => row.windowStartMs },
  { name: 'epoch', type: 'text', value: (row: WindowOf) => row.epoch.epoch },
] as const satisfies readonly Column<WindowOf>[];

const DEVICE_COLUMNS: readonly Column<DeviceRow>[] = [
  ...WINDOW_COLUMNS,
  { name: 'revision', type: 'integer', value: (row) => row.epoch.revision },
  { name: 'final', type: 'boolean', value: (row) => row.epoch.final },
  { name: 'device_id', type: 'text', value: (row) => row.deviceId },
  { name: 'device_type', type: 'text', value: (row) => row.deviceType },
  { name: 'device_name', type: 'text', value: (row) => row.deviceName },
  { name: 'metered_milliseconds', type: 'integer', value: (row) => row.meteredMilliseconds },
  { name: 'energy_millijoules', type: 'integer', value: (row) => row.energyMillijoules },
  { name: 'kind', type: 'text', value: (row) => row.kind },
  { name: 'recovered_millijoules', type: 'integer', value: (row) => row.recoveredMillijoules },
  { name: 'integrated_millijoules', type: 'integer', value: (row) => row.integratedMillijoules },
  { name: 'idle_millijoules', type: 'integer', value: (row) => row.idleMillijoules },
  { name: 'utilization_ratio', type: 'number', value: (row) => row.utilizationRatio },
];

const SHARE_COLUMNS: readonly Column<ShareRow>[] = [
  ...WINDOW_COLUMNS,
  { name: 'device_id', type: 'text', value: (row) => row.deviceId },
  { name: 'job_id', type: 'text', value: (row) => row.jobId },
  { name: 'energy_millijoules', type: 'integer', value: (row) => row.energyMillijoules },
  { name: 'allocated_milliseconds', type: 'integer', value: (row) => row.allocatedMilliseconds },
  { name: 'attribution', type: 'text', value: (row) => row.attribution ?? 'allocation' },
];

/** Nodes whose day is held at once: of some with 17 devices and eight jobs, 20 MB. */
const NODES_AT_ONCE = 4;

/** Everything that the database holds of that day and these nodes; none where that is nothing. */
export async function windowParts(
  db: D1Database,
  block: DayNodes,
): Promise<{ readonly parts: readonly Part[]; readonly hours: number }> {
  const devices = new ParquetFiles(DEVICE_COLUMNS);
  const shares = new ParquetFiles(SHARE_COLUMNS);
  let count = 0;
  for (let first = block.nodes.first; first < block.nodes.end; first += NODES_AT_ONCE) {
    const nodes = { first, end: Math.min(first + NODES_AT_ONCE, block.nodes.end) };
    const hours: NodeHour[] = [];
    for await (const hour of readHourSpans(db, spansOf({ day: block.day, nodes }))) hours.push(hour);
    if (hours.length === 0) continue;
    count += hours.length;
    const names = await readNames(db, nodes, hours);
    devices.add(deviceRows(hours, names));
    shares.add(shareRows(hours, names));
  }
  const name = partName(block);
  return {
    hours: count,
    parts: [
      ...numbered('windows', block, name, devices.finish()),
      ...numbered('job_shares', block, name, shares.finish()),
    ],
  };
}

function deviceRows(hours: readonly NodeHour[], names: Names): DeviceRow[] {
  return windowsOf(hours).flatMap(({ nodeNumber, ...of }) =>
    of.epoch.devices.map((device) => ({
      ...of,
      ...device,
      nodeId: names.node(nodeNumber),
      ...names.device(nodeNumber, device.deviceIndex),
    })),
  );
}

function shareRows(hours: readonly NodeHour[], names: Names): ShareRow[] {
  return windowsOf(hours).flatMap(({ nodeNumber, ...of }) =>
    of.epoch.jobShares.map((share) => {
      const { deviceId } = names.device(nodeNumber, share.deviceIndex);
      return { ...of, ...share, nodeId: names.node(nodeNumber), deviceId, jobId: names.job(share.jobNumber) };
    }),
  );
}

function windowsOf(hours: readonly NodeHour[]) {
  return hours.flatMap(({ nodeNumber, hourStartMs, ledger }) =>
    ledger.windows.flatMap((epochs, index) =>
      epochs.map((epoch) => ({ nodeNumber, windowStartMs: hourStartMs + index * WINDOW_MS, epoch })),
    ),
  );
}

type Names = Awaited<ReturnType<typeof readNames>>;

async function readNames(db: D1Database, nodes: KeySpan, hours: readonly NodeHour[]) {
  const nodeNumbers = [...new Set(hours.map(({ nodeNumber }) => nodeNumber))];
  const jobNumbers = new Set(
    hours
      .flatMap(({ ledger }) => ledger.windows.flat())
      .flatMap(({ jobShares }) => jobShares.map(({ jobNumber }) => jobNumber)),
  );
  const [nodeIds, devices, jobs] = await Promise.all([
    readNodeIds(db, nodes),
    readNodeDevices(db, nodeNumbers),
    readJobs(db, [...jobNumbers], ALL_KNOWN),
  ]);
  const deviceNames = new Map(
    devices.map(({ nodeNumber, deviceIndex, id, type, name }) => [
      `${nodeNumber} ${deviceIndex}`,
      { deviceId: id, deviceType: type, deviceName: name },
    ]),
  );
  const jobIds = new Map(jobs.map(({ number, id }) => [number, id]));
  return {
    node: (number: number) => known(nodeIds.get(number), `node ${number}`),
    device: (nodeNumber: number, index: number) =>
      known(deviceNames.get(`${nodeNumber} ${index}`), `device ${index} of node ${nodeNumber}`),
    job: (number: number) => known(jobIds.get(number), `job ${number}`),
  };
}

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is in no registry`);
  return value;
}
