/** How large the fleet is, and how often it was asked to report. */
import { HOUR_MS } from '../../shared/time/window.ts';
import { type Change, recordChange } from './changes.ts';
import { type FleetSettings, toReportEverySeconds } from './fleet-settings.ts';
import { lastReportAtMs } from './node-hour-key.ts';

export interface CountedFleet {
  /** Nodes that report, and how many of them are in the fullest database. */
  readonly nodes: number;
  readonly nodesOfFullest: number;
  /** Seconds to which the server has raised what the operator asked for; null: it has not. */
  readonly raisedToSeconds: number | null;
  /** What the server was deployed with when it last counted; null where it did not note it. */
  readonly defaultSeconds: number | null;
}

export interface StoredPace {
  readonly asked: FleetSettings['reportEverySeconds'];
  /** Null before the first count. */
  readonly fleet: CountedFleet | null;
  /** The longest interval that ended so lately that a node may not have heard of it; null: none. */
  readonly endedSeconds: number | null;
  /** What the server is deployed with is such an interval as well: the operator asked for another since. */
  readonly defaultEnded: boolean;
}

/** A node hears of a shorter interval with its next report, an hour later at most, and may have to try again. */
const HEARD_AFTER_MS = 2 * HOUR_MS;

/** Of the log: what held before a change. A setting that was none, or `auto`, is the default. */
const ENDED = (what: string) => `
  FROM changes WHERE subject = 'fleet' AND recorded_at_ms > ?1 - ${HEARD_AFTER_MS} AND what IN (${what})`;

/** The setting that holds at `?1`, and the count. One statement: jobs of the free plan have fifty in all. */
const READ = `
  SELECT (SELECT value FROM settings WHERE subject = 'fleet' AND key = 'reportEverySeconds' AND effective_from_ms <= ?1
          ORDER BY effective_from_ms DESC, id DESC LIMIT 1) AS asked,
         (SELECT nodes FROM fleet_pace WHERE id = 1) AS nodes,
         (SELECT nodes_of_fullest FROM fleet_pace WHERE id = 1) AS nodesOfFullest,
         (SELECT raised_to_seconds FROM fleet_pace WHERE id = 1) AS raisedToSeconds,
         (SELECT default_seconds FROM fleet_pace WHERE id = 1) AS defaultSeconds,
         (SELECT MAX(CAST(old_value ->> '$' AS INTEGER))
          ${ENDED(`'reportEverySeconds', 'reportEverySecondsRaisedTo', 'reportEverySecondsDefault'`)}) AS endedSeconds,
         (SELECT COUNT(*) ${ENDED(`'reportEverySeconds'`)}
            AND COALESCE(old_value ->> '$', 'auto') = 'auto') AS timesDefaultEnded`;

interface PaceRow {
  readonly asked: string | null;
  readonly nodes: number | null;
  readonly nodesOfFullest: number | null;
  readonly raisedToSeconds: number | null;
  readonly defaultSeconds: number | null;
  readonly endedSeconds: number | null;
  readonly timesDefaultEnded: number;
}

/** @param db the first database */
export async function readStoredPace(db: D1Database, nowMs: number): Promise<StoredPace> {
  const row = (await db.prepare(READ).bind(nowMs).first<PaceRow>())!;
  const { nodes, nodesOfFullest, raisedToSeconds, defaultSeconds, endedSeconds } = row;
  const isCounted = nodes !== null && nodesOfFullest !== null;
  return {
    asked: toReportEverySeconds(row.asked),
    fleet: isCounted ? { nodes, nodesOfFullest, raisedToSeconds, defaultSeconds } : null,
    endedSeconds,
    defaultEnded: row.timesDefaultEnded > 0,
  };
}

/** The longest interval that a node may know, as the database has it: 0 before the first count. */
export function longestTold({ asked, fleet, endedSeconds }: StoredPace): number {
  const asSet = asked === 'auto' ? 0 : asked;
  return Math.max(asSet, fleet?.raisedToSeconds ?? 0, fleet?.defaultSeconds ?? 0, endedSeconds ?? 0);
}

/** Of each node its own row and, where it enrolled before, that of its newest hour. */
const COUNT = `
  SELECT COUNT(*) AS nodes FROM nodes
  WHERE retired_at_ms IS NULL AND simulated = 0 AND (enrolled_at_ms >= ?1 OR
    ${lastReportAtMs('nodes.number')} >= ?1)`;

/** Nodes of one database that enrolled or reported since then. */
export async function countReporting(db: D1Database, sinceMs: number): Promise<number> {
  return (await db.prepare(COUNT).bind(sinceMs).first<{ nodes: number }>())!.nodes;
}

const WRITE = `
  INSERT INTO fleet_pace (id, nodes, nodes_of_fullest, raised_to_seconds, default_seconds) VALUES (1, ?1, ?2, ?3, ?4)
  ON CONFLICT (id) DO UPDATE SET nodes = excluded.nodes, nodes_of_fullest = excluded.nodes_of_fullest,
    raised_to_seconds = excluded.raised_to_seconds, default_seconds = excluded.default_seconds`;

/** With the changes of the pace that it brings. */
export async function writeCountedFleet(
  db: D1Database,
  { nodes, nodesOfFullest, raisedToSeconds, defaultSeconds }: CountedFleet,
  changes: readonly Change[],
): Promise<void> {
  const write = db.prepare(WRITE).bind(nodes, nodesOfFullest, raisedToSeconds, defaultSeconds);
  await db.batch([write, ...changes.map((change) => recordChange(db, change))]);
}
