/** How every node stands now, as far as health rules ask. */
import { lastReportAtMs } from './node-hour-key.ts';

export interface NodeHealth {
  readonly number: number;
  /** When the newest change of its newest hour arrived; null before the first. */
  readonly lastReportAtMs: number | null;
  /** Since when its sensors stand as they do, and so many reports wait; null before the agent told. */
  readonly healthAtMs: number | null;
  /** `nvml failed, rapl noData`; null where none is. */
  readonly lostSensors: string | null;
  readonly spoolReports: number | null;
  /** When the newest report came, up to an instant, that only another agent of the same identity explains, and waits for a person. */
  readonly conflictAtMs: number | null;
}

/** One row of `node_hours` per node, whatever its past; the conflicts by the index of what is open. */
const READ = `
  SELECT nodes.number AS number,
    ${lastReportAtMs('nodes.number')} AS lastReportAtMs,
    nodes.health_at_ms AS healthAtMs,
    (SELECT group_concat((value ->> 'sensor') || ' ' || (value ->> 'state'), ', ') FROM json_each(nodes.health, '$.sensors')
      WHERE value ->> 'state' IN ('failed', 'noData')) AS lostSensors,
    nodes.health ->> 'spoolReports' AS spoolReports,
    conflict.at_ms AS conflictAtMs
  FROM nodes LEFT JOIN (
    SELECT node_number, MAX(received_at_ms) AS at_ms FROM quarantine
     WHERE code IN ('revision_conflict', 'over_metered') AND resolution IS NULL AND received_at_ms <= ?1 GROUP BY node_number) AS conflict
    ON conflict.node_number = nodes.number
  WHERE nodes.retired_at_ms IS NULL ORDER BY nodes.number`;

/** @param toMs end of the last window that is judged: two agents that go on contradict each other after it as well */
export async function readNodeHealth(db: D1Database, toMs: number): Promise<NodeHealth[]> {
  return (await db.prepare(READ).bind(toMs).all<NodeHealth>()).results;
}
