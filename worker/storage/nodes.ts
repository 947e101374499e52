import { eq } from 'drizzle-orm';
import { RETIRED_AT } from '../../shared/settings/node-as-known.ts';
import type { AgentHealth, Inventory } from '../../shared/wire/ingest.ts';
import { nodeDevices } from '../schema/schema.ts';
import { type Author, CHANGE_COLUMNS } from './changes.ts';
import type { Database } from './database.ts';
import { selectDirectoryNumber } from './node-directory.ts';
import { lastReportAtMs } from './node-hour-key.ts';
import { changeLabels } from './node-labels.ts';
import { type Move, moveNodes } from './node-sites.ts';
import { type Shards, shardOfNode } from './shards.ts';

/** What a list shows of a node. */
export interface NodeSummary {
  readonly number: number;
  readonly id: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly simulated: boolean;
  readonly agentVersion: string;
  readonly enrolledAtMs: number;
  readonly retiredAtMs: number | null;
  /** Null until the agent has said. */
  readonly health: AgentHealth | null;
  readonly healthAtMs: number | null;
  /** When the newest change of its newest hour arrived; null before the first. */
  readonly lastReportAtMs: number | null;
  /** Where it stands now, and that site's grid zone now. */
  readonly siteId: string | null;
  readonly gridZone: string | null;
}

export interface NodeRecord extends NodeSummary {
  readonly inventory: Inventory | null;
  readonly inventoryAtMs: number | null;
  /** Power series that came for a window which had one already. */
  readonly droppedSeries: number;
}

export interface NodeFilter {
  readonly key: 'site' | 'gridZone' | 'node' | 'label';
  /** For `label`: its name. */
  readonly label: string;
  readonly value: string;
}

export interface NodeQuery {
  readonly limit: number;
  /** Node number after which the page begins. */
  readonly after: number;
  readonly filters: readonly NodeFilter[];
  readonly withRetired: boolean;
}

/** The value of a setting that holds at `?1`. */
const settingNow = (subject: string, key: string) =>
  `(SELECT value FROM settings WHERE subject = ${subject} AND key = '${key}' AND effective_from_ms <= ?1
    ORDER BY effective_from_ms DESC, id DESC LIMIT 1)`;

/** Of shard 0: each site that has a zone at the instant `?1`. */
const ZONES_NOW = `SELECT id, ${settingNow("'site:' || sites.id", 'gridZone')} AS gridZone FROM sites`;

interface ZoneRow {
  readonly id: string;
  readonly gridZone: string | null;
}

/** The nodes with where they stand at the instant `?1`. */
const NODES_NOW = `
    SELECT nodes.*, ${settingNow("'node:' || nodes.number", 'site')} AS site_id,
      ${lastReportAtMs('nodes.number')} AS last_report_at_ms
    FROM nodes`;

const SUMMARY_COLUMNS = `number, id, hostname, labels, simulated, agent_version, enrolled_at_ms, retired_at_ms, health,
  health_at_ms, last_report_at_ms, site_id`;

interface SummaryRow {
  readonly number: number;
  readonly id: string;
  readonly hostname: string;
  readonly labels: string;
  readonly simulated: number;
  readonly agent_version: string;
  readonly enrolled_at_ms: number;
  readonly retired_at_ms: number | null;
  readonly health: string | null;
  readonly health_at_ms: number | null;
  readonly last_report_at_ms: number | null;
  readonly site_id: string | null;
}

interface RecordRow extends SummaryRow {
  readonly inventory: string | null;
  readonly inventory_at_ms: number | null;
  readonly dropped_series: number;
}

const FILTER_COLUMN = { site: 'site_id', node: 'id' } as const;

/** By node number, as the query says: of one shard after the other, until there are as many as it asks for. */
export async function listNodes(shards: Shards, query: NodeQuery, nowMs: number): Promise<NodeSummary[]> {
  const zones = await readZones(shards.main, nowMs);
  const found: NodeSummary[] = [];
  // A cursor that nobody was given may be any number.
  const first = Math.max(0, shardOfNode(query.after));
  for (let shard = first; shard < shards.count && found.length < query.limit; shard++) {
    const limit = query.limit - found.length;
    const rows = await shards.ask(shard, (db) => selectNodes(db, { ...query, limit }, zones, nowMs));
    for (const row of rows) found.push(toSummary(row, zones));
  }
  return found;
}

/** By site. */
type Zones = ReadonlyMap<string, string | null>;

async function readZones(main: D1Database, nowMs: number): Promise<Zones> {
  return toZones((await main.prepare(ZONES_NOW).bind(nowMs).all<ZoneRow>()).results);
}

const toZones = (rows: readonly ZoneRow[]): Zones => new Map(rows.map(({ id, gridZone }) => [id, gridZone]));

async function selectNodes(
  db: D1Database,
  query: NodeQuery,
  zones: Zones,
  nowMs: number,
): Promise<SummaryRow[]> {
  const conditions = ['number > ?2', ...(query.withRetired ? [] : ['retired_at_ms IS NULL'])];
  const values: string[] = [];
  const bind = (value: string) => `?${values.push(value) + 3}`;
  for (const { key, label, value } of query.filters) {
    if (key === 'label')
      conditions.push(
        `EXISTS (SELECT 1 FROM json_each(labels) AS label WHERE label.key = ${bind(label)} AND label.value = ${bind(value)})`,
      );
    else if (key === 'gridZone') {
      const sites = [...zones].filter(([, gridZone]) => gridZone === value).map(([site]) => site);
      conditions.push(`site_id IN (SELECT value FROM json_each(${bind(JSON.stringify(sites))}))`);
    } else conditions.push(`${FILTER_COLUMN[key]} = ${bind(value)}`);
  }
  const { results } = await db
    .prepare(
      `SELECT ${SUMMARY_COLUMNS} FROM (${NODES_NOW}) WHERE ${conditions.join(' AND ')} ORDER BY number LIMIT ?3`,
    )
    .bind(nowMs, query.after, query.limit, ...values)
    .all<SummaryRow>();
  return results;
}

