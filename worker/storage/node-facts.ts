/** What a node says of itself: written only when it differs from what is stored, so that a repeat costs no row. */
import type { AgentHealth, Inventory } from '../../shared/wire/ingest.ts';

const WRITE_INVENTORY =
  'UPDATE nodes SET inventory = ?2, inventory_at_ms = ?3 WHERE number = ?1 AND inventory IS NOT ?2';

const STATES = (health: string) =>
  `(SELECT json_group_array(json_array(value ->> 'sensor', value ->> 'state')) FROM json_each(${health}, '$.sensors'))`;
/** The instant is since when the states and the waiting reports are as they are: what else changes is no news for alerts. */
const WRITE_HEALTH = `
  UPDATE nodes SET health = ?2, health_at_ms = CASE
    WHEN health ->> '$.spoolReports' = ?2 ->> '$.spoolReports' AND ${STATES('health')} = ${STATES('?2')}
    THEN health_at_ms ELSE ?3 END
  WHERE number = ?1 AND health IS NOT ?2`;
const WRITE_VERSION = 'UPDATE nodes SET agent_version = ?2 WHERE number = ?1 AND agent_version IS NOT ?2';

export async function writeNodeFacts(
  db: D1Database,
  nodeNumber: number,
  facts: {
    readonly inventory?: Inventory | undefined;
    readonly health?: AgentHealth | undefined;
    readonly agentVersion: string;
  },
  nowMs: number,
): Promise<void> {
  const { inventory, health, agentVersion } = facts;
  if (inventory === undefined && health === undefined) return;
  await db.batch([
    db.prepare(WRITE_VERSION).bind(nodeNumber, agentVersion),
    ...(inventory === undefined
      ? []
      : [db.prepare(WRITE_INVENTORY).bind(nodeNumber, JSON.stringify(inventory), nowMs)]),
    ...(health === undefined
      ? []
      : [db.prepare(WRITE_HEALTH).bind(nodeNumber, JSON.stringify(health), nowMs)]),
  ]);
}

const COUNT_DROPPED = 'UPDATE nodes SET dropped_series = dropped_series + ?2 WHERE number = ?1';

/** Power series that were not kept, since their windows had one. */
export async function countDroppedSeries(db: D1Database, nodeNumber: number, count: number): Promise<void> {
  await db.prepare(COUNT_DROPPED).bind(nodeNumber, count).run();
}
