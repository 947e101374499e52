/** The registry of each node's devices: the small numbers that the ledger uses for them. */
import type { DeviceEntry } from '../../shared/ledger/hour.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';

export interface NodeDevice extends DeviceEntry {
  readonly nodeNumber: number;
}

const READ_DEVICES = `
  SELECT node_number AS nodeNumber, device_index AS deviceIndex, device_id AS id, type, name
  FROM node_devices
  WHERE node_number IN (SELECT value FROM json_each(?1))
  ORDER BY node_number, device_index`;

export async function readNodeDevices(db: D1Database, nodeNumbers: readonly number[]): Promise<NodeDevice[]> {
  const { results } = await db.prepare(READ_DEVICES).bind(JSON.stringify(nodeNumbers)).all<NodeDevice>();
  return results;
}

/** The next free number is taken within the statement, so two requests at once never give one number to two devices. */
const REGISTER_DEVICE = `
  INSERT INTO node_devices (node_number, device_index, device_id, type, name)
  SELECT ?1, COALESCE((SELECT MAX(device_index) + 1 FROM node_devices WHERE node_number = ?1), 0), ?2, ?3, ?4
  WHERE NOT EXISTS (SELECT 1 FROM node_devices WHERE node_number = ?1 AND device_id = ?2)`;

/** Adds the devices that the node does not have yet; those it has keep their number, type and name. */
export async function registerNodeDevices(
  db: D1Database,
  nodeNumber: number,
  devices: readonly { readonly id: string; readonly type: DeviceType; readonly name: string }[],
): Promise<void> {
  const statement = db.prepare(REGISTER_DEVICE);
  await db.batch(devices.map(({ id, type, name }) => statement.bind(nodeNumber, id, type, name)));
}
