/** How large the fleet is, counted by cron so that no report has to ask (docs/decisions/0011-pace.md). */
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core';

/** One row, in the first database; written when it changes. */
export const fleetPace = sqliteTable('fleet_pace', {
  id: integer('id').primaryKey(),
  /** Nodes that report, and how many of them are in the fullest database. */
  nodes: integer('nodes').notNull(),
  nodesOfFullest: integer('nodes_of_fullest').notNull(),
  /** Seconds to which the server has raised what the operator asked for; null: it has not. */
  raisedToSeconds: integer('raised_to_seconds'),
  /** What the server was deployed with when it last looked; null: before it kept it. */
  defaultSeconds: integer('default_seconds'),
});
