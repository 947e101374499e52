/** The registry of each node's devices: the small numbers that the ledger uses for them. */
import type { DeviceEntry } from '../../shared/ledger/hour.ts';

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
