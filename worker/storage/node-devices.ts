/** The registry of each node's devices: the small numbers that the ledger uses for them. */
import type { DeviceEntry } from '../../shared/ledger/hour.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';
import { markNodes } from './rollup-marks.ts';

export interface NodeDevice extends DeviceEntry {
  readonly nodeNumber: number;
  readonly firstSeenAtMs: number;
}

const READ_DEVICES = `
  SELECT node_number AS nodeNumber, device_index AS deviceIndex, device_id AS id, type, name,
         first_seen_at_ms AS firstSeenAtMs
  FROM node_devices
  WHERE node_number IN (SELECT value FROM json_each(?1))
  ORDER BY node_number, device_index`;

export function selectNodeDevices(db: D1Database, nodeNumbers: readonly number[]): D1PreparedStatement {
  return db.prepare(READ_DEVICES).bind(JSON.stringify(nodeNumbers));
}

export async function readNodeDevices(db: D1Database, nodeNumbers: readonly number[]): Promise<NodeDevice[]> {
  return (await selectNodeDevices(db, nodeNumbers).all<NodeDevice>()).results;
}

/** The next free numbers are taken within the statement, so two requests at once never give one number to two devices. */
const REGISTER_DEVICES = `
  INSERT INTO node_devices (node_number, device_index, device_id, type, name, first_seen_at_ms)
  SELECT ?1, COALESCE((SELECT MAX(device_index) FROM node_devices WHERE node_number = ?1), -1)
             + ROW_NUMBER() OVER (ORDER BY fresh.key),
         fresh.value ->> 0, fresh.value ->> 1, fresh.value ->> 2, ?3
  FROM json_each(?2) AS fresh
  WHERE NOT EXISTS (SELECT 1 FROM node_devices WHERE node_number = ?1 AND device_id = fresh.value ->> 0)`;

/**
 * Adds the devices that the node does not have yet; those it has keep their number, type and name.
 * @returns every device of the node, in order of their numbers
 */
export async function registerNodeDevices(
  db: D1Database,
  nodeNumber: number,
  devices: readonly { readonly id: string; readonly type: DeviceType; readonly name: string }[],
  nowMs: number,
): Promise<NodeDevice[]> {
  const rows = devices.map(({ id, type, name }) => [id, type, name]);
  const [, all] = await db.batch<NodeDevice>([
    db.prepare(REGISTER_DEVICES).bind(nodeNumber, JSON.stringify(rows), nowMs),
    selectNodeDevices(db, [nodeNumber]),
    // It is expected since its node enrolled, and may be another model of GPU.
    markNodes(db, [nodeNumber], nowMs),
  ]);
  return all!.results;
}
