/** How large the fleet is, and how often it was asked to report. */
import { type Change, recordChange } from './changes.ts';
import { openDatabase } from './database.ts';
import { type FleetSettings, readFleetSettings } from './fleet-settings.ts';

export interface CountedFleet {
  /** Nodes that report, and how many of them are in the fullest database. */
  readonly nodes: number;
  readonly nodesOfFullest: number;
  /** Seconds to which the server has raised what the operator asked for; null: it has not. */
  readonly raisedToSeconds: number | null;
}

export interface StoredPace {
  readonly asked: FleetSettings['reportEverySeconds'];
  /** Null before the first count. */
  readonly fleet: CountedFleet | null;
}

const READ = `
  SELECT nodes, nodes_of_fullest AS nodesOfFullest, raised_to_seconds AS raisedToSeconds
  FROM fleet_pace WHERE id = 1`;

/** @param db the first database */
export async function readStoredPace(db: D1Database, nowMs: number): Promise<StoredPace> {
  const [settings, fleet] = await Promise.all([
    readFleetSettings(openDatabase(db), nowMs),
    db.prepare(READ).first<CountedFleet>(),
  ]);
  return { asked: settings.reportEverySeconds, fleet };
}

/** Of each node its own row and, where it enrolled before, that of its newest hour (2^21 hours). */
const COUNT = `
  SELECT COUNT(*) AS nodes FROM nodes
  WHERE retired_at_ms IS NULL AND simulated = 0 AND (enrolled_at_ms >= ?1 OR
    (SELECT received_at_ms FROM node_hours
      WHERE key >= nodes.number * 2097152 AND key < (nodes.number + 1) * 2097152 ORDER BY key DESC LIMIT 1) >= ?1)`;

/** Nodes of one database that enrolled or reported since then. */
export async function countReporting(db: D1Database, sinceMs: number): Promise<number> {
  return (await db.prepare(COUNT).bind(sinceMs).first<{ nodes: number }>())!.nodes;
}

const WRITE = `
  INSERT INTO fleet_pace (id, nodes, nodes_of_fullest, raised_to_seconds, changed_at_ms) VALUES (1, ?1, ?2, ?3, ?4)
  ON CONFLICT (id) DO UPDATE SET nodes = excluded.nodes, nodes_of_fullest = excluded.nodes_of_fullest,
    raised_to_seconds = excluded.raised_to_seconds, changed_at_ms = excluded.changed_at_ms`;

/** With the change of the pace that it brings, where it brings one. */
export async function writeCountedFleet(
  db: D1Database,
  { nodes, nodesOfFullest, raisedToSeconds }: CountedFleet,
  change: Change | null,
  nowMs: number,
): Promise<void> {
  const write = db.prepare(WRITE).bind(nodes, nodesOfFullest, raisedToSeconds, nowMs);
  await db.batch(change === null ? [write] : [write, recordChange(db, change)]);
}
