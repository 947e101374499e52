/** A large fleet at once: copies of the node number 1 with its site, devices and hours, under names of their own. */
const HOUR_KEYS = 2 ** 21;

/** @returns SQL that makes the nodes of these numbers, which are free */
export function copiesOfFirst(from: number, to: number): readonly string[] {
  const others = `WITH RECURSIVE other (number) AS
    (SELECT ${from} UNION ALL SELECT number + 1 FROM other WHERE number < ${to})`;
  return [
    `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
     ${others} SELECT other.number, 'n-' || other.number, 'n-' || other.number, '{}', other.number, other.number,
       enrolled_at_ms, 0, agent_version FROM other JOIN nodes ON nodes.number = 1`,
    `INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
     ${others} SELECT 'node:' || number, key, value, effective_from_ms, recorded_at_ms, recorded_by
       FROM other JOIN settings ON subject = 'node:1'`,
    `INSERT INTO node_devices (node_number, device_index, device_id, type, name)
     ${others} SELECT number, device_index, device_id, type, name FROM other JOIN node_devices ON node_number = 1`,
    `INSERT INTO node_hours (key, version, received_at_ms, ledger)
     ${others} SELECT key + (number - 1) * ${HOUR_KEYS}, version, received_at_ms, ledger
       FROM other JOIN node_hours ON key BETWEEN ${HOUR_KEYS} AND ${2 * HOUR_KEYS - 1}`,
  ];
}