const READ_LAST_REPORTS = `
  SELECT ${lastReportAtMs('nodes.number')} AS lastReportAtMs, nodes.retired_at_ms AS retiredAtMs
  FROM nodes ORDER BY nodes.number`;

/** Of every node that ever was, what tells its state: two rows read of each. */
export async function readLastReports(
  db: D1Database,
): Promise<Pick<NodeSummary, 'retiredAtMs' | 'lastReportAtMs'>[]> {
  return (await db.prepare(READ_LAST_REPORTS).all<NodeSummary>()).results;
}

const FIND_NODE = `SELECT * FROM (${NODES_NOW}) WHERE id = ?2`;

/** Two round trips where it lives in another database than the first. */
export async function findNode(shards: Shards, id: string, nowMs: number): Promise<NodeRecord | null> {
  const { main } = shards;
  const [nodes, elsewhere, zoneRows] = await main.batch<unknown>([
    main.prepare(FIND_NODE).bind(nowMs, id),
    selectDirectoryNumber(main, id),
    main.prepare(ZONES_NOW).bind(nowMs),
  ]);
  const zones = toZones(zoneRows!.results as ZoneRow[]);
  const [own] = nodes!.results as RecordRow[];
  if (own !== undefined) return toRecord(own, zones);
  const [there] = elsewhere!.results as { number: number }[];
  if (there === undefined) return null;
  const row = await shards.ask(shardOfNode(there.number), (db) =>
    db.prepare(FIND_NODE).bind(nowMs, id).first<RecordRow>(),
  );
  return row && toRecord(row, zones);
}

function toRecord(row: RecordRow, zones: Zones): NodeRecord {
  return {
    ...toSummary(row, zones),
    inventory: row.inventory === null ? null : JSON.parse(row.inventory),
    inventoryAtMs: row.inventory_at_ms,
    droppedSeries: row.dropped_series,
  };
}

export interface KnownDevice {
  readonly id: string;
  readonly type: string;
  readonly name: string;
}

/** Devices that ever reported, in order of first appearance. */
export async function listNodeDevices(db: Database, nodeNumber: number): Promise<KnownDevice[]> {
  return db
    .select({ id: nodeDevices.deviceId, type: nodeDevices.type, name: nodeDevices.name })
    .from(nodeDevices)
    .where(eq(nodeDevices.nodeNumber, nodeNumber))
    .orderBy(nodeDevices.deviceIndex)
    .all();
}

export interface NodesChange {
  /** Merged; null removes one. */
  readonly labels?: Readonly<Record<string, string | null>> | undefined;
  readonly move?: Move | undefined;
}

/** Nodes of one shard, all of them in one transaction. */
export async function updateNodes(
  db: D1Database,
  nodeNumbers: readonly number[],
  { labels, move }: NodesChange,
  author: Author,
  nowMs: number,
): Promise<void> {
  const statements = [
    ...(labels === undefined
      ? []
      : changeLabels(db, { nodeNumbers, merge: 'over', labels, tokenId: null }, author, nowMs)),
    ...(move === undefined ? [] : moveNodes(db, nodeNumbers, move, author, nowMs)),
  ];
  if (statements.length > 0) await db.batch(statements);
}

const LOG_RETIREMENT = `
  INSERT INTO changes (${CHANGE_COLUMNS})
  SELECT ?2, ?3, 'node:' || id, '${RETIRED_AT}', NULL, CAST(?2 AS INTEGER), ?2, NULL, ?4
  FROM nodes WHERE number = ?1 AND retired_at_ms IS NULL`;

const SET_RETIREMENT = `
  INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
  SELECT 'node:' || number, '${RETIRED_AT}', CAST(?2 AS INTEGER), ?2, ?2, ?3
  FROM nodes WHERE number = ?1 AND retired_at_ms IS NULL`;

const RETIRE = 'UPDATE nodes SET retired_at_ms = ?2 WHERE number = ?1 AND retired_at_ms IS NULL';
const REVOKE_TOKENS = 'UPDATE tokens SET revoked_at_ms = ?2 WHERE node_number = ?1 AND revoked_at_ms IS NULL';

/**
 * Ends the node's tokens and marks it; its data stay. Of two at once the first counts: a node that is retired keeps its
 * date, and nothing is recorded of it again.
 */
export async function retireNode(
  binding: D1Database,
  nodeNumber: number,
  nowMs: number,
  { who, why }: Author,
): Promise<void> {
  await binding.batch([
    binding.prepare(LOG_RETIREMENT).bind(nodeNumber, nowMs, who, why),
    binding.prepare(SET_RETIREMENT).bind(nodeNumber, nowMs, who),
    binding.prepare(RETIRE).bind(nodeNumber, nowMs),
    binding.prepare(REVOKE_TOKENS).bind(nodeNumber, nowMs),
  ]);
}

function toSummary(row: SummaryRow, zones: Zones): NodeSummary {
  return {
    number: row.number,
    id: row.id,
    hostname: row.hostname,
    labels: JSON.parse(row.labels),
    simulated: row.simulated === 1,
    agentVersion: row.agent_version,
    enrolledAtMs: row.enrolled_at_ms,
    retiredAtMs: row.retired_at_ms,
    health: row.health === null ? null : JSON.parse(row.health),
    healthAtMs: row.health_at_ms,
    lastReportAtMs: row.last_report_at_ms,
    siteId: row.site_id,
    gridZone: row.site_id === null ? null : (zones.get(row.site_id) ?? null),
  };
}
